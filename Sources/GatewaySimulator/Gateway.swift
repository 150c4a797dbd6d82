import BotCrypto
import FoundationEssentials
package import LWSTransport

/// The simulated service, listening on a real socket: ``GatewayMachine`` and its driver.
///
/// It lives on an event loop, which it may share with the clients it serves, and listens until ``stop()``. Every waiter is resumed exactly once: by what
/// it waits for, by its deadline, by cancellation, or by ``stop()``.
package actor Gateway {
    /// How many observations are kept for ``waitForObservation(within:_:)``.
    package static let keptObservations = 10_000
    /// How long is waited for something when the caller does not say: long enough for a sanitizer beside a thousand tests.
    package static let defaultPatience: Duration = .seconds(60)

    /// The loop it lives on.
    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.unownedExecutor }
    /// What a client has to trust, as PEM; `nil` without TLS, or with a certificate from elsewhere.
    package nonisolated let certificateAuthorityPEM: [UInt8]?
    /// Where a client connects, such as `wss://localhost:40123`.
    package private(set) var url = ""
    /// The port it listens on.
    package private(set) var port: UInt16 = 0

    var machine: GatewayMachine
    private var server: WebSocketServer?
    private var sockets: [ConnectionID: WebSocket] = [:]
    private var nextConnection = 1
    private var timer: (id: TimerID, due: ContinuousClock.Instant)?
    private var isStopped = false
    private var ending: [CheckedContinuation<Void, Never>] = []
    private var watch = GatewayWatch()

    private init(loop: EventLoop, configuration: GatewayConfiguration, certificateAuthorityPEM: [UInt8]?) {
        self.loop = loop
        self.certificateAuthorityPEM = certificateAuthorityPEM
        let unixTime = Int(Date.now.timeIntervalSince1970)
        machine = GatewayMachine(configuration: configuration, now: .now, unixTime: unixTime)
    }

    /// Starts to listen.
    ///
    /// - Parameters:
    ///   - loop: where it lives.
    ///   - configuration: how it behaves. Its `idPrefix` gets a random end, so that a client which outlives one gateway
    ///     does not take the next one's messages for repetitions.
    ///   - listener: where it listens.
    /// - Throws: ``CryptoError`` when the certificate cannot be made, ``TransportError`` when the port cannot be had.
    package static func start(
        on loop: EventLoop,
        configuration: GatewayConfiguration,
        listener: GatewayListener = .init()
    ) async throws -> Gateway {
        var configuration = configuration
        configuration.idPrefix += "-" + String(UInt32.random(in: .min ... .max), radix: 16)
        var server = WebSocketServer.Configuration()
        server.host = listener.host
        server.port = listener.port
        let (tls, authorityPEM) = try listener.material()
        server.tls = tls
        let gateway = Gateway(loop: loop, configuration: configuration, certificateAuthorityPEM: authorityPEM)
        try await gateway.listen(server, name: listener.name)
        return gateway
    }

    private func listen(_ configuration: WebSocketServer.Configuration, name: String) async throws {
        let server = try await WebSocketServer.listen(on: loop, configuration) { [weak self] socket in
            self?.assumeIsolated { $0.accepted(socket) }
        }
        self.server = server
        port = await server.port
        url = "\(configuration.tls == nil ? "ws" : "wss")://\(name):\(port)"
    }

    /// Stops listening, drops every connection, and fails whoever still waits with ``GatewayError/Code/stopped``. Returns
    /// when the last connection has ended.
    package func stop() async {
        if !isStopped {
            isStopped = true
            release()
        }
        if !sockets.isEmpty {
            await withCheckedContinuation { ending.append($0) }
        }
        let server = server
        self.server = nil
        await server?.stop()
    }

    // MARK: Watching

    /// How many observations there have been, so that a consumer of ``observations(limit:)`` knows whether it is behind.
    package var observationCount: Int { watch.count }

    /// Everything that is observed from now on, until the gateway stops. A consumer that is slower than the clients loses
    /// the oldest observations beyond `limit`.
    package func observations(limit: Int = 4_096) -> AsyncStream<Observation> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Observation.self,
            bufferingPolicy: .bufferingNewest(limit)
        )
        guard !isStopped else {
            continuation.finish()
            return stream
        }
        let id = watch.add(continuation)
        continuation.onTermination = { [weak self, loop] _ in
            loop.execute { [weak self] in self?.assumeIsolated { $0.watch.removeStream(id) } }
        }
        return stream
    }

    /// Waits for the first observation that fits; those of the past count, as far back as they are kept.
    ///
    /// - Throws: ``GatewayError``, or `CancellationError`.
    @discardableResult
    package func waitForObservation(
        within patience: Duration = defaultPatience,
        _ fits: @escaping @Sendable (Observation) -> Bool
    ) async throws -> Observation {
        if let past = watch.history.first(where: fits) { return past }
        return try await wait(patience, for: "an observation") { .observation(fits, $0) }
    }

    /// Waits until a connection is subscribed for the bot, if none is.
    ///
    /// - Throws: ``GatewayError``, or `CancellationError`.
    @discardableResult
    package func waitForSubscription(
        of bot: String? = nil,
        within patience: Duration = defaultPatience
    ) async throws -> ConnectionID {
        let bot = machine.resolve(bot)
        if let id = machine.subscribedConnection(of: bot) { return id }
        let observation: Observation = try await wait(patience, for: "a subscription of \(bot)") { continuation in
            .observation(
                { observation in
                    guard case .subscribed(_, bot) = observation.event else { return false }
                    return true
                },
                continuation
            )
        }
        guard case .subscribed(let id, _) = observation.event else {
            throw GatewayError(.deadlineExceeded, "no subscription of \(bot)")
        }
        return id
    }

    /// Waits until the bubbles of an answer are as `until` wants them; unless told otherwise: there is one, and all are finished.
    ///
    /// - Throws: ``GatewayError``, or `CancellationError`.
    @discardableResult
    package func waitForBubbles(
        of message: PushedMessage,
        within patience: Duration = defaultPatience,
        until: @escaping @Sendable ([Bubble]) -> Bool = { !$0.isEmpty && $0.allSatisfy(\.isFinished) }
    ) async throws -> [Bubble] {
        let present = answer(to: message)
        if until(present) { return present }
        return try await wait(patience, for: "the answer to \(message.messageID)") {
            .answer(messageID: message.messageID, until, $0)
        }
    }

    /// Waits until an answer is finished: the text of its bubbles, joined.
    ///
    /// - Throws: ``GatewayError``, or `CancellationError`.
    package func waitForAnswer(
        to message: PushedMessage,
        within patience: Duration = defaultPatience
    ) async throws -> String {
        try await waitForBubbles(of: message, within: patience).map(\.text).joined()
    }

    /// How many wait for something.
    package var waiting: Int { watch.waiting }

    private func wait<Result: Sendable>(
        _ patience: Duration,
        for what: String,
        _ waiter: (CheckedContinuation<Result, any Error>) -> GatewayWatch.Waiter
    ) async throws -> Result {
        guard !isStopped else { throw GatewayError(.stopped, "the gateway was stopped") }
        let id = watch.makeID()
        let timer = fail(id, at: .now + patience, "\(what) did not come within \(patience)")
        defer { cancel(timer) }
        // The loop runs one thing at a time, so a cancellation that arrives from now on queues behind the registration.
        return try await withTaskCancellationHandler {
            try Task.checkCancellation()
            return try await withCheckedThrowingContinuation { watch.add(waiter($0), id: id) }
        } onCancel: {
            loop.execute { self.assumeIsolated { $0.watch.fail(id, CancellationError()) } }
        }
    }

    private func fail(_ id: Int, at deadline: ContinuousClock.Instant, _ message: String) -> TimerID {
        loop.assumeIsolated { loop in
            loop.schedule(at: deadline) { [weak self] in
                self?.assumeIsolated { $0.watch.fail(id, GatewayError(.deadlineExceeded, message)) }
            }
        }
    }

    private func cancel(_ timer: TimerID) {
        loop.assumeIsolated { $0.cancel(timer) }
    }

    // MARK: Driving

    private func accepted(_ socket: WebSocket) {
        guard !isStopped else { return socket.assumeIsolated { $0.abort() } }
        let id = ConnectionID(rawValue: nextConnection)
        nextConnection += 1
        sockets[id] = socket
        socket.assumeIsolated { socket in
            socket.setEventHandler { [weak self] event in self?.assumeIsolated { $0.received(event, on: id) } }
        }
        run(machine.connected(id, now: .now))
    }

    private func received(_ event: WebSocketEvent, on id: ConnectionID) {
        switch event {
        case .message(let bytes, let isText): run(machine.received(bytes, isText: isText, on: id, now: .now))
        case .closed(let closure):
            sockets[id] = nil
            run(machine.disconnected(id, code: closure.code, now: .now))
            if isStopped, sockets.isEmpty { ended() }
        case .opened, .activity, .written, .drained: break
        }
    }

    func run(_ actions: [GatewayMachine.Action]) {
        for action in actions {
            switch action {
            case .send(let id, let bytes, let isText): send(bytes, isText: isText, on: id)
            case .close(let id, let code, let reason):
                sockets[id]?.assumeIsolated { $0.close(code: code, reason: reason) }
            case .abort(let id): sockets[id]?.assumeIsolated { $0.abort() }
            case .pauseReading(let id): sockets[id]?.assumeIsolated { $0.pauseReading() }
            case .resumeReading(let id): sockets[id]?.assumeIsolated { $0.resumeReading() }
            case .observe(let observation): watch.publish(observation) { machine.answer(to: $0) }
            }
        }
        arm()
    }

    private func send(_ bytes: [UInt8], isText: Bool, on id: ConnectionID) {
        sockets[id]?.assumeIsolated { socket in
            do throws(TransportError) {
                try socket.send(bytes, isText: isText)
            } catch {
                // Either it is ending already, or its client does not read; the service would drop it too.
                socket.abort()
            }
        }
    }

    /// Everything ``stop()`` gives up at once.
    private func release() {
        if let timer { cancel(timer.id) }
        timer = nil
        watch.end(GatewayError(.stopped, "the gateway was stopped"))
        for socket in sockets.values { socket.assumeIsolated { $0.abort() } }
    }

    /// The last connection of a stopped gateway is gone.
    private func ended() {
        let ending = ending
        self.ending = []
        for continuation in ending { continuation.resume() }
    }

    private func arm() {
        guard !isStopped, machine.nextDeadline != timer?.due else { return }
        if let timer { cancel(timer.id) }
        timer = machine.nextDeadline.map { due in
            let id = loop.assumeIsolated { loop in
                loop.schedule(at: due) { [weak self] in self?.assumeIsolated { $0.tick() } }
            }
            return (id, due)
        }
    }

    private func tick() {
        timer = nil
        run(machine.tick(now: .now))
    }
}
