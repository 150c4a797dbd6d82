internal import BotFoundation
internal import CLibwebsockets

/// An HTTP/1.1 server on an event loop. Whole requests go to a handler, which runs off the loop, in tasks that ``run()`` owns.
///
/// Requests of one connection are handled one after another, those of different connections at the same time. A client that
/// closes its side before the response, even the sending half alone, has given its request up. Not supported, and answered
/// 501 or closed: chunked request bodies, upgrades, `CONNECT`.
package actor HTTPServer {
    /// Answers a request. Its task is cancelled when the client has gone or the time is over.
    package typealias Handler = @concurrent @Sendable (HTTPRequest) async -> HTTPResponse

    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.unownedExecutor }

    /// The port that it listens on.
    package private(set) var port: UInt16 = 0
    private let configuration: HTTPServerConfiguration
    private let handler: Handler
    private let jobs: AsyncStream<HTTPJob>
    private let starter: AsyncStream<HTTPJob>.Continuation
    private var vhost: LibraryPointer?
    /// How many jobs there are, those included whose clients have gone.
    private var jobCount = 0
    private var connections: [ObjectIdentifier: HTTPConnection] = [:]
    private var stopWaiters: [CheckedContinuation<Void, Never>] = []
    private var drainWaiters: [CheckedContinuation<Void, Never>] = []
    private var isStopping = false
    private var evictions = Repetition()
    private var shutdownHandler: ShutdownHandlerID?

    private init(loop: EventLoop, configuration: HTTPServerConfiguration, handler: @escaping Handler) {
        self.loop = loop
        self.configuration = configuration
        self.handler = handler
        (jobs, starter) = AsyncStream.makeStream()
    }

    /// Listens until ``stop()`` or the loop's shutdown. Requests are handled once ``run()`` is called. Any task.
    ///
    /// - Throws: ``TransportError`` with code `listenFailed`, or `loopShutDown`.
    package static func listen(
        on loop: EventLoop,
        _ configuration: HTTPServerConfiguration,
        handler: @escaping Handler
    ) async throws(TransportError) -> HTTPServer {
        let server = HTTPServer(loop: loop, configuration: configuration, handler: handler)
        try await server.start()
        return server
    }

    private func start() throws(TransportError) {
        let context = try loop.assumeIsolated { $0.openContext() }.get()
        let made = Listening(host: configuration.host, port: configuration.port, tls: configuration.tls)
            .listen(in: context) { options in
                options.on_http = serverEvent
                options.maximum_connections = UInt32(clamping: configuration.maximumConnections)
                options.user = Unmanaged.passUnretained(self).toOpaque()
            }
        let pointer = try made.get()
        vhost = pointer
        port = UInt16(clamping: clws_listen_port(pointer.pointer))
        shutdownHandler = loop.assumeIsolated { loop in
            loop.keep(self)
            // Its connections end before a handler that is cancelled could answer.
            return loop.onShutdown { [weak self] in self?.assumeIsolated { $0.beginStopping() } }
        }
    }

    /// Handles requests until ``stop()`` or the loop's shutdown, or until its task is cancelled, which stops the server; returns when
    /// every handler has. Once.
    package nonisolated func run() async {
        await handleAll()
        await stop()
    }

    @concurrent private nonisolated func handleAll() async {
        await withDiscardingTaskGroup { group in
            for await job in jobs {
                group.addTask {
                    await job.perform(self.handler)
                    await self.performed()
                }
            }
            group.cancelAll()
        }
    }

    /// Stops listening, and drops the connections that have no whole request. The others end after their response: returns when they
    /// have, at the latest after `grace`. ``stop()`` is to follow.
    package func drain(within grace: Duration) async {
        guard let timer = beginDraining(within: grace) else { return }
        await withCheckedContinuation { continuation in
            // Nothing can have ended meanwhile: both are on the loop.
            drainWaiters.append(continuation)
        }
        cancel(timer)
    }

    /// - Returns: What ends the draining in time; `nil` if nothing is left to wait for.
    private func beginDraining(within grace: Duration) -> TimerID? {
        guard let vhost, !isStopping, !loop.assumeIsolated({ $0.isShutDown }) else { return nil }
        clws_stop_listening(vhost.pointer)
        for connection in connections.values { connection.assumeIsolated { $0.abortUnlessBusy() } }
        guard !connections.isEmpty else { return nil }
        return loop.assumeIsolated { loop in
            loop.schedule(at: .now + grace) { self.assumeIsolated { $0.endDraining() } }
        }
    }

    private func cancel(_ timer: TimerID) { loop.assumeIsolated { $0.cancel(timer) } }

    private func endDraining() {
        for waiter in drainWaiters { waiter.resume() }
        drainWaiters = []
    }

    /// Stops listening, drops the connections and cancels what is being handled; returns when the connections have ended. The
    /// port is free then. More than one call is harmless.
    package func stop() async {
        guard vhost != nil else { return }
        beginStopping()
        guard !connections.isEmpty else { return finishStopping() }
        await withCheckedContinuation { stopWaiters.append($0) }
    }

    /// How many connections there are.
    package var connectionCount: Int { connections.count }

    private func beginStopping() {
        guard let vhost, !isStopping else { return }
        isStopping = true
        endDraining()
        starter.finish()
        if let shutdownHandler { loop.assumeIsolated { $0.forget(shutdownHandler) } }
        if !loop.assumeIsolated({ $0.isShutDown }) { clws_stop_listening(vhost.pointer) }
        for connection in connections.values { connection.assumeIsolated { $0.abort() } }
    }

    private func finishStopping() {
        guard let vhost else { return }
        self.vhost = nil
        if !loop.assumeIsolated({ $0.isShutDown }) { clws_vhost_close(vhost.pointer) }
        loop.assumeIsolated { $0.release(self) }
        for waiter in stopWaiters { waiter.resume() }
        stopWaiters = []
    }

    fileprivate func accepted(_ pointer: LibraryPointer) {
        makeRoom()
        let connection = HTTPConnection(pointer, of: self, loop: loop, configuration: configuration)
        connections[ObjectIdentifier(connection)] = connection
        connection.assumeIsolated { $0.begin() }
    }

    /// Whoever connects and does not go on must not keep others out: from seven eighths of ``HTTPServerConfiguration/maximumConnections``
    /// on, each new connection takes the place of the oldest that has no whole request.
    private func makeRoom() {
        guard connections.count >= configuration.maximumConnections - configuration.maximumConnections / 8 else {
            return
        }
        let idle = connections.values.compactMap { connection in
            connection.assumeIsolated { $0.idleSince.map { (connection, since: $0) } }
        }
        guard let oldest = idle.min(by: { $0.since < $1.since }) else { return }
        oldest.0.assumeIsolated { $0.abort() }
        guard let count = evictions.next(now: .now) else { return }
        configuration.log(
            .warning,
            "there are nearly as many connections as may be: one without a whole request made room",
            [.count: "\(count)"]
        )
    }

    /// Whether one more request may be handled.
    var hasRoom: Bool { jobCount < configuration.maximumHandlers }

    func perform(_ job: HTTPJob) {
        jobCount += 1
        starter.yield(job)
    }

    private func performed() { jobCount -= 1 }

    /// A connection has ended.
    func ended(_ connection: HTTPConnection) {
        connections[ObjectIdentifier(connection)] = nil
        if connections.isEmpty { endDraining() }
        guard isStopping, connections.isEmpty else { return }
        // Not from inside libwebsockets, which is still taking the connection apart.
        loop.execute { self.assumeIsolated { $0.finishStopping() } }
    }
}

/// A request that waits for its handler.
struct HTTPJob: Sendable {
    let request: HTTPRequest
    let connection: HTTPConnection
    let number: UInt64
    /// Ends when the response is not wanted any more, or has been given.
    let cancelled: AsyncStream<Never>

    /// Runs the handler, and cancels it when its response is not wanted any more; not at all if it never was.
    @concurrent func perform(_ handler: @escaping HTTPServer.Handler) async {
        guard await connection.isHandling(number) else { return }
        let response = await withTaskGroup(of: HTTPResponse?.self) { group in
            group.addTask { await handler(request) }
            group.addTask {
                for await _ in cancelled {}
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
        if let response { await connection.respond(response, to: number) }
    }
}

/// Where a listener's events enter; on the loop's thread.
private func serverEvent(
    _ user: UnsafeMutableRawPointer?,
    _ connection: OpaquePointer,
    _ event: UnsafePointer<clws_http_event>
) {
    guard let user, event.pointee.kind == CLWS_HTTP_ACCEPTED else { return }
    let connection = LibraryPointer(connection)
    // The loop holds its servers for as long as they listen.
    Unmanaged<HTTPServer>.fromOpaque(user).takeUnretainedValue().assumeIsolated { $0.accepted(connection) }
}
