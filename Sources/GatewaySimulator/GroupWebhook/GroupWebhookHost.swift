internal import BotFoundation
package import LWSTransport

/// Where the simulated service takes what group webhooks are sent: an HTTP server with the service's own checks.
package final class GroupWebhookHost: Sendable {
    /// What is answered instead of what is true.
    package enum Fault: Sendable, Hashable {
        /// This HTTP status; the message is lost.
        case status(Int)
        /// This errcode; the message is lost.
        case code(ServerCode)
        /// The message is shown, and this is answered.
        case nonsense(String)
        /// The message is shown, and nothing is answered until the host stops.
        case silence
    }

    private struct State {
        var webhook: SimulatedGroupWebhook
        var faults: [Fault] = []
        var requests = 0
    }

    /// `https://localhost:40123`, for instance.
    package let origin: String
    private let server: HTTPServer
    private let state: Locked<State>
    private let hold: AsyncStream<Never>.Continuation
    private let serving: Task<Void, Never>

    private init(
        origin: String,
        server: HTTPServer,
        state: Locked<State>,
        hold: AsyncStream<Never>.Continuation
    ) {
        self.origin = origin
        self.server = server
        self.state = state
        self.hold = hold
        serving = Task { await server.run() }
    }

    /// Starts to listen.
    ///
    /// - Parameters:
    ///   - listener: where it listens, and with which certificate.
    ///   - keys: those of the groups.
    ///   - clock: what a minute is measured by.
    ///   - changed: is called after each request. It must not wait.
    /// - Throws: ``CryptoError`` when the certificate cannot be made, ``TransportError`` when the port cannot be had.
    package static func start(
        on loop: EventLoop,
        listener: GatewayListener,
        keys: [String],
        clock: some Clock<Duration> = ContinuousClock(),
        changed: @escaping @Sendable () -> Void = {}
    ) async throws -> GroupWebhookHost {
        var configuration = HTTPServerConfiguration()
        configuration.host = listener.host
        configuration.port = listener.port
        configuration.tls = try listener.material().tls
        configuration.methods = ["POST"]
        configuration.maximumBodyBytes = SimulatedGroupWebhook.fileBytes.upperBound + 64 * 1_024
        let state = Locked(State(webhook: SimulatedGroupWebhook(keys: keys)))
        let (held, hold) = AsyncStream.makeStream(of: Never.self)
        let origin = clock.now
        let server = try await HTTPServer.listen(on: loop, configuration) { request in
            let response = await respond(to: request, from: state, now: origin.duration(to: clock.now), held)
            changed()
            return response
        }
        let scheme = configuration.tls == nil ? "http" : "https"
        return GroupWebhookHost(
            origin: "\(scheme)://\(listener.name):\(await server.port)",
            server: server,
            state: state,
            hold: hold
        )
    }

    /// The URL that the group's settings show.
    package func url(key: String) -> String { "\(origin)/cgi-bin/webhook/send?key=\(key)" }

    /// The next requests are answered like this, one after another.
    package func inject(_ faults: Fault...) { state.withLock { $0.faults += faults } }

    /// What a group shows, in order.
    package func messages(of key: String) -> [GroupMessage] { state.withLock { $0.webhook.messages(of: key) } }

    /// Why requests were refused, in order.
    package var complaints: [String] { state.withLock { $0.webhook.complaints } }

    /// How many requests there were.
    package var requests: Int { state.withLock { $0.requests } }

    /// Stops listening and drops what is under way.
    package func stop() async {
        hold.finish()
        await server.stop()
        await serving.value
    }

    private static func respond(
        to request: HTTPRequest,
        from state: Locked<State>,
        now: Duration,
        _ held: AsyncStream<Never>
    ) async -> HTTPResponse {
        let (fault, body) = state.withLock { state -> (Fault?, [UInt8]) in
            state.requests += 1
            let fault = state.faults.isEmpty ? nil : state.faults.removeFirst()
            switch fault {
            case .status, .code: return (fault, [])
            case .nonsense, .silence, nil: break
            }
            let request = SimulatedGroupWebhook.Request(
                path: request.path,
                query: request.query,
                contentType: request.headers["content-type"] ?? "",
                body: request.body
            )
            return (fault, state.webhook.answer(request, now: now))
        }
        let headers = ["content-type": "application/json"]
        switch fault {
        case .status(let status): return HTTPResponse(status: status, text: "the simulator was told to")
        case .code(let code):
            let body: JSONValue = ["errcode": .integer(code.rawValue), "errmsg": .string(code.message)]
            return HTTPResponse(status: 200, headers: headers, body: GatewayCodec().encode(body))
        case .nonsense(let text): return HTTPResponse(status: 200, headers: headers, body: Array(text.utf8))
        case .silence:
            for await _ in held {}
            return HTTPResponse(status: 503)
        case nil: return HTTPResponse(status: 200, headers: headers, body: body)
        }
    }
}
