import BotCore
import BotFoundation
import TestSupport
import Testing

@Suite("Dispatcher", .timeLimit(.minutes(10)))
struct DispatcherTests {
    private let clock = ManualClock()
    private let capture = LogCapture()

    private struct Failure: Error {}

    /// A dispatcher that runs while `body` does, and then drains. Returns when both have ended.
    private func run(
        configuration: DispatcherConfiguration = .init(),
        handler: @escaping @Sendable (Inbound, Reply) async throws -> Void,
        _ body: (Dispatcher) async -> Void
    ) async -> Dispatcher {
        let dispatcher = dispatcher(configuration, handler)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await dispatcher.run() }
            await body(dispatcher)
            await dispatcher.drain(deadline: .seconds(60))
        }
        return dispatcher
    }

    private func dispatcher(
        _ configuration: DispatcherConfiguration = .init(),
        _ handler: @escaping @Sendable (Inbound, Reply) async throws -> Void
    ) -> Dispatcher {
        Dispatcher(
            handler: ClosureHandler(handler),
            configuration: configuration,
            clock: clock,
            log: capture.log
        )
    }

    @Test("what a handler writes is the answer, and returning finishes it")
    func answers() async {
        let channel = RecordingChannel()
        let dispatcher = await run { message, reply in
            await reply.write("echo: ")
            await reply.write(message.text)
        } _: { dispatcher in
            dispatcher.receive(.test("1", text: "你好"), through: channel)
        }
        #expect(channel.finals == ["echo: 你好"])
        #expect(dispatcher.statistics.delivered == 1)
        #expect(dispatcher.statistics.active == 0)
    }

    @Test("what became of an answer is not made worse than it is known to be")
    func undeliveredAndUnknown() async {
        _ = await run { _, reply in
            await reply.finish("text")
        } _: { dispatcher in
            let silent = RecordingChannel(automatic: .unknown(.init("no verdict")))
            dispatcher.receive(.test("1", in: "a"), through: silent)
            let refusing = RecordingChannel(automatic: .refused(.init(code: 1, "no")))
            dispatcher.receive(.test("2", in: "b"), through: refusing)
        }
        #expect(
            capture.messages(from: .notice).sorted() == [
                "an answer may not have been delivered: no verdict", "an answer was not delivered: no (errcode 1)",
            ]
        )
    }

    @Test("an answer that came another way is delivered, is counted as such, and is logged once")
    func redirected() async {
        let channel = RecordingChannel(automatic: .redirected(.init(code: 846_608, "expired")))
        let outcomes = Locked<[Delivery]>([])
        let dispatcher = await run { _, reply in
            await reply.write("text")
            let outcome = await reply.finish()
            outcomes.withLock { $0.append(outcome) }
        } _: { dispatcher in
            dispatcher.receive(.test("1"), through: channel)
        }
        #expect(outcomes.withLock { $0 } == [.redirected(.init(code: 846_608, "expired"))])
        #expect(dispatcher.statistics.delivered == 1 && dispatcher.statistics.redirected == 1)
        #expect(dispatcher.statistics.undelivered == 0 && dispatcher.statistics.unknown == 0)
        #expect(
            capture.messages(from: .notice) == [
                "an answer was delivered another way than it was begun: expired (errcode 846608)"
            ]
        )
    }

    @Test("a burst of 500 in one conversation is answered one by one in order")
    func burst() async {
        let order = Locked<[String]>([])
        let running = Locked(0)
        let channel = RecordingChannel()
        let dispatcher = await run { message, reply in
            #expect(
                running.withLock {
                    $0 += 1; return $0
                } == 1
            )
            order.withLock { $0.append(message.id) }
            await Task.yield()
            running.withLock { $0 -= 1 }
            await reply.write(message.id)
        } _: { dispatcher in
            for number in 0..<500 { dispatcher.receive(.test("\(number)"), through: channel) }
        }
        #expect(order.withLock { $0 } == (0..<500).map(String.init))
        #expect(channel.finals == (0..<500).map(String.init))
        #expect(dispatcher.statistics.delivered == 500)
    }

    @Test("conversations do not wait for each other")
    func concurrentAcrossConversations() async {
        let release = Promise<Void>()
        let entered = Mailbox<String>()
        _ = await run { message, reply in
            entered.put(message.conversation.id)
            _ = await release.value()
            await reply.write("x")
        } _: { dispatcher in
            for number in 0..<50 {
                dispatcher.receive(.test("\(number)", in: "\(number)"), through: RecordingChannel())
            }
            dispatcher.receive(.test("again", in: "0"), through: RecordingChannel())
            #expect(Set(await entered.next(50)).count == 50)
            #expect(dispatcher.statistics.active == 50)
            #expect(dispatcher.statistics.queued == 1)
            release.fulfill(())
        }
    }

    @Test("handlers that block their threads harm only their own turns")
    func blockingHandlers() async {
        let gate = Locked(false)
        let opened = Condition()
        let entered = Mailbox<Void>()
        let answered = RecordingChannel()
        let dispatcher = await run { message, reply in
            if message.text == "block" {
                entered.put(())
                _ = gate.wait(for: opened, atMost: .seconds(60)) { isOpen, _ in isOpen ? true : nil }
            }
            await reply.write("done")
        } _: { dispatcher in
            for number in 0..<40 {
                dispatcher.receive(.test("\(number)", in: "\(number)", text: "block"), through: RecordingChannel())
            }
            _ = await entered.next(40)
            // Far more blocked threads than cores, and yet another turn runs to its end.
            dispatcher.receive(.test("free", in: "free"), through: answered)
            var update = await answered.sent.next()
            while update?.isFinal == false { update = await answered.sent.next() }
            #expect(update?.text == "done")
            gate.withLock { $0 = true }
            opened.broadcast()
        }
        #expect(dispatcher.statistics.delivered == 41)
    }

    @Test("a handler that throws apologises, after what it has written")
    func throwingHandler() async {
        let channel = RecordingChannel()
        let apology = DispatcherConfiguration().apology
        let dispatcher = await run { message, reply in
            if !message.text.isEmpty { await reply.write(message.text) }
            throw Failure()
        } _: { dispatcher in
            dispatcher.receive(.test("1", text: "half"), through: channel)
            dispatcher.receive(.test("2"), through: channel)
        }
        #expect(channel.finals == ["half\n\n\(apology)", apology])
        #expect(dispatcher.statistics.handlerFailures == 2)
        #expect(capture.messages(from: .error) == ["the handler failed: Failure", "the handler failed: Failure"])
    }

    @Test("a handler may wait for the verdict; its lane is busy until it returns")
    func handlerWaitsForVerdict() async {
        let release = Promise<Void>()
        let verdicts = Mailbox<Delivery>()
        let channel = RecordingChannel()
        _ = await run { message, reply in
            verdicts.put(await reply.finish("answer to \(message.id)"))
            if message.id == "1" { _ = await release.value() }
        } _: { dispatcher in
            dispatcher.receive(.test("1"), through: channel)
            dispatcher.receive(.test("2"), through: channel)
            #expect(await verdicts.next() == .delivered)
            #expect(dispatcher.statistics.queued == 1)
            release.fulfill(())
            #expect(await verdicts.next() == .delivered)
        }
        #expect(channel.finals == ["answer to 1", "answer to 2"])
    }

    @Test("a message that is delivered again is answered once")
    func duplicates() async {
        let channel = RecordingChannel()
        let dispatcher = await run { message, reply in
            await reply.write(message.id)
        } _: { dispatcher in
            for _ in 0..<3 { dispatcher.receive(.test("1"), through: channel) }
            dispatcher.receive(.test(""), through: channel)
            dispatcher.receive(.test("", text: "no id"), through: channel)
            clock.advance(by: .seconds(600))
            dispatcher.receive(.test("1"), through: channel)
        }
        #expect(dispatcher.statistics.duplicates == 2)
        #expect(dispatcher.statistics.received == 6)
        #expect(channel.finals == ["1", "1"])
        #expect(capture.messages().count { $0 == "a message was delivered again" } == 2)
    }

    @Test("a message without room gets the busy text, and counts if it comes again")
    func busy() async {
        var configuration = DispatcherConfiguration()
        configuration.maximumWaitingPerConversation = 1
        configuration.busyText = "busy"
        let release = Promise<Void>()
        let (channel, rejected) = (RecordingChannel(), RecordingChannel())
        let dispatcher = await run(configuration: configuration) { message, reply in
            _ = await release.value()
            await reply.write(message.id)
        } _: { dispatcher in
            dispatcher.receive(.test("1"), through: channel)
            dispatcher.receive(.test("2"), through: channel)
            dispatcher.receive(.test("3"), through: rejected)
            #expect(await rejected.sent.next() == BubbleUpdate(bubble: 0, text: "busy", isFinal: true))
            dispatcher.receive(.test("3"), through: rejected)
            await rejected.sent.next()
            release.fulfill(())
        }
        #expect(channel.finals == ["1", "2"])
        #expect(dispatcher.statistics.rejected == 2)
        #expect(dispatcher.statistics.duplicates == 0)
    }

    @Test("messages that come before run() are kept")
    func keptBeforeRun() async {
        let channel = RecordingChannel()
        let dispatcher = dispatcher { message, reply in await reply.write(message.id) }
        for number in 0..<3 { dispatcher.receive(.test("\(number)"), through: channel) }
        #expect(dispatcher.statistics.queued == 2)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await dispatcher.run() }
            var finals = 0
            while finals < 3, let update = await channel.sent.next() { finals += update.isFinal ? 1 : 0 }
            await dispatcher.drain(deadline: .seconds(60))
        }
        #expect(channel.finals == ["0", "1", "2"])
    }

    @Test("running twice is a programming error")
    func runTwice() async {
        await #expect(processExitsWith: .failure) {
            let dispatcher = Dispatcher(handler: ClosureHandler { _, _ in })
            await dispatcher.drain(deadline: .zero)
            await dispatcher.run()
            await dispatcher.run()
        }
    }
}
