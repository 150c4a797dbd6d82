import BotCore
import BotFoundation
import TestSupport
import Testing

@Suite("Dispatcher, shutdown", .timeLimit(.minutes(10)))
struct DispatcherDrainTests {
    private let clock = ManualClock()
    private let capture = LogCapture()

    private func dispatcher(
        _ configuration: DispatcherConfiguration = .init(),
        _ handler: @escaping @Sendable (Inbound, Reply) async throws -> Void
    ) -> Dispatcher {
        Dispatcher(handler: ClosureHandler(handler), configuration: configuration, clock: clock, log: capture.log)
    }

    @Test("drain lets turns end, those that wait as well, and then run() returns")
    func drainLetsTurnsEnd() async {
        let release = Promise<Void>()
        let entered = Mailbox<Void>()
        let channel = RecordingChannel()
        let dispatcher = dispatcher { message, reply in
            entered.put(())
            _ = await release.value()
            await reply.write(message.id)
        }
        async let running: Void = dispatcher.run()
        dispatcher.receive(.test("1"), through: channel)
        dispatcher.receive(.test("2"), through: channel)
        await entered.next()
        async let draining: Void = dispatcher.drain(deadline: .seconds(10))
        await clock.waitForSleepers(1)
        // The intake has stopped.
        let late = RecordingChannel()
        dispatcher.receive(.test("3"), through: late)
        #expect(dispatcher.statistics.refused == 1)
        #expect(await late.sent.next()?.text == DispatcherConfiguration().busyText)
        release.fulfill(())
        _ = await (draining, running)
        #expect(channel.finals == ["1", "2"])
        #expect(clock.sleepers == 0)
    }

    @Test("at the deadline handlers are cancelled and their answers end with the text they have")
    func deadline() async {
        var configuration = DispatcherConfiguration()
        configuration.busyText = "later"
        let (channel, waiting) = (RecordingChannel(), RecordingChannel())
        let never = Promise<Void>()
        let wasCancelled = Locked(false)
        let dispatcher = dispatcher(configuration) { _, reply in
            await reply.write("half an answer")
            _ = await never.value()
            wasCancelled.withLock { $0 = Task.isCancelled }
            await reply.write("too late")
            throw CancellationError()
        }
        async let running: Void = dispatcher.run()
        dispatcher.receive(.test("1"), through: channel)
        dispatcher.receive(.test("2"), through: waiting)
        await channel.sent.next()
        async let draining: Void = dispatcher.drain(deadline: .seconds(10))
        await clock.waitForSleepers(1)
        clock.advance(by: .seconds(10))
        _ = await (draining, running)
        #expect(channel.finals == ["half an answer"])
        #expect(waiting.finals == ["later"])
        #expect(wasCancelled.withLock { $0 })
        #expect(dispatcher.statistics.handlerFailures == 0)
        #expect(dispatcher.statistics.rejected == 1)
    }

    @Test("a handler that ignores its cancellation does not hold up drain, and its answer is ended")
    func neverReturningHandler() async {
        let (channel, other) = (RecordingChannel(), RecordingChannel())
        let release = Mailbox<Void>()
        let isOpen = Locked(false)
        let opened = Condition()
        let dispatcher = dispatcher { message, reply in
            await reply.write("half")
            guard message.conversation.id == "stuck" else { return }
            // Blocks its thread: no cancellation reaches it.
            _ = isOpen.wait(for: opened, atMost: .seconds(60)) { isOpen, _ in isOpen ? true : nil }
            release.put(())
        }
        async let running: Void = dispatcher.run()
        dispatcher.receive(.test("1", in: "stuck"), through: channel)
        await channel.sent.next()
        // Only its own conversation waits.
        dispatcher.receive(.test("2", in: "other"), through: other)
        var update = await other.sent.next()
        while update?.isFinal == false { update = await other.sent.next() }

        async let draining: Void = dispatcher.drain(deadline: .seconds(10))
        await clock.waitForSleepers(1)
        clock.advance(by: .seconds(10))
        await draining
        #expect(channel.finals == ["half"])
        // The other conversation's turn may still be on its way out.
        #expect(dispatcher.statistics.active >= 1)

        isOpen.withLock { $0 = true }
        opened.broadcast()
        await release.next()
        await running
        #expect(dispatcher.statistics.active == 0)
    }

    @Test("a verdict that does not come holds up drain for the grace only")
    func grace() async {
        let channel = RecordingChannel(automatic: nil)
        let dispatcher = dispatcher { _, reply in await reply.finish("a") }
        async let running: Void = dispatcher.run()
        dispatcher.receive(.test("1"), through: channel)
        await channel.sent.next()
        async let draining: Void = dispatcher.drain(deadline: .seconds(10), grace: .seconds(2))
        await clock.waitForSleepers(1)
        clock.advance(by: .seconds(10))
        await clock.waitForSleepers(1)
        clock.advance(by: .seconds(2))
        await draining
        #expect(capture.messages(from: .warning).count == 1)
        channel.settle(.delivered)
        channel.settle(.delivered)
        await running
        #expect(dispatcher.statistics.delivered == 1)
    }

    @Test("a refused message is not remembered as seen, and nothing runs after drain")
    func refusedAfterDrain() async {
        let channel = RecordingChannel()
        let dispatcher = dispatcher { _, reply in await reply.write("x") }
        async let running: Void = dispatcher.run()
        await dispatcher.drain(deadline: .zero)
        await running
        for _ in 0..<2 { dispatcher.receive(.test("1"), through: channel) }
        #expect(dispatcher.statistics.refused == 2)
        #expect(dispatcher.statistics.duplicates == 0)
        #expect(channel.updates.isEmpty)
        #expect(capture.messages().filter { $0.contains("intake had stopped") }.count == 2)
    }

    @Test("cancelling run() ends every turn, with what it has written")
    func cancelledRun() async {
        let channel = RecordingChannel()
        let never = Promise<Void>()
        let dispatcher = dispatcher { _, reply in
            await reply.write("half")
            _ = await never.value()
        }
        let running = Task { await dispatcher.run() }
        dispatcher.receive(.test("1"), through: channel)
        dispatcher.receive(.test("2"), through: channel)
        await channel.sent.next()
        running.cancel()
        await running.value
        #expect(channel.finals == ["half"])
        dispatcher.receive(.test("3", in: "other"), through: channel)
        #expect(dispatcher.statistics.active == 0 && dispatcher.statistics.queued == 0)
        await dispatcher.drain(deadline: .seconds(10))
    }
}
