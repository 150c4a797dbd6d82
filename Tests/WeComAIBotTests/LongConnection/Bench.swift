import BotCore
import BotFoundation
import GatewaySimulator
import LWSTransport
import TestSupport
import Testing

@testable import WeComAIBot

/// A long connection in an ``InMemoryWorld``, and all that can be seen of it.
struct Bench: Sendable {
    /// A message that was handed on.
    struct Received: Sendable {
        let message: Inbound
        let channel: any ReplyChannel
    }

    /// An event that was handed on.
    struct ReceivedEvent: Sendable {
        let event: Event
        let channel: any EventChannel
    }

    static let botID = "aib-测试"
    static let secret = "s3cr3t-/+=很机密"
    /// What makes a URL in a message a signed one.
    static let signature = "response_code=SIGNED"

    let loop: EventLoop
    let world: InMemoryWorld
    let connection: LongConnection
    let log = LogCapture()
    let received = EventRecorder<Received>()
    let events = EventRecorder<ReceivedEvent>()
    let states = EventRecorder<ConnectionState>()

    init(ledger: Ledger? = nil, _ configure: (inout LongConnectionConfiguration) -> Void = { _ in }) throws {
        loop = try EventLoop(name: "bench")
        world = InMemoryWorld(on: loop)
        var configuration = LongConnectionConfiguration(
            botID: Self.botID,
            secret: Secret(Self.secret),
            endpoint: try WebSocketEndpoint("wss://gateway.example/path?query=1")
        )
        configure(&configuration)
        let (received, events) = (received, events)
        connection = try LongConnection(
            configuration,
            on: loop,
            environment: world,
            seed: 7,
            ledger: ledger,
            log: log.log,
            onEvent: { events.record(ReceivedEvent(event: $0, channel: $1)) },
            receiver: { received.record(Received(message: $0, channel: $1)) }
        )
    }

