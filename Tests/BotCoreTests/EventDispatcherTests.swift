import BotCore
import BotFoundation
import TestSupport
import Testing

@Suite("EventDispatcher", .timeLimit(.minutes(10)))
struct EventDispatcherTests {
    /// A channel that takes everything.
    private struct Channel: EventChannel {
        let answered = EventRecorder<OutboundMessage>()

        func answer(_ message: OutboundMessage) async -> Delivery {
            answered.record(message)
            return .delivered
        }

        func send(_ message: OutboundMessage) async -> Delivery { .delivered }
    }

    private struct Broken: Error, CustomStringConvertible { let description = "nobody may read this" }

    private let clock = ManualClock()
    private let capture = LogCapture()
    private let handled = EventRecorder<String>()

    private func event(_ id: String, in chat: String? = "chat") -> Event {
        Event(
            id: id,
            kind: Event.Kind(rawValue: "kind"),
            conversation: chat.map { Conversation(kind: .group, id: $0) },
            sender: "user",
            raw: Array("0123456789".utf8)
        )
    }

    private func dispatcher(
        _ configure: (inout EventDispatcherConfiguration) -> Void = { _ in },
        _ body: @escaping ClosureHandler.EventBody
    ) -> EventDispatcher {
        var configuration = EventDispatcherConfiguration()
        configure(&configuration)
        let handler = ClosureHandler(onEvent: body) { _, _ in }
        return EventDispatcher(handler: handler, configuration: configuration, clock: clock, log: capture.log)
    }

    /// Runs `body` beside a dispatcher that runs, then lets it end.
    private func run(_ dispatcher: EventDispatcher, _ body: () async -> Void) async {
        async let running: Void = dispatcher.run()
        await body()
        await dispatcher.drain(deadline: .seconds(10))
        await running
        #expect(dispatcher.statistics.running == 0)
        #expect(clock.sleepers == 0)
    }

    @Test("an event is handled once, one without an id each time")
    func duplicates() async {
        let dispatcher = dispatcher { event, _ in handled.record(event.id) }
        await run(dispatcher) {
            for id in ["1", "1", "", "", "2", "1"] { dispatcher.receive(event(id), through: Channel()) }
            await handled.wait { $0.count == 4 }
        }
        #expect(handled.events.sorted() == ["", "", "1", "2"])
        #expect(dispatcher.statistics.received == 6 && dispatcher.statistics.duplicates == 2)
    }

    @Test("events of a conversation come in order, one after another; others do not wait")
    func order() async {
        let gate = Promise<Void>()
        let dispatcher = dispatcher { event, _ in
            handled.record("begin \(event.id)")
            if event.id == "1" { _ = await gate.value() }
            handled.record("end \(event.id)")
        }
        await run(dispatcher) {
            for id in ["1", "2", "3"] { dispatcher.receive(event(id), through: Channel()) }
            dispatcher.receive(event("other", in: "elsewhere"), through: Channel())
            dispatcher.receive(event("nowhere", in: nil), through: Channel())
            await handled.wait { $0.contains("end other") && $0.contains("end nowhere") }
            #expect(!handled.events.contains("begin 2"))
            gate.fulfill(())
            await handled.wait { $0.contains("end 3") }
        }
        let ofOne = handled.events.filter { $0.hasSuffix("1") || $0.hasSuffix("2") || $0.hasSuffix("3") }
        #expect(ofOne == ["begin 1", "end 1", "begin 2", "end 2", "begin 3", "end 3"])
    }

    @Test("one that takes long holds up the next of its conversation for two seconds")
    func patience() async {
        let gate = Promise<Void>()
        let dispatcher = dispatcher { event, _ in
            handled.record(event.id)
            if event.id == "slow" { _ = await gate.value() }
        }
        await run(dispatcher) {
            dispatcher.receive(event("slow"), through: Channel())
            dispatcher.receive(event("next"), through: Channel())
            await handled.wait { $0 == ["slow"] }
            await clock.waitForSleepers(1)
            clock.advance(by: .seconds(2) - .nanoseconds(1))
            #expect(handled.events == ["slow"])
            clock.advance(by: .nanoseconds(1))
            await handled.wait { $0 == ["slow", "next"] }
            gate.fulfill(())
        }
        #expect(capture.messages(from: .notice).count == 1)
    }

    @Test("a handler that throws harms only itself, and its error's text is not logged")
    func throwing() async {
        let dispatcher = dispatcher { event, _ in
            if event.id == "bad" { throw Broken() }
            handled.record(event.id)
        }
        await run(dispatcher) {
            dispatcher.receive(event("bad"), through: Channel())
            dispatcher.receive(event("good"), through: Channel())
            await handled.wait { $0 == ["good"] }
        }
        #expect(dispatcher.statistics.failures == 1)
        #expect(capture.messages(from: .error) == ["the handler of an event failed: Broken"])
        #expect(!capture.messages(from: .debug).contains { $0.contains("nobody may read") })
    }

