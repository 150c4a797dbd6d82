import BotFoundation
import TestSupport
import Testing

@testable import BotCore

@Suite(.timeLimit(.minutes(10)))
struct PushRecordTests {
    private let clock = ManualClock()
    private let capture = LogCapture()
    private let user = Conversation(kind: .single, id: "张三")
    private let message = OutboundMessage(kind: .init(rawValue: "markdown"), body: Array(#"{"content":"三点"}"#.utf8))

    private func ledger(_ store: RecordingStore, opens: Bool = true) async -> Ledger {
        let ledger = Ledger(store, timeline: Timeline(clock), unixTime: { 1_000_000 }, log: capture.log)
        if opens { #expect(await ledger.recover() != nil) }
        return ledger
    }

    private func written(_ store: RecordingStore) -> [String] {
        store.batches.flatMap(\.self).filter { !$0.hasPrefix("forget") }
    }

    @Test func itIsWrittenAsItWaitsDepartsWaitsAgainAndEnds() async throws {
        let store = RecordingStore()
        let ledger = await ledger(store)
        let record = try #require(ledger.record(of: message, to: user))
        for step in [record.waits, record.departs, record.waits, record.waits, record.departs, record.close] {
            step()
            await ledger.barrier()
        }
        #expect(written(store) == ["post 1", "mark 1?", "mark 1", "mark 1?", "settle 1"])
        record.close()
        await ledger.close()
        #expect(written(store).count == 5)
    }

    @Test func whatIsFoundIsTheMessageByteForByte() async throws {
        let store = RecordingStore()
        let ledger = await ledger(store)
        try #require(ledger.record(of: message, to: user)).waits()
        await ledger.close()
        let found = try #require(SavedState(after: store.changes).pushes.first)
        #expect(
            found == SavedPush(number: 1, message: message, conversation: user, postedAt: 1_000_000)
        )
    }

    @Test func oneThatCameAndWentWhileTheDiskWasBusyIsNotWrittenAtAll() async throws {
        let store = RecordingStore()
        let gate = ThreadGate()
        store.gate = gate
        let ledger = await ledger(store)
        try #require(ledger.record(of: message, to: user)).waits()
        _ = await store.asked.next()
        let gone = try #require(ledger.record(of: message, to: user))
        gone.departs()
        gone.close()
        gate.open()
        await ledger.close()
        #expect(written(store) == ["post 1"])
    }

    @Test func itsNumberIsNobodyElses() async throws {
        let turn = SavedTurn(number: 7, message: .test("m"), route: nil, receivedAt: 1)
        let push = SavedPush(number: 9, message: message, conversation: user, postedAt: 1)
        let store = RecordingStore(SavedState(turns: [turn], pushes: [push]))
        let ledger = await ledger(store)
        try #require(ledger.record(of: message, to: user)).waits()
        PushRecord(push, in: ledger, isRecovered: true).close()
        await ledger.close()
        #expect(written(store).sorted() == ["post 10", "settle 9"])
    }

    @Test func whatStandsAsWaitingDoesNotLeaveOnceTheStoreIsClosed() async throws {
        let store = RecordingStore()
        let ledger = await ledger(store)
        let record = try #require(ledger.record(of: message, to: user))
        record.waits()
        let marked = try #require(ledger.record(of: message, to: user))
        marked.departs()
        let unwritten = try #require(ledger.record(of: message, to: user))
        await ledger.close()
        record.departs()
        #expect(!record.mayLeave && marked.mayLeave && unwritten.mayLeave)
        #expect(ledger.record(of: message, to: user) == nil)
        record.leave()
        unwritten.leave()
        #expect(record.isLeft && !unwritten.isLeft)
    }

    @Test func aStoreThatFailsHoldsNothingUp() async throws {
        let store = RecordingStore()
        store.failures = 100
        let ledger = await ledger(store, opens: false)
        #expect(await ledger.recover() == nil)
        let record = try #require(ledger.record(of: message, to: user))
        record.waits()
        record.departs()
        await ledger.barrier()
        #expect(record.mayLeave)
        record.leave()
        #expect(!record.isLeft, "no other process will know of it")
        record.close()
        await ledger.close()
        #expect(capture.messages(from: .error).count == 1)
    }
}
