import BotCrypto
import BotFoundation
import LWSTransport
import Testing

@testable import GatewaySimulator

@Suite("Gateway: over a real socket", .timeLimit(.minutes(10)))
struct GatewayTests {
    static let configuration = GatewayConfiguration(botID: "bot", secret: Secret("s3cr3t"))

    /// A client that knows nothing of the protocol: it sends text and keeps what it gets.
    actor Client {
        nonisolated let loop: EventLoop
        nonisolated var unownedExecutor: UnownedSerialExecutor { loop.unownedExecutor }
        nonisolated let events: AsyncStream<WebSocketEvent>
        private let continuation: AsyncStream<WebSocketEvent>.Continuation
        private var socket: WebSocket?

        init(loop: EventLoop) {
            self.loop = loop
            (events, continuation) = AsyncStream.makeStream()
        }

        func connect(to url: String, trusting authority: [UInt8]?) throws {
            let endpoint = try WebSocketEndpoint(url)
            socket = WebSocket.connect(to: endpoint, trust: authority.map { .pem($0) } ?? .system, on: loop) {
                [continuation] in
                continuation.yield($0)
                if case .closed = $0 { continuation.finish() }
            }
        }

        func send(_ text: String) throws {
            try send(Array(text.utf8))
        }

        private func send(_ bytes: [UInt8]) throws {
            try socket?.assumeIsolated { try $0.send(bytes) }
        }

        func close() {
            socket?.assumeIsolated { $0.close(code: 1_000) }
        }
    }

    /// Runs `body` with a gateway and a client connected to it, and stops everything afterwards.
    private func withGateway(
        _ configuration: GatewayConfiguration = configuration,
        security: GatewayListener.Security? = nil,
        _ body: (Gateway, Client, inout AsyncStream<WebSocketEvent>.Iterator) async throws -> Void
    ) async throws {
        let loop = try EventLoop(name: "simulator")
        let gateway = try await Gateway.start(
            on: loop,
            configuration: configuration,
            listener: GatewayListener(security: security)
        )
        let client = Client(loop: loop)
        try await client.connect(to: await gateway.url, trusting: gateway.certificateAuthorityPEM)
        var events = client.events.makeAsyncIterator()
        #expect(await events.next(isolation: #isolation) == .opened)
        do {
            try await body(gateway, client, &events)
        } catch {
            Issue.record(error)
        }
        await gateway.stop()
        await loop.shutdown()
    }

    private func nextText(_ events: inout AsyncStream<WebSocketEvent>.Iterator) async -> String {
        while let event = await events.next(isolation: #isolation) {
            if case .message(let bytes, true) = event { return String(decoding: bytes, as: UTF8.self) }
        }
        return ""
    }

    private static let subscribe =
        #"{"cmd":"aibot_subscribe","headers":{"req_id":"sub"},"body":{"bot_id":"bot","secret":"s3cr3t"}}"#

    private static func answer(_ message: PushedMessage, _ text: String, finish: Bool = true) -> String {
        #"{"cmd":"aibot_respond_msg","headers":{"req_id":"\#(message.requestID)"},"body":"#
            + #"{"msgtype":"stream","stream":{"id":"s-\#(message.messageID)","finish":\#(finish),"content":"\#(text)"}}}"#
    }

    @Test("over TLS: subscribe, a message, its answer")
    func roundTrip() async throws {
        try await withGateway { gateway, client, events in
            #expect(await gateway.url.hasPrefix("wss://localhost:"))
            try await client.send(Self.subscribe)
            #expect(await nextText(&events) == #"{"errcode":0,"errmsg":"ok","headers":{"req_id":"sub"}}"#)
            #expect(try await gateway.waitForSubscription() == ConnectionID(rawValue: 1))
            let message = await gateway.pushText(from: "zhang", "hello")
            #expect(await nextText(&events).contains(message.messageID))
            async let answer = gateway.waitForAnswer(to: message)
            try await client.send(Self.answer(message, "wo", finish: false))
            #expect(await nextText(&events).contains(#""errcode":0"#))
            try await client.send(Self.answer(message, "world 🙂"))
            #expect(try await answer == "world 🙂")
            #expect(await gateway.answer(to: message).map(\.frames) == [2])
        }
    }

