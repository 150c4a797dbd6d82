import BotCore
import BotFoundation
import GatewaySimulator
import LWSTransport
import TestSupport
import Testing

@testable import WeComAIBot

/// Where a scenario is played: a gateway at the far side, a connection, a dispatcher, and a handler that does as the message
/// says.
///
/// A text that begins with `slowly` is answered in two parts; the second comes when the scenario opens the gate. A text that
/// begins with `fed` is answered with what the scenario feeds, up to an empty piece. `card` and `markdown` are answered with messages of
/// that kind as well. Every other text is answered with `echo: ` and the text, in one frame.
///
/// Whoever enters is welcomed, and a card that is pressed is updated; with `late` in its key, when the scenario opens the gate.
struct Stage: Sendable {
    /// How an answer ended.
    struct Outcome: Sendable {
        let messageID: String
        /// All that was written.
        let text: String
        let delivery: Delivery
    }

    static let botID = "aib-stage"
    static let secret = "s3cr3t-of-the-stage"

    let transport: Transport
    let far: any FarSide
    let connection: LongConnection
    let dispatcher: Dispatcher
    let outcomes: EventRecorder<Outcome>
    let gate: EventRecorder<Void>
    let feed: Mailbox<String>
    let log: LogCapture
    let events: EventDispatcher
    /// How the answers to events ended, by the event's id.
    let eventOutcomes: EventRecorder<(id: String, delivery: Delivery)>
    let received = EventRecorder<Inbound>()
    let states = EventRecorder<ConnectionState>()

    /// Plays a scenario and looks at what it leaves behind.
    static func play(_ scenario: Scenario, over transport: Transport) async throws {
        let loop = try EventLoop(name: "client")
        var service = GatewayConfiguration(botID: botID, secret: Secret(secret))
        scenario.prepare(&service)
        switch transport {
        case .inMemory:
            let world = InMemoryWorld(on: loop, gateway: service)
            let endpoint = try WebSocketEndpoint("wss://gateway.example")
            try await play(scenario, transport, on: loop, at: endpoint, trust: .system, far: world, environment: world)
        case .gateway:
            service.eventReplyWindow = ConnectionConfiguration.patientEventWindow
            let home = try EventLoop(name: "gateway")
            let gateway = try await Gateway.start(on: home, configuration: service)
            let far = RealFarSide(gateway: gateway)
            let observations = await gateway.observations(limit: 1_000_000)
            let watching = Task { for await observation in observations { far.observed.record(observation.event) } }
            let endpoint = try WebSocketEndpoint(await gateway.url)
            let trust = TrustRoots.pem(gateway.certificateAuthorityPEM ?? [])
            try await play(scenario, transport, on: loop, at: endpoint, trust: trust, far: far, environment: nil)
            await gateway.stop()
            await watching.value
            await home.shutdown()
        }
        await loop.shutdown()
    }

    private static func play(
        _ scenario: Scenario,
        _ transport: Transport,
        on loop: EventLoop,
        at endpoint: WebSocketEndpoint,
        trust: TrustRoots,
        far: any FarSide,
        environment: (any ConnectionEnvironment)?
    ) async throws {
        var configuration = LongConnectionConfiguration(botID: botID, secret: Secret(secret), endpoint: endpoint)
        configuration.trust = trust
        if transport == .gateway { configuration.machine = .impatient }
        scenario.tune(&configuration.machine, transport)
        if let window = scenario.window(transport) { configuration.streamWindow = window }
        let stage = try Stage(transport, far, configuration, on: loop, environment: environment)
        for fault in scenario.faults { await far.inject(fault) }
        await stage.run { try await scenario.play(stage) }
        await stage.expectEnd(allowingViolations: scenario.provokesViolations)
    }

