import BotFoundation
import TestSupport
import Testing

@testable import BotCore

/// Messages that come while turns are ending.
@Suite("Dispatcher, messages that come late", .timeLimit(.minutes(10)))
struct DispatcherLateTests {
    private let clock = ManualClock()
    private let capture = LogCapture()
    private let release = Promise<Void>()
    private let entered = Mailbox<Void>()

    private func dispatcher(_ store: RecordingStore? = nil) -> Dispatcher {
        var configuration = DispatcherConfiguration()
        configuration.busyText = "later"
        let handler = ClosureHandler { [entered, release] message, reply in
            entered.put(())
            _ = await release.value()
            await reply.write("answer to \(message.id)")
        }
        return Dispatcher(
            handler: handler,
            configuration: configuration,
            store: store,
            clock: clock,
            unixTime: { 0 },
            log: capture.log
        )
    }

    /// Runs `body` while a turn is ending.
    ///
    /// - Parameter sleepers: How many tasks wait for a time then; one of them is the end of the turn.
    private func drain(_ dispatcher: Dispatcher, sleepers: Int = 1, _ body: () async -> Void) async {
        await dispatcher.recover { _ in nil }
        async let running: Void = dispatcher.run()
        dispatcher.receive(.test("1"), through: RoutedChannel(RecordingChannel(), route: "r"))
        await entered.next()
        async let draining: Void = dispatcher.drain(deadline: .seconds(10))
        await clock.waitForSleepers(sleepers)
        await body()
        release.fulfill(())
        _ = await (draining, running)
    }

    @Test("they are written down and the next process answers them, once")
    func kept() async {
        let store = RecordingStore()
        let (first, late) = (dispatcher(store), RecordingChannel())
        await drain(first) {
            for _ in 0..<2 {
                first.receive(.test("2", in: "b", text: "晚到的👋🏽"), through: RoutedChannel(late, route: "r"))
            }
        }
        #expect(late.updates.isEmpty)
        #expect(first.statistics.refused == 1 && first.statistics.duplicates == 1)
        let state = SavedState(after: store.changes)
        #expect(state.turns.map(\.message.id) == ["2"])
        #expect(state.turns.map(\.message.text) == ["晚到的👋🏽"] && state.turns.allSatisfy { $0.answer == nil })
        #expect(capture.messages(from: .notice).count { $0.hasSuffix("the next start answers it") } == 1)

        let next = dispatcher(RecordingStore(state))
        await next.recover { turn in turn.route == "r" ? late : nil }
        async let running: Void = next.run()
        next.receive(.test("2", in: "b"), through: late)
        await next.drain(deadline: .seconds(60))
        await running
        #expect(late.finals == ["answer to 2"])
        #expect(next.statistics.duplicates == 1)
    }

    @Test(
        "where nothing can be written down, or the way back would not be found, they are told to come again",
        arguments: [false, true]
    )
    func turnedAway(hasStore: Bool) async {
        let store = RecordingStore()
        let (dispatcher, late) = (dispatcher(hasStore ? store : nil), RecordingChannel())
        await drain(dispatcher) {
            for _ in 0..<2 { dispatcher.receive(.test("2", in: "b"), through: late) }
            _ = await late.sent.next(2)
        }
        #expect(late.finals == ["later", "later"])
        #expect(dispatcher.statistics.refused == 2 && dispatcher.statistics.duplicates == 0)
        #expect(SavedState(after: store.changes).turns.isEmpty)
    }

    @Test("a store that fails keeps nothing, so that they are told to come again")
    func failingStore() async {
        let store = RecordingStore()
        let (dispatcher, late) = (dispatcher(store), RecordingChannel())
        store.failures = .max
        // It is to be opened later, which is the other.
        await drain(dispatcher, sleepers: 2) {
            dispatcher.receive(.test("2", in: "b"), through: RoutedChannel(late, route: "r"))
            await late.sent.next()
        }
        #expect(late.finals == ["later"])
    }

    @Test(
        "when the time is over nothing is begun for them, and what can be written down still is",
        arguments: [false, true]
    )
    func afterTheDeadline(hasStore: Bool) async {
        let store = RecordingStore()
        let channel = RecordingChannel(automatic: nil)
        let dispatcher = Dispatcher(
            handler: ClosureHandler { _, reply in await reply.finish("a") },
            store: hasStore ? store : nil,
            clock: clock,
            unixTime: { 0 }
        )
        await dispatcher.recover { _ in nil }
        async let running: Void = dispatcher.run()
        dispatcher.receive(.test("1"), through: RoutedChannel(channel, route: "r"))
        await channel.sent.next()
        async let draining: Void = dispatcher.drain(deadline: .seconds(1))
        await clock.waitForSleepers(1)
        clock.advance(by: .seconds(1))
        await clock.waitForSleepers(1)
        let late = RecordingChannel()
        dispatcher.receive(.test("2", in: "b"), through: RoutedChannel(late, route: "r"))
        channel.settle(.delivered)
        channel.settle(.delivered)
        _ = await (draining, running)
        #expect(late.updates.isEmpty)
        #expect(SavedState(after: store.changes).turns.map(\.message.id) == (hasStore ? ["2"] : []))
    }
}
