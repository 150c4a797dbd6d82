import BotFoundation
import TestSupport
import Testing

@testable import BotCore

@Suite("Ledger", .timeLimit(.minutes(10)))
struct LedgerTests {
    private let clock = ManualClock()
    private let capture = LogCapture()
    private let store = RecordingStore()
    private let unixTime = Locked<Int64>(1_000_000)

    private func ledger(capacity: Int = 8_192, opens: Bool = true) async -> Ledger {
        var window = Ledger.Window()
        window.capacity = capacity
        let ledger = Ledger(
            store,
            window: window,
            timeline: Timeline(clock),
            unixTime: { [unixTime] in unixTime.withLock { $0 } },
            log: capture.log
        )
        if opens { #expect(await ledger.recover() != nil) }
        return ledger
    }

    private func record(_ number: Int64, in ledger: Ledger, id: String? = nil) -> TurnRecord {
        let message = Inbound.test(id ?? "m\(number)")
        return TurnRecord(SavedTurn(number: number, message: message, route: nil, receivedAt: 1_000_000), in: ledger)
    }

    /// The batches without the bookkeeping of ids.
    private var written: [[String]] {
        store.batches.map { $0.filter { !$0.hasPrefix("forget") } }.filter { !$0.isEmpty }
    }

    private func stream(_ record: TurnRecord?) -> ReplyStream {
        ReplyStream(capabilities: ReplyCapabilities(), record: record)
    }

    @Test("a turn is written as it opens, goes on and closes")
    func life() async {
        let ledger = await ledger()
        let record = record(1, in: ledger)
        record.advance()
        await ledger.barrier()
        let stream = stream(record)
        await record.start(stream)
        stream.append("你好")
        await record.settle()
        stream.end()  // tells the record by itself
        await ledger.barrier()
        record.close()
        await ledger.barrier()
        #expect(
            written == [
                ["open 1 m1"], [#"answer 1 [0 ""]"#], [#"answer 1 [0 "你好"]"#],
                [#"answer 1 [0 "你好" complete]"#], ["close 1"],
            ]
        )
        // A late word of another thread changes nothing.
        record.advance()
        await ledger.barrier()
        #expect(written.count == 5)
        await ledger.close()
        #expect(store.isClosed)
    }

    @Test("what changes while the disk is busy is one batch, each turn once and in order")
    func groupCommit() async {
        let gate = ThreadGate()
        store.gate = gate
        let ledger = await ledger()
        let first = record(1, in: ledger)
        first.advance()
        _ = await store.asked.next()
        let second = record(2, in: ledger)
        let third = record(3, in: ledger)
        third.advance()
        second.advance()
        let answer = stream(first)
        async let started: Void = first.start(answer)
        for number in 0..<1_000 {
            answer.append("\(number % 10)")
            first.advance()
        }
        // Came and went without ever having been written: only its id is.
        let fourth = record(4, in: ledger)
        fourth.advance()
        fourth.close()
        let nameless = record(5, in: ledger, id: "")
        nameless.advance()
        nameless.close()
        gate.open()
        await started
        await ledger.barrier()
        let text = String(repeating: "0123456789", count: 100)
        #expect(written[0] == ["open 1 m1"])
        let rest = written.dropFirst().flatMap(\.self)
        #expect(rest.last(where: { $0.hasPrefix("answer 1") }) == #"answer 1 [0 "\#(text)"]"#)
        #expect(rest.filter { !$0.hasPrefix("answer 1") } == ["seen m4 1000000", "open 2 m2", "open 3 m3"])
        #expect(written.count <= 4)
        first.close()  // until then it and its stream hold each other
        await ledger.close()
    }

    @Test("a barrier returns when what was noted before it is written, not sooner")
    func barrier() async {
        let ledger = await ledger()
        await ledger.barrier()  // nothing to wait for
        let gate = ThreadGate()
        store.gate = gate
        let record = record(1, in: ledger)
        let order = Locked<[String]>([])
        record.advance()
        _ = await store.asked.next()
        async let waiting: Void = {
            await ledger.barrier()
            order.withLock { $0.append("barrier, \(self.store.batches.count) batches") }
        }()
        await clock.waitForSleepers(1)
        order.withLock { $0.append("opened") }
        gate.open()
        await waiting
        #expect(order.withLock { $0 } == ["opened", "barrier, 1 batches"])
        #expect(clock.sleepers == 0)
        await ledger.close()
    }

    @Test("a store that fails holds nothing up, is said once, and is tried again after a while")
    func failure() async {
        let ledger = await ledger()
        store.failures = 3
        let first = record(1, in: ledger)
        await first.start(stream(first))
        #expect(!ledger.isHealthy)
        #expect(ledger.failures == 1)
        let second = record(2, in: ledger)
        await second.settle()
        clock.advance(by: Ledger.retryInterval - .nanoseconds(1))
        await second.settle()
        #expect(ledger.failures == 1)
        clock.advance(by: .nanoseconds(1))
        second.advance()
        _ = await store.asked.next(2)
        await ledger.close()
        #expect(ledger.failures == 3)
        #expect(store.batches.isEmpty)
        #expect(capture.messages(from: .warning).count == 1)
        #expect(capture.messages(from: .error).first?.hasSuffix("repeat: no room") == true)
        first.close()  // its stream holds it
    }

    @Test("what could not be written is, when the store works again, and that is said once")
    func recoversFromFailure() async {
        let ledger = await ledger()
        store.failures = 2
        let first = record(1, in: ledger)
        await first.settle()
        let gone = record(2, in: ledger)
        await gone.settle()
        gone.close()
        clock.advance(by: Ledger.retryInterval)
        let third = record(3, in: ledger)
        third.advance()
        _ = await store.asked.next(2)
        third.close()
        await ledger.close()
        // One batch is written whole or not at all. Where the third stands in it depends on whether it was closed before the failed
        // write was put back.
        #expect(written.map { $0.sorted() } == [["open 1 m1", "seen m2 1000000", "seen m3 1000000"]])
        #expect(capture.messages(from: .error).count == 1)
        #expect(capture.messages().count { $0 == "the state is saved again" } == 1)
    }

    @Test("what could not be written is as soon as it is time, though nothing else happens")
    func retriesByItself() async {
        let ledger = await ledger()
        let retrying = Task { await ledger.retryFailures() }
        store.failures = 2
        let record = record(1, in: ledger)
        await record.settle()
        _ = await store.asked.next()
        for attempt in 1...2 {
            await clock.waitForSleepers(1)
            clock.advance(by: Ledger.retryInterval - .nanoseconds(1))
            #expect(ledger.failures == attempt)
            clock.advance(by: .nanoseconds(1))
            _ = await store.asked.next()
        }
        await ledger.close()
        #expect(written == [["open 1 m1"]])
        #expect(ledger.failures == 2)
        #expect(capture.messages().count { $0 == "the state is saved again" } == 1)
        retrying.cancel()
        await retrying.value
        #expect(clock.sleepers == 0)
    }

    @Test("while a write hangs, of what comes and goes only the ids are kept; what it opens is closed after it")
    func boundedWhileHanging() async {
        let gate = ThreadGate()
        store.gate = gate
        let ledger = await ledger(capacity: 10)
        let first = record(1, in: ledger)
        first.advance()
        _ = await store.asked.next()
        for number in 2...1_000 {
            let record = record(Int64(number), in: ledger)
            record.advance()
            record.close()
        }
        first.close()
        gate.open()
        await ledger.close()
        let lines = written.joined()
        #expect((10...20).contains(lines.count { $0.hasPrefix("seen") }))
        #expect(lines.filter { !$0.hasPrefix("seen") } == ["open 1 m1", "close 1"])
    }

    @Test("ids that could not be written are bounded")
    func boundedSightings() async {
        let ledger = await ledger(capacity: 10)
        store.failures = 2
        ledger.saw("first")
        await ledger.barrier()
        for number in 0..<20 {
            unixTime.withLock { $0 += 1 }
            ledger.saw("id-\(number)")
        }
        ledger.saw("")
        clock.advance(by: Ledger.retryInterval)
        ledger.saw("id-19")
        _ = await store.asked.next(2)
        await ledger.close()
        #expect(written == [(10..<20).map { "seen id-\($0) \(1_000_001 + $0)" }])
    }

    @Test("a disk that does not answer holds an answer up for the patience only")
    func slowDisk() async {
        let gate = ThreadGate()
        store.gate = gate
        let ledger = await ledger()
        let record = record(1, in: ledger)
        async let settled: Void = record.settle()
        await clock.waitForSleepers(1)
        clock.advance(by: Ledger.patience)
        await settled
        #expect(!ledger.isHealthy)
        await record.settle()  // at once
        gate.open()
        store.gate = nil
        await ledger.close()
        #expect(written.flatMap(\.self).first == "open 1 m1")
        #expect(capture.messages(from: .notice).count == 2)
    }

    @Test("after a slow write a barrier waits for the disk again")
    func barrierAfterSlowDisk() async {
        let gate = ThreadGate()
        store.gate = gate
        let ledger = await ledger()
        let first = record(1, in: ledger)
        async let settled: Void = first.settle()
        await clock.waitForSleepers(1)
        _ = await store.asked.next()
        let second = record(2, in: ledger)
        second.advance()
        clock.advance(by: Ledger.patience)
        await settled
        let (nextGate, order) = (ThreadGate(), EventRecorder<String>())
        store.gate = nextGate
        gate.open()
        _ = await store.asked.next()
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await ledger.barrier()
                order.record("barrier")
            }
            for _ in 0..<100 { await Task.yield() }
            order.record("opened")
            nextGate.open()
        }
        #expect(order.events == ["opened", "barrier"])
        #expect(written.flatMap(\.self).contains("open 2 m2"))
        await ledger.close()
    }