    private init(
        _ transport: Transport,
        _ far: any FarSide,
        _ configuration: LongConnectionConfiguration,
        on loop: EventLoop,
        environment: (any ConnectionEnvironment)?
    ) throws {
        let (outcomes, gate, log) = (EventRecorder<Outcome>(), EventRecorder<Void>(), LogCapture(level: .debug))
        let feed = Mailbox<String>()
        let eventOutcomes = EventRecorder<(id: String, delivery: Delivery)>()
        let onEvent: ClosureHandler.EventBody = { event, reply in
            if event.kind == .enterChat {
                eventOutcomes.record((event.id, await reply.welcome("欢迎 👋")))
            } else if let action = event.cardAction {
                if action.key?.contains("late") == true { await gate.wait { !$0.isEmpty } }
                eventOutcomes.record((event.id, await reply.update(.pressed(action))))
            } else {
                eventOutcomes.record((event.id, await reply.send(.markdown("event: \(event.kind.rawValue)"))))
            }
        }
        let handler = ClosureHandler(onEvent: onEvent) { message, reply in
            var text = "echo: \(message.text)"
            switch message.text {
            case "card": await reply.send(.card(.sample))
            case "markdown": await reply.send(.markdown("**粗体**", feedbackID: "fb-1"))
            default: break
            }
            if message.text.hasPrefix("fed") {
                text = ""
                while let piece = await feed.next(), !piece.isEmpty {
                    text += piece
                    await reply.write(piece)
                }
            } else if message.text.hasPrefix("slowly") {
                await reply.write("echo: ")
                await gate.wait { !$0.isEmpty }
                // At once: by itself, the second part could go in a frame before the last or in the last, as time has it.
                await reply.finish(text)
            } else {
                await reply.finish(text)
            }
            outcomes.record(Outcome(messageID: message.id, text: text, delivery: await reply.finish()))
        }
        let dispatcher = Dispatcher(handler: handler, clock: far.clock, log: log.log)
        let events = EventDispatcher(handler: handler, clock: far.clock, log: log.log)
        let eventReceiver: LongConnection.EventReceiver = { events.receive($0, through: $1) }
        let received = received
        let receiver: LongConnection.Receiver = { message, channel in
            dispatcher.receive(message, through: channel)
            received.record(message)
        }
        connection =
            if let environment {
                try LongConnection(
                    configuration,
                    on: loop,
                    environment: environment,
                    log: log.log,
                    onEvent: eventReceiver,
                    receiver: receiver
                )
            } else {
                try LongConnection(configuration, on: loop, log: log.log, onEvent: eventReceiver, receiver: receiver)
            }
        (self.events, self.eventOutcomes) = (events, eventOutcomes)
        (self.transport, self.far, self.dispatcher) = (transport, far, dispatcher)
        (self.outcomes, self.gate, self.feed, self.log) = (outcomes, gate, feed, log)
    }

