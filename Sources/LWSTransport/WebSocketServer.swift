internal import CLibwebsockets

/// A WebSocket server on an event loop. It accepts any path; plain HTTP requests are answered 404.
package actor WebSocketServer {
    /// What a server listens on.
    package struct Configuration: Sendable {
        /// A numeric address.
        package var host = "127.0.0.1"
        /// The port; 0 for any that is free.
        package var port: UInt16 = 0
        /// The certificate chain (leaf first) and key for TLS; nil for plain connections.
        package var tls: (certificatePEM: [UInt8], privateKeyPEM: [UInt8])?
        /// The limits of each connection.
        package var connection = WebSocketConfiguration()

        package init() {}
    }

    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.unownedExecutor }

    /// The port that it listens on.
    package private(set) var port: UInt16 = 0
    private let configuration: Configuration
    private let accept: @Sendable (WebSocket) -> Void
    private var vhost: LibraryPointer?
    private var connections: [ObjectIdentifier: WebSocket] = [:]
    private var stopWaiters: [CheckedContinuation<Void, Never>] = []
    private var isStopping = false

    private init(loop: EventLoop, configuration: Configuration, accept: @escaping @Sendable (WebSocket) -> Void) {
        self.loop = loop
        self.configuration = configuration
        self.accept = accept
    }

    /// Listens until ``stop()`` or the loop's shutdown. Any task.
    ///
    /// - Parameter accept: Called on the loop for every new connection; it must set the connection's event handler there.
    /// - Throws: ``TransportError`` with code `listenFailed`, or `loopShutDown`.
    package static func listen(
        on loop: EventLoop,
        _ configuration: Configuration,
        accept: @escaping @Sendable (WebSocket) -> Void
    ) async throws(TransportError) -> WebSocketServer {
        let server = WebSocketServer(loop: loop, configuration: configuration, accept: accept)
        try await server.start()
        return server
    }

    private func start() throws(TransportError) {
        let context = try loop.assumeIsolated { $0.openContext() }.get()
        let made = Listening(host: configuration.host, port: configuration.port, tls: configuration.tls)
            .listen(in: context) { options in
                options.on_event = serverEvent
                options.user = Unmanaged.passUnretained(self).toOpaque()
            }
        let pointer = try made.get()
        vhost = pointer
        port = UInt16(clamping: clws_listen_port(pointer.pointer))
        loop.assumeIsolated { $0.keep(self) }
    }

    /// Stops listening and drops the connections that it accepted; returns when each has had its `closed` event. The port is free
    /// then. More than one call is harmless.
    package func stop() async {
        guard vhost != nil else { return }
        beginStopping()
        guard !connections.isEmpty else { return finishStopping() }
        await withCheckedContinuation { stopWaiters.append($0) }
    }

    private func beginStopping() {
        guard let vhost, !isStopping else { return }
        isStopping = true
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

    /// A connection that was accepted has ended.
    func ended(_ connection: WebSocket) {
        connections[ObjectIdentifier(connection)] = nil
        guard isStopping, connections.isEmpty else { return }
        // Not from inside libwebsockets, which is still taking the connection apart.
        loop.execute { self.assumeIsolated { $0.finishStopping() } }
    }

    fileprivate func accepted(_ connection: LibraryPointer) {
        let socket = WebSocket(
            loop: loop,
            configuration: configuration.connection,
            phase: .open(connection),
            server: self
        )
        connections[ObjectIdentifier(socket)] = socket
        clws_set_user(connection.pointer, webSocketEvent, Unmanaged.passRetained(socket).toOpaque())
        accept(socket)
    }
}

/// Where a listener's events enter; on the loop's thread.
private func serverEvent(
    _ user: UnsafeMutableRawPointer?,
    _ connection: OpaquePointer,
    _ event: UnsafePointer<clws_event>
) {
    guard let user, event.pointee.kind == CLWS_ACCEPTED else { return }
    let connection = LibraryPointer(connection)
    // The loop holds its servers for as long as they listen.
    Unmanaged<WebSocketServer>.fromOpaque(user).takeUnretainedValue().assumeIsolated { $0.accepted(connection) }
}