    @Test("old ids are forgotten once a minute")
    func forgets() async {
        let ledger = await ledger(capacity: 7)
        unixTime.withLock { $0 = 2_000_000 }
        for _ in 0..<2 {
            ledger.saw("a")
            await ledger.barrier()
        }
        clock.advance(by: Ledger.forgetInterval)
        ledger.saw("a")
        await ledger.barrier()
        #expect(store.batches.flatMap(\.self).filter { $0 == "forget 1400000 7" }.count == 2)
        await ledger.close()
    }

    @Test("a store that cannot be opened is said once and holds nothing up; opened later, it gets what has changed")
    func opensLate() async {
        let left = SavedTurn(number: 41, message: .test("left"), route: nil, receivedAt: 1)
        let store = RecordingStore(SavedState(turns: [left], seen: [.init(id: "left", at: 1)]))
        var window = Ledger.Window()
        window.capacity = 10
        let ledger = Ledger(store, window: window, timeline: Timeline(clock), unixTime: { 0 }, log: capture.log)
        store.failures = 2
        #expect(ledger.isToBeOpened)
        #expect(await ledger.recover() == nil)
        #expect(ledger.isToBeOpened && !ledger.isHealthy)
        let first = record(1, in: ledger)
        await first.settle()
        for number in 2...50 {
            let gone = record(Int64(number), in: ledger)
            await gone.settle()
            gone.close()
        }
        let last = record(51, in: ledger)
        await last.settle()
        #expect(await ledger.recover() == nil)
        #expect(store.batches.isEmpty)
        #expect(await ledger.recover()?.turns.map(\.number) == [41])
        #expect(await ledger.recover() == nil, "it is given once")
        #expect(!ledger.isToBeOpened && ledger.isHealthy)
        // The numbers go on after those that are there.
        let again = TurnRecord(left, in: ledger, isRecovered: true)
        again.close()
        await ledger.barrier()
        await ledger.close()
        let written = store.batches.joined().filter { !$0.hasPrefix("forget") }
        #expect(written.filter { !$0.hasPrefix("seen") } == ["open 42 m1", "open 92 m51", "close 41"])
        #expect((10...20).contains(written.count { $0.hasPrefix("seen") }))
        #expect(ledger.failures == 2)
        #expect(capture.messages(from: .error).count == 1)
        #expect(capture.messages(from: .notice).last == "the state is saved again")
    }

    @Test(
        "a disk that hangs while the store is opened is waited for no longer than the patience, and used when it is there"
    )
    func opensSlowly() async {
        let gate = ThreadGate()
        store.openingGate = gate
        let ledger = await ledger(opens: false)
        async let found = ledger.recover()
        await clock.waitForSleepers(1)
        clock.advance(by: Ledger.patience)
        #expect(await found == nil)
        #expect(ledger.isToBeOpened)
        let record = record(1, in: ledger)
        await record.settle()
        async let later = ledger.recover()
        await clock.waitForSleepers(1)
        gate.open()
        #expect(await later != nil)
        await ledger.close()
        #expect(written == [["open 1 m1"]])
        #expect(store.openings == 1)
    }

    @Test("a store that was never opened is closed and not written")
    func neverOpened() async {
        store.failures = 1
        let ledger = await ledger(opens: false)
        #expect(await ledger.recover() == nil)
        let record = record(1, in: ledger)
        await record.settle()
        await ledger.close()
        #expect(store.batches.isEmpty)
        #expect(store.isClosed)
        #expect(await ledger.recover() == nil)
        #expect(!ledger.isToBeOpened && store.openings == 1)
    }
}
