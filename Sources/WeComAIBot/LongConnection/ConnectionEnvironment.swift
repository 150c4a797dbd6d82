internal import LWSTransport

/// What a long connection needs from the world: time, and sockets. The event loop gives both; tests give their own.
///
/// Every method is called on the loop, and the closures are called there.
protocol ConnectionEnvironment: Sendable {
    /// The present.
    var now: ContinuousClock.Instant { get }
    /// Runs `work` once, at `deadline`.
    func schedule(at deadline: ContinuousClock.Instant, _ work: @escaping @Sendable () -> Void) -> TimerID
    /// Forgets what was scheduled.
    func cancel(_ timer: TimerID)
    /// Begins a connection. Its events come later, never from inside this call; `closed` comes exactly once, and last.
    func connect(onEvent: @escaping @Sendable (WebSocketEvent) -> Void) -> any FrameSocket
    /// The addresses that this machine has now on networks that are up.
    var networkAddresses: Set<[UInt8]> { get }
    /// What fetches media; `nil` if nothing can be fetched.
    func media(_ configuration: MediaConfiguration) -> MediaClient?
    /// The world with another place to connect to.
    func leading(to configuration: LongConnectionConfiguration) -> any ConnectionEnvironment
}

extension ConnectionEnvironment {
    /// Nothing.
    func media(_ configuration: MediaConfiguration) -> MediaClient? { nil }
}

/// A connection that carries frames. Called on the loop only; no method calls back.
protocol FrameSocket: Sendable {
    /// Queues a frame; `written(ticket)` follows when it is with the kernel.
    func send(_ bytes: [UInt8], priority: SendPriority, ticket: UInt64) throws(TransportError)
    /// Sends what is queued, then closes.
    func close(code: UInt16, reason: String)
    /// Drops the connection.
    func abort()
    /// How long nothing at all has arrived; nil if not known.
    var timeSinceLastByte: Duration? { get }
}

/// The world as it is: an event loop and a place on the network.
struct LiveEnvironment: ConnectionEnvironment {
    let loop: EventLoop
    let endpoint: WebSocketEndpoint
    let trust: TrustRoots
    let proxy: Proxy?
    let limits: WebSocketConfiguration

    init(_ configuration: LongConnectionConfiguration, on loop: EventLoop) {
        self.loop = loop
        endpoint = configuration.endpoint
        trust = configuration.trust
        proxy = configuration.proxy
        limits = configuration.limits
    }

    func leading(to configuration: LongConnectionConfiguration) -> any ConnectionEnvironment {
        LiveEnvironment(configuration, on: loop)
    }

    func media(_ configuration: MediaConfiguration) -> MediaClient? { MediaClient(configuration, on: loop) }

    var now: ContinuousClock.Instant { .now }

    var networkAddresses: Set<[UInt8]> { NetworkInterfaces.addresses() }

    func schedule(at deadline: ContinuousClock.Instant, _ work: @escaping @Sendable () -> Void) -> TimerID {
        loop.assumeIsolated { $0.schedule(at: deadline, work) }
    }

    func cancel(_ timer: TimerID) {
        loop.assumeIsolated { $0.cancel(timer) }
    }

    func connect(onEvent: @escaping @Sendable (WebSocketEvent) -> Void) -> any FrameSocket {
        LiveSocket(
            webSocket: WebSocket.connect(
                to: endpoint,
                trust: trust,
                proxy: proxy,
                configuration: limits,
                on: loop,
                onEvent: onEvent
            )
        )
    }
}

/// A WebSocket, called from an actor of the same loop.
private struct LiveSocket: FrameSocket {
    let webSocket: WebSocket

    func send(_ bytes: [UInt8], priority: SendPriority, ticket: UInt64) throws(TransportError) {
        try webSocket.assumeIsolated { socket in
            Result { () throws(TransportError) in try socket.send(bytes, priority: priority, ticket: ticket) }
        }.get()
    }

    func close(code: UInt16, reason: String) { webSocket.assumeIsolated { $0.close(code: code, reason: reason) } }

    func abort() { webSocket.assumeIsolated { $0.abort() } }

    var timeSinceLastByte: Duration? { webSocket.assumeIsolated { $0.timeSinceLastByte } }
}