    private func run(_ body: () async throws -> Void) async {
        let changes = await connection.states()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for await state in changes { states.record(state) } }
            group.addTask { await connection.run() }
            group.addTask { await dispatcher.run() }
            group.addTask { await events.run() }
            do { try await body() } catch { Issue.record(error) }
            await dispatcher.drain(deadline: .seconds(20))
            await events.drain(deadline: .seconds(20))
            await connection.stop()
            await far.pass(.seconds(5))
            await group.waitForAll()
        }
    }

    private func expectEnd(allowingViolations: Bool) async {
        let statistics = dispatcher.statistics
        #expect(statistics.active == 0 && statistics.queued == 0)
        #expect(await connection.unsettled == 0)
        #expect(await connection.state == .stopped)
        await far.catchUp()
        let events = far.observed.events
        if !allowingViolations {
            #expect(events.filter { if case .violation = $0 { true } else { false } }.isEmpty)
        }
        expectSeen(events)
        for record in log.records {
            let line = ([record.message] + record.metadata.map(\.value)).joined(separator: " ")
            #expect(!line.contains(Self.secret) && !line.contains("response_code"))
            if record.level > .trace { #expect(!line.contains("echo: ")) }
        }
    }

    /// What is said to be delivered was seen at the far side, whole and in order, and was not left unfinished.
    private func expectSeen(_ events: [Observation.Event]) {
        var seen: [String: String] = [:]
        for event in events {
            switch event {
            case .updated(let messageID, _, let bubble) where bubble.isFinished:
                seen[messageID, default: ""] += bubble.text
            case .sent(let chat, "markdown", let text): seen[chat, default: ""] += text
            default: break
            }
        }
        for outcome in outcomes.events where outcome.delivery.isDelivered {
            let chat = received.events.first { $0.id == outcome.messageID }?.conversation.id ?? ""
            // Either way, or first bubbles and then messages.
            let text = (seen[outcome.messageID] ?? "") + (seen[chat] ?? "")
            #expect(text.contains(outcome.text), "an answer that nobody saw is not delivered")
        }
    }

    // MARK: For scenarios

    /// A user says something.
    func push(_ text: String, from user: String = "张三", in group: String? = nil) async -> PushedMessage {
        await far.push(text, from: user, in: group)
    }

    /// Waits until the answer to a message is complete: what the user sees, and how often it was updated.
    @discardableResult
    func answer(to message: PushedMessage) async -> (text: String, frames: Int) {
        let bubble = await far.observed.first { event -> Bubble? in
            guard case .updated(message.messageID, _, let bubble) = event, bubble.isFinished else { return nil }
            return bubble
        }
        return (bubble.text, bubble.frames)
    }

    /// Waits until the user sees something of an answer.
    func beginning(of message: PushedMessage) async {
        await far.observed.wait {
            $0.contains { if case .updated(message.messageID, _, _) = $0 { true } else { false } }
        }
    }

    /// Something happens that is no message.
    func push(_ event: SimulatedEvent, from user: String = "张三", in group: String? = nil) async -> PushedMessage {
        await far.push(event, from: user, in: group)
    }

    /// Waits until the handler of an event knows how its answer ended.
    func outcome(ofEvent event: PushedMessage) async -> Delivery {
        let outcome = await eventOutcomes.first { $0.id == event.messageID ? $0.delivery : nil }
        await far.catchUp()
        return outcome
    }

    /// Waits until the handler knows how an answer ended.
    func outcome(of message: PushedMessage) async -> Delivery {
        let outcome = await outcomes.first { $0.messageID == message.messageID ? $0.delivery : nil }
        await far.catchUp()
        return outcome
    }

    /// Waits until so many frames had to wait for their conversation's budget.
    func paced(_ count: Int) async {
        while await connection.statistics.paced < count, !Task.isCancelled { await Task.yield() }
    }

    /// Waits until so many acknowledgements with a code have left.
    func acknowledgements(_ code: ServerCode, count: Int = 1) async {
        await far.observed.wait { events in
            events.count { if case .acknowledged(_, _, code) = $0 { true } else { false } } >= count
        }
    }

    /// Waits until the connection has been ready so many times; lets the time pass that is between two attempts.
    func ready(times: Int = 1) async {
        while true {
            let states = await states.wait { $0.isReady(times: times) || $0.last?.retryAt != nil }
            guard !Task.isCancelled, !states.isReady(times: times) else { return }
            guard let retryAt = states.last?.retryAt, transport == .inMemory else {
                await self.states.wait { $0.isReady(times: times) }
                return
            }
            await far.pass(until: retryAt)
            await Task.yield()
        }
    }

    /// Waits for a state by its name.
    func state(_ name: String) async {
        await states.wait { $0.contains { $0.name == name } }
    }
}

extension TemplateCard {
    /// A card with two buttons.
    static let sample = TemplateCard.buttonInteraction(
        .init(title: "审批"),
        taskID: "task_1",
        buttons: [.init("同意", key: "yes"), .init("拒绝", key: "no", style: .red)]
    )

    /// What takes the place of a card on which something was pressed.
    static func pressed(_ action: CardAction) -> TemplateCard {
        .textNotice(.init(title: "pressed \(action.key ?? "")"), link: .url("https://x.example"))
    }
}

extension [ConnectionState] {
    fileprivate func isReady(times: Int) -> Bool { count { $0 == .ready } >= times }
}

extension ConnectionConfiguration {
    /// A machine that stands still for 5 s is not what is tested where the time is real.
    static let patientEventWindow = Duration.seconds(60)

    /// Waits that a test can sit out in real time.
    static var impatient: ConnectionConfiguration {
        var configuration = ConnectionConfiguration()
        configuration.eventWindow = patientEventWindow
        configuration.reconnectBase = .milliseconds(10)
        configuration.minimumAttemptGap = .milliseconds(10)
        configuration.displacedRetryBase = .milliseconds(20)
        configuration.credentialsRetryBase = .milliseconds(20)
        configuration.conflictDelays = [.milliseconds(10), .milliseconds(20), .milliseconds(40)]
        return configuration
    }
}