    /// Runs `body` beside a connection that runs, then stops it and looks at what it leaves behind.
    ///
    /// - Parameter opens: whether connections open by themselves from the first one on.
    static func run(
        opens: Bool = true,
        ledger: Ledger? = nil,
        _ configure: (inout LongConnectionConfiguration) -> Void = { _ in },
        _ body: (Bench) async throws -> Void
    ) async throws {
        let bench = try Bench(ledger: ledger, configure)
        if !opens { await bench.world.adopt { $0.opens = false } }
        let states = await bench.connection.states()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for await state in states { bench.states.record(state) } }
            group.addTask { await bench.connection.run() }
            do { try await body(bench) } catch { Issue.record(error) }
            await bench.world.adopt { $0.ends = true }
            await bench.connection.stop()
            await bench.world.advance(by: .seconds(5))
            await group.waitForAll()
        }
        await bench.expectEnd()
        await bench.loop.shutdown()
    }

    /// Looks at what a connection leaves behind.
    func expectEnd() async {
        #expect(await connection.state == .stopped)
        #expect(await connection.unsettled == 0)
        #expect(await world.armed == 0, "a timer is left")
        if !states.events.isEmpty { #expect(states.events.filter { $0 == .stopped }.count == 1) }
        expectNothingSecretInLog()
    }

    // MARK: Frames

    /// What was sent on a link so far.
    func frames(on link: Int = 1) -> [SentFrame] { Self.frames(world.deeds.events, on: link) }

    private static func frames(_ deeds: [InMemoryWorld.Deed], on link: Int) -> [SentFrame] {
        deeds.compactMap { deed in
            if case .send(link, let bytes) = deed { SentFrame(bytes) } else { nil }
        }
    }

    /// Waits for the frame with that index on a link.
    @discardableResult
    func frame(_ index: Int, on link: Int = 1) async -> SentFrame {
        let deeds = await world.deeds.wait { Self.frames($0, on: link).count > index }
        let frames = Self.frames(deeds, on: link)
        guard frames.indices.contains(index) else { fatalError("frame \(index) of link \(link) never came") }
        return frames[index]
    }

    /// What was done besides sending, on a link.
    func ends(of link: Int = 1) -> [String] {
        world.deeds.events.compactMap { deed in
            switch deed {
            case .close(link, let code): "close \(code)"
            case .abort(link): "abort"
            case .close, .abort, .connect, .send: nil
            }
        }
    }

    /// Answers a frame.
    func acknowledge(_ requestID: String, _ code: Int = 0, on link: Int = 1) async {
        await world.deliver(
            #"{"headers":{"req_id":"\#(requestID)"},"errcode":\#(code),"errmsg":"text \#(code)"}"#,
            on: link
        )
    }

    /// Waits for the subscribe of a link and accepts it.
    @discardableResult
    func subscribe(_ link: Int = 1) async -> SentFrame {
        let subscribe = await frame(0, on: link)
        await acknowledge(subscribe.requestID, on: link)
        return subscribe
    }

    /// Moves the time to the next attempt, lets it open, and accepts its subscribe.
    func reconnect(_ link: Int) async {
        if let retryAt = await connection.state.retryAt { await world.advance(to: retryAt) }
        await subscribe(link)
    }

    /// A user says something. Returns what was handed on.
    @discardableResult
    func push(
        _ text: String = "你好，机器人🤖",
        id: String,
        user: String = "zhangsan",
        group: String? = nil,
        on link: Int = 1
    ) async -> Received {
        let chat = group.map { #""chattype":"group","chatid":"\#($0)""# } ?? #""chattype":"single""#
        await world.deliver(
            #"{"cmd":"aibot_msg_callback","headers":{"req_id":"REQ-\#(id)"},"body":{"msgid":"MSG-\#(id)",\#(chat),"#
                + #""from":{"userid":"\#(user)"},"response_url":"https://qyapi.example/response?\#(Self.signature)","#
                + #""msgtype":"text","text":{"content":"\#(text)"}}}"#,
            on: link
        )
        return await received.first { $0.message.id == "MSG-\(id)" ? $0 : nil }
    }

    /// Tells the connection that another one has its place.
    func displace(on link: Int = 1) async {
        await world.deliver(
            #"{"cmd":"aibot_event_callback","headers":{"req_id":"E"},"body":{"msgtype":"event","#
                + #""event":{"eventtype":"disconnected_event"}}}"#,
            on: link
        )
    }

    /// Begins to send an update, and returns when the connection has it.
    func send(_ text: String, final: Bool = true, bubble: Int = 0, through received: Received) async -> Task<
        Delivery, Never
    > {
        let before = await connection.unsettled
        let task = Task {
            await received.channel.send(BubbleUpdate(bubble: bubble, text: text, isFinal: final))
        }
        while await connection.unsettled == before { await Task.yield() }
        return task
    }

    /// The way back of a message that was not received.
    func channel(_ requestID: String) -> Received {
        let conversation = Conversation(kind: .single, id: "user")
        return Received(
            message: Inbound(id: "", kind: .text, conversation: conversation, sender: "user", text: ""),
            channel: StreamReplyChannel(
                connection: connection,
                requestID: RequestID(rawValue: requestID),
                conversation: conversation
            )
        )
    }

    // MARK: Secrets

    /// Everything that was logged, as one text per line.
    func lines(from level: Log.Level = .trace) -> [String] {
        log.records.filter { $0.level >= level }.map { record in
            ([record.message] + record.metadata.map { "\($0.key)=\($0.value)" }).joined(separator: " ")
        }
    }

    private func expectNothingSecretInLog() {
        let texts =
            received.events.map(\.message.text)
            + world.deeds.events.compactMap { deed in
                if case .send(_, let bytes) = deed { SentFrame(bytes)?.content } else { nil }
            }
        for line in lines() {
            #expect(!line.contains(Self.secret))
            #expect(!line.contains(Self.signature))
        }
        for line in lines(from: .debug) {
            for text in texts where text.count > 3 { #expect(!line.contains(text)) }
        }
    }
}

extension ConnectionState {
    /// When the next attempt is, where there is none.
    var retryAt: ContinuousClock.Instant? {
        switch self {
        case .waiting(let retryAt, _), .displaced(_, let retryAt?), .credentialsRejected(_, let retryAt, _): retryAt
        case .displaced(_, nil): nil
        case .idle, .connecting, .subscribing, .ready, .closing, .stopped: nil
        }
    }

    /// Its name.
    var name: String { String("\(self)".prefix { $0 != "(" }) }
}