    @Test("without TLS, delayed acknowledgements come when they are due")
    func delayed() async throws {
        var configuration = Self.configuration
        configuration.acknowledgementLatency = .fixed(.milliseconds(5))
        try await withGateway(configuration, security: .plaintext) { gateway, client, events in
            #expect(await gateway.url.hasPrefix("ws://localhost:"))
            try await client.send(Self.subscribe)
            try await client.send(#"{"cmd":"ping","headers":{"req_id":"p"}}"#)
            #expect(await nextText(&events).contains(#""req_id":"sub""#))
            #expect(await nextText(&events).contains(#""req_id":"p""#))
        }
    }

    @Test(
        "close codes and resets arrive as such",
        arguments: [(ConnectionFault.close(code: 1_000), 1_000), (.close(code: 1_011), 1_011), (.reset, 1_006)]
    )
    func ends(fault: ConnectionFault, code: Int) async throws {
        try await withGateway { gateway, client, events in
            await gateway.inject(.now(fault))
            var closure: WebSocketClosure?
            while let event = await events.next(isolation: #isolation) {
                if case .closed(let end) = event { closure = end }
            }
            #expect(closure.map { Int($0.code) } == code)
            try await gateway.waitForObservation {
                guard case .closed(ConnectionID(rawValue: 1), _) = $0.event else { return false }
                return true
            }
        }
    }

    @Test("5 MiB of garbage arrive whole")
    func huge() async throws {
        try await withGateway { gateway, client, events in
            await gateway.inject(.now(.garbage(.huge)))
            #expect(await nextText(&events).utf8.count > 5 * 1_024 * 1_024)
        }
    }

    @Test("a frozen connection still sends, and reads on when it is told to")
    func freeze() async throws {
        try await withGateway { gateway, client, events in
            try await client.send(Self.subscribe)
            _ = await nextText(&events)
            await gateway.inject(.now(.freezeReading))
            try await client.send(#"{"cmd":"ping","headers":{"req_id":"p"}}"#)
            for _ in 0..<20 {
                let message = await gateway.pushText(from: "zhang", "still there?")
                #expect(await nextText(&events).contains(message.messageID))
            }
            await gateway.inject(.now(.resumeReading))
            #expect(await nextText(&events).contains(#""req_id":"p""#))
        }
    }

    @Test("a client's close is observed with its code")
    func clientCloses() async throws {
        try await withGateway { gateway, client, _ in
            await client.close()
            let end = try await gateway.waitForObservation {
                guard case .closed = $0.event else { return false }
                return true
            }
            #expect(end.event == .closed(ConnectionID(rawValue: 1), code: 1_000))
        }
    }

    @Test("waiting ends at its deadline, by cancellation, and when the gateway stops; each waiter once")
    func waiting() async throws {
        try await withGateway { gateway, _, _ in
            let message = await gateway.pushText(from: "zhang", "nobody is subscribed")
            let late = await #expect(throws: GatewayError.self) {
                try await gateway.waitForAnswer(to: message, within: .milliseconds(1))
            }
            #expect(late?.code == .deadlineExceeded)

            let cancelled = Task { try await gateway.waitForAnswer(to: message) }
            while await gateway.waiting == 0 { await Task.yield() }
            cancelled.cancel()
            await #expect(throws: CancellationError.self) { try await cancelled.value }

            let waiters = (0..<3).map { _ in Task { try await gateway.waitForAnswer(to: message) } }
            let stream = await gateway.observations()
            while await gateway.waiting < waiters.count { await Task.yield() }
            await gateway.stop()
            for waiter in waiters {
                let error = await #expect(throws: GatewayError.self) { try await waiter.value }
                #expect(error?.code == .stopped)
            }
            for await _ in stream {}
            let after = await #expect(throws: GatewayError.self) { try await gateway.waitForSubscription() }
            #expect(after?.code == .stopped)
        }
    }

    @Test("observations stream in order")
    func observations() async throws {
        try await withGateway { gateway, client, _ in
            let stream = await gateway.observations()
            try await client.send(Self.subscribe)
            var seen: [Observation.Event] = []
            for await observation in stream {
                seen.append(observation.event)
                if seen.count == 3 { break }
            }
            let id = ConnectionID(rawValue: 1)
            #expect(
                seen == [
                    .received(id, command: "aibot_subscribe", requestID: "sub", bytes: Self.subscribe.utf8.count),
                    .subscribed(id, bot: "bot"), .acknowledged(id, requestID: "sub", code: .ok),
                ]
            )
        }
    }

    @Test("a gateway can come back on the port of one that was stopped, with the same authority")
    func comesBack() async throws {
        let loop = try EventLoop(name: "simulator")
        let authority = try CertificateAuthority()
        var port: UInt16 = 0
        for _ in 0..<3 {
            let listener = GatewayListener(port: port, security: .authority(authority, names: ["localhost"]))
            let gateway = try await Gateway.start(on: loop, configuration: Self.configuration, listener: listener)
            let client = Client(loop: loop)
            try await client.connect(to: await gateway.url, trusting: authority.certificatePEM)
            try await gateway.waitForObservation { $0.event == .opened(ConnectionID(rawValue: 1)) }
            #expect(await gateway.port == port || port == 0)
            port = await gateway.port
            await gateway.stop()
        }
        await loop.shutdown()
    }

    @Test("two gateways never give the same ids")
    func prefixes() async throws {
        let loop = try EventLoop(name: "simulator")
        let first = try await Gateway.start(on: loop, configuration: Self.configuration)
        let second = try await Gateway.start(on: loop, configuration: Self.configuration)
        #expect(await first.pushText(from: "z", "x") != second.pushText(from: "z", "x"))
        await first.stop()
        await second.stop()
        await second.stop()
        await loop.shutdown()
    }
}
