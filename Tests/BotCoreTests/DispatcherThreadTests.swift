import BotFoundation
import TestSupport
import Testing

@testable import BotCore

/// Handlers that block every thread there is.
@Suite("Dispatcher, threads", .timeLimit(.minutes(10)))
struct DispatcherThreadTests {
    private let clock = ManualClock()
    private let lines = EventRecorder<Log.Record>()

    @Test("a message that waits for a thread is counted and told; one less, and nothing waits")
    func exhausted() async throws {
        var configuration = DispatcherConfiguration()
        configuration.maximumHandlerThreads = 2
        let (gate, entered) = (ThreadGate(), Mailbox<Void>())
        let dispatcher = Dispatcher(
            handler: ClosureHandler { _, _ in
                entered.put(())
                gate.pass()
            },
            configuration: configuration,
            clock: clock,
            log: Log(level: .warning) { [lines] in lines.record($0) }
        )
        async let running: Void = dispatcher.run()
        let channel = RecordingChannel()
        for number in 1...2 { dispatcher.receive(.test("\(number)", in: "\(number)"), through: channel) }
        _ = await entered.next(2)
        #expect(dispatcher.statistics.threadless == 0 && dispatcher.statistics.stalledSince == nil)
        // Who looks after them has seen that they have theirs.
        while clock.sleepers > 0 { await Task.yield() }
        dispatcher.receive(.test("3", in: "3"), through: channel)
        while dispatcher.statistics.threadless == 0 { await Task.yield() }
        await clock.waitForSleepers(1)
        let since = try #require(dispatcher.statistics.stalledSince)
        clock.advance(by: Dispatcher.threadPatience - .nanoseconds(1))
        #expect(lines.events.isEmpty)
        clock.advance(by: .nanoseconds(1))
        let line = await lines.first { $0 }
        #expect(line.message == "a message waits for a thread: handlers block all 2 of them")
        #expect(line.metadata.last?.value == "1")
        #expect(dispatcher.statistics.stalledSince == since)
        gate.open()
        await dispatcher.drain(deadline: .seconds(60))
        await running
        #expect(dispatcher.statistics.threadless == 0 && dispatcher.statistics.stalledSince == nil)
        #expect(lines.events.count == 1)
    }

    @Test("nothing has begun since the first that waits came, or since the last that began")
    func stalledSince() {
        var machine = DispatcherMachine(configuration: .init())
        let start = ContinuousClock.now
        machine.handlerWaits(now: start)
        machine.handlerWaits(now: start + .seconds(1))
        #expect(machine.statistics.threadless == 2 && machine.statistics.stalledSince == start)
        machine.handlerBegins(now: start + .seconds(5))
        #expect(machine.statistics.threadless == 1 && machine.statistics.stalledSince == start + .seconds(5))
        machine.handlerBegins(now: start + .seconds(6))
        #expect(machine.statistics.threadless == 0 && machine.statistics.stalledSince == nil)
        machine.handlerWaits(now: start + .seconds(9))
        #expect(machine.statistics.stalledSince == start + .seconds(9))
    }
}