    @Test("a handler that blocks its thread does not hold up others")
    func blocking() async {
        let gate = ThreadGate()
        let dispatcher = dispatcher { event, _ in
            if event.id == "block" { gate.pass() }
            handled.record(event.id)
        }
        await run(dispatcher) {
            dispatcher.receive(event("block"), through: Channel())
            for id in 0..<10 { dispatcher.receive(event("\(id)", in: "chat \(id)"), through: Channel()) }
            await handled.wait { $0.count == 10 }
            gate.open()
            await handled.wait { $0.count == 11 }
        }
    }

    @Test("what finds no room is dropped and not remembered", arguments: [0, 1, 2])
    func bounds(which: Int) async {
        let gate = Promise<Void>()
        let dispatcher = dispatcher {
            if which == 0 { $0.maximumWaitingPerConversation = 1 }
            if which == 1 { $0.maximumTotal = 2 }
            if which == 2 { $0.maximumWaitingBytes = 19 }
        } _: { event, _ in
            handled.record(event.id)
            if event.id == "1" { _ = await gate.value() }
        }
        await run(dispatcher) {
            for id in ["1", "2", "3"] { dispatcher.receive(event(id), through: Channel()) }
            #expect(dispatcher.statistics.dropped == 1)
            gate.fulfill(())
            await handled.wait { $0 == ["1", "2"] }
            while dispatcher.statistics.running > 0 { await Task.yield() }
            dispatcher.receive(event("3"), through: Channel())
            await handled.wait { $0 == ["1", "2", "3"] }
        }
        #expect(capture.messages(from: .warning).count == 1)
    }

    @Test("handlers that never return are bounded too, though the next ones of a conversation begin")
    func stuck() async {
        let gate = Promise<Void>()
        let dispatcher = dispatcher {
            $0.maximumTotal = 3
        } _: { event, _ in
            handled.record(event.id)
            _ = await gate.value()
        }
        await run(dispatcher) {
            for id in 1...3 {
                dispatcher.receive(event("\(id)"), through: Channel())
                await handled.wait { $0.count == id }
                await clock.waitForSleepers(1)
                clock.advance(by: .seconds(2))
            }
            dispatcher.receive(event("4"), through: Channel())
            #expect(dispatcher.statistics.dropped == 1)
            gate.fulfill(())
        }
        #expect(handled.events == ["1", "2", "3"])
    }

    @Test("drain lets handlers end, and takes nothing more")
    func drains() async {
        let gate = Promise<Void>()
        let dispatcher = dispatcher { event, _ in
            handled.record(event.id)
            _ = await gate.value()
        }
        async let running: Void = dispatcher.run()
        dispatcher.receive(event("1"), through: Channel())
        dispatcher.receive(event("2"), through: Channel())
        await handled.wait { $0 == ["1"] }
        async let draining: Void = dispatcher.drain(deadline: .seconds(10))
        await clock.waitForSleepers(2)
        dispatcher.receive(event("3"), through: Channel())
        #expect(dispatcher.statistics.dropped == 1)
        gate.fulfill(())
        _ = await (draining, running)
        #expect(handled.events == ["1", "2"])
    }

    @Test("when the time is over, handlers are cancelled and what waits is dropped")
    func expires() async {
        let never = Promise<Void>()
        let wasCancelled = Promise<Bool>()
        let dispatcher = dispatcher {
            $0.patience = .seconds(60)
        } _: { event, _ in
            handled.record(event.id)
            _ = await never.value()
            wasCancelled.fulfill(Task.isCancelled)
            throw CancellationError()
        }
        async let running: Void = dispatcher.run()
        dispatcher.receive(event("1"), through: Channel())
        dispatcher.receive(event("2"), through: Channel())
        await handled.wait { $0 == ["1"] }
        async let draining: Void = dispatcher.drain(deadline: .seconds(10))
        await clock.waitForSleepers(2)
        clock.advance(by: .seconds(10))
        _ = await (draining, running)
        #expect(wasCancelled.current == true)
        #expect(handled.events == ["1"])
        #expect(dispatcher.statistics.dropped == 1 && dispatcher.statistics.failures == 0)
    }

    @Test("a message with a problem is refused before it gets to the channel")
    func problems() async {
        let channel = Channel()
        let reply = EventReply(event("1"), through: channel)
        let bad = OutboundMessage(kind: .init(rawValue: "k"), body: [], problem: "too long")
        #expect(await reply.answer(bad) == .refused(.init("too long")))
        #expect(await reply.send(bad) == .refused(.init("too long")))
        #expect(channel.answered.events.isEmpty)
    }

    @Test("a handler that says nothing about events does nothing")
    func silence() async throws {
        struct Silent: BotHandler {
            func handle(_ message: Inbound, reply: Reply) async throws {}
        }
        let channel = Channel()
        try await Silent().handle(event("1"), reply: EventReply(event("1"), through: channel))
        #expect(channel.answered.events.isEmpty)
    }
}
