internal import BotFoundation
internal import CLibwebsockets

/// A client's way to an open connection: which addresses are left, and why the others failed.
struct ClientAttempt {
    let endpoint: WebSocketEndpoint
    let trust: TrustRoots
    /// It resolves the server's name itself.
    let proxy: Proxy?
    /// Of the proxy if there is one, else of the server.
    var addresses: ArraySlice<String> = []
    /// The attempts that are under way.
    var runners: [LibraryPointer: Runner] = [:]
    private(set) var failure: TransportError?

    /// An attempt at one address.
    struct Runner {
        /// Sees to it that it gets on in time.
        var timer: TimerID?
        /// What we ended it for.
        var failure: TransportError?
    }

    /// How long an attempt has a head start before the next one; RFC 8305 section 8 recommends 250 ms.
    static let headStart = Duration.milliseconds(250)

    /// The addresses with the families taking turns, each in the resolver's order (RFC 8305 section 4).
    static func interleaved(_ addresses: [String]) -> [String] {
        guard let first = addresses.first else { return [] }
        let isFirstFamily = { (address: String) in address.contains(":") == first.contains(":") }
        let (own, other) = (addresses.filter(isFirstFamily), addresses.filter { !isFirstFamily($0) })
        return (0..<max(own.count, other.count)).flatMap { own.dropFirst($0).prefix(1) + other.dropFirst($0).prefix(1) }
    }

    /// An address failed. The failure that came nearest to an open connection is the one to tell: behind a refused certificate, it
    /// does not matter that nothing listens at the next address.
    mutating func note(_ error: TransportError) {
        if let failure, Self.progress(failure) > Self.progress(error) { return }
        failure = error
    }

    private static func progress(_ error: TransportError) -> Int {
        switch error.code {
        case .upgradeRefused, .upgradeTimeout: 3
        case .certificateRefused: 2
        case .tlsFailed, .tlsTimeout: 1
        default: 0
        }
    }

    /// What the end of a connection that never opened means.
    func failure(of event: clws_event) -> TransportError {
        let text = String(cString: event.text)
        let target = proxy.map { "\(endpoint) behind the proxy \($0)" } ?? "\(endpoint)"
        if event.certificate_error != 0 {
            return TransportError(
                .certificateRefused,
                "the certificate of \(target) is refused: \(text). If the server uses a private authority, name its PEM file; "
                    + "if the name does not match, correct the URL. Verification cannot be turned off"
            )
        }
        let detail = text.isEmpty ? "the connection was closed" : text
        switch event.stage {
        case CLWS_STAGE_UPGRADE:
            // Not the path itself, whose query may hold a token.
            return TransportError(.upgradeRefused, "\(target) does not speak WebSocket at the URL's path: \(detail)")
        case CLWS_STAGE_TLS:
            return TransportError(.tlsFailed, "TLS with \(target) failed: \(detail)")
        default:
            if text.contains("SSL") || text.contains("ssl") {
                return TransportError(
                    .tlsFailed,
                    "TLS with \(target) failed: \(detail); is it a TLS port that speaks TLS 1.2 or later?"
                )
            }
            return unreachable(detail)
        }
    }

    /// The server, or the proxy on the way to it, could not be reached.
    func unreachable(_ detail: String) -> TransportError {
        guard let proxy else {
            return TransportError(
                .connectFailed,
                "\(endpoint) cannot be reached: \(detail). Check the address and the port, and whether the server runs"
            )
        }
        // The library's words for every answer but 200; it does not tell the status.
        let detail = detail == "proxy not h1" ? "it refused" : detail
        return TransportError(
            .proxyFailed,
            "the proxy \(proxy) did not connect to \(endpoint): \(detail). Check its address, the user and password, and "
                + "whether it allows CONNECT to this host and port"
        )
    }

    /// A stage took too long.
    func late(_ stage: clws_stage) -> TransportError {
        switch (stage, proxy) {
        case (CLWS_STAGE_TCP, let proxy?):
            TransportError(
                .proxyFailed,
                "connecting to the proxy \(proxy) timed out: check the address and the firewall"
            )
        case (CLWS_STAGE_TCP, nil):
            TransportError(.connectTimeout, "connecting to \(endpoint) timed out: check the address and the firewall")
        case (CLWS_STAGE_TLS, let proxy?):
            TransportError(.proxyFailed, "timed out: neither the proxy \(proxy) nor \(endpoint) behind it answered")
        case (CLWS_STAGE_TLS, nil): TransportError(.tlsTimeout, "TLS with \(endpoint) timed out: is it a TLS port?")
        default:
            TransportError(.upgradeTimeout, "the WebSocket upgrade at \(endpoint) timed out: is it a WebSocket server?")
        }
    }
}

extension WebSocket {
    /// Begins a client connection. Only on the loop. Events follow, the first one after this returns; a failure is a `closed`
    /// event with an error.
    ///
    /// - Parameters:
    ///   - endpoint: Where to.
    ///   - trust: Which certificates are accepted; the name is always checked.
    ///   - proxy: What to go through; nil connects directly. The environment is never read.
    ///   - loop: Where it lives.
    package static func connect(
        to endpoint: WebSocketEndpoint,
        trust: TrustRoots = .system,
        proxy: Proxy? = nil,
        configuration: WebSocketConfiguration = .init(),
        on loop: EventLoop,
        onEvent: @escaping @Sendable (WebSocketEvent) -> Void
    ) -> WebSocket {
        let attempt = ClientAttempt(endpoint: endpoint, trust: trust, proxy: proxy)
        let socket = WebSocket(loop: loop, configuration: configuration, phase: .connecting(attempt))
        socket.assumeIsolated {
            $0.setEventHandler(onEvent)
            $0.begin(attempt)
        }
        return socket
    }

    private func begin(_ attempt: ClientAttempt) {
        do throws(TransportError) {
            try attempt.proxy?.checkRequest(for: attempt.endpoint)
        } catch {
            return loop.execute { self.assumeIsolated { $0.giveUp(error) } }
        }
        var attempt = attempt
        let host = attempt.proxy?.host ?? attempt.endpoint.host
        if let address = Resolver.numericAddress(host) {
            attempt.addresses = [address]
            phase = .connecting(attempt)
            return race()
        }
        // Neither an event nor a timer tells of the loop's shutdown meanwhile.
        shutdownHandler = loop.assumeIsolated { loop in
            loop.onShutdown {
                self.assumeIsolated { $0.giveUp(TransportError(.loopShutDown, "the event loop was shut down")) }
            }
        }
        arm(configuration.resolveDeadline) { socket in
            socket.giveUp(TransportError(.resolveTimeout, "resolving \(host) timed out: check the DNS"))
        }
        loop.assumeIsolated { $0.resolver }.resolve(host) { [loop] result in
            loop.execute {
                self.assumeIsolated { socket in
                    guard case .connecting(var attempt) = socket.phase else { return }
                    socket.forgetShutdown()
                    switch result {
                    case .success(let addresses):
                        attempt.addresses = ClientAttempt.interleaved(addresses)[...]
                        socket.phase = .connecting(attempt)
                        socket.race()
                    case .failure(let error): socket.giveUp(error)
                    }
                }
            }
        }
    }

    /// Tries the next address beside those under way, or gives up if nothing is left.
    ///
    /// The first that is open wins, and the others are dropped. While one has a TCP connection, no other is begun: as a rule the
    /// rest then follows, and a second handshake would only cost the server.
    private func race() {
        guard case .connecting(var attempt) = phase else { return }
        cancelDeadline()
        let isAnswered = attempt.runners.keys.contains { clws_get_stage($0.pointer) != CLWS_STAGE_TCP }
        while !isAnswered, let address = attempt.addresses.popFirst() {
            do throws(TransportError) {
                let handle = try open(attempt, address: address)
                let timer = watch(handle, stage: CLWS_STAGE_TCP, for: configuration.connectDeadline)
                attempt.runners[handle] = ClientAttempt.Runner(timer: timer)
                break
            } catch {
                attempt.note(error)
            }
        }
        phase = .connecting(attempt)
        if !attempt.addresses.isEmpty { return arm(ClientAttempt.headStart) { $0.race() } }
        guard attempt.runners.isEmpty else { return }
        let failure = attempt.failure ?? TransportError(.resolveFailed, "\(attempt.endpoint) has no address")
        // Not from inside the caller's own call.
        loop.execute { self.assumeIsolated { $0.giveUp(failure) } }
    }

    private func open(_ attempt: ClientAttempt, address: String) throws(TransportError) -> LibraryPointer {
        let context = try loop.assumeIsolated { $0.openContext() }.get()
        let home = ClientHome(trust: attempt.trust, proxy: attempt.proxy?.libraryText(address: address))
        let vhost = try loop.assumeIsolated { $0.clientVhost(for: home) }.get()
        let endpoint = attempt.endpoint
        var reason = [CChar](repeating: 0, count: 256)
        let owner = Unmanaged.passRetained(self)
        let patience = UInt32(clamping: configuration.deadPeerDeadline.roundedUpToMicroseconds / 1_000)
        let destination = attempt.proxy == nil ? address : attempt.endpoint.authority
        let handle = destination.withCString { address in
            endpoint.serverName.withCString { host in
                endpoint.hostHeader.withCString { header in
                    endpoint.path.withCString { path in
                        var options = clws_connect_options(
                            vhost: vhost.pointer,
                            address: address,
                            port: Int32(endpoint.port),
                            host: host,
                            host_header: header,
                            path: path,
                            tls: endpoint.isSecure ? 1 : 0,
                            dead_after_milliseconds: patience,
                            on_event: webSocketEvent,
                            user: owner.toOpaque()
                        )
                        return clws_connect(context.pointer, &options, &reason, reason.count)
                    }
                }
            }
        }
        guard let handle else {
            owner.release()
            throw attempt.unreachable(String(cBuffer: reason))
        }
        return LibraryPointer(handle)
    }

    /// Sees to it that an attempt leaves `stage` in time, and then the ones after it.
    private func watch(_ handle: LibraryPointer, stage: clws_stage, for limit: Duration) -> TimerID {
        schedule(limit) { socket in
            guard case .connecting(var attempt) = socket.phase else { return }
            let reached = clws_get_stage(handle.pointer)
            if reached.rawValue > stage.rawValue {
                let isTLS = reached == CLWS_STAGE_TLS
                let rest = isTLS ? socket.configuration.tlsDeadline : socket.configuration.upgradeDeadline
                attempt.runners[handle]?.timer = socket.watch(handle, stage: reached, for: rest)
            } else {
                // Its end follows.
                attempt.runners[handle] = ClientAttempt.Runner(timer: nil, failure: attempt.late(reached))
                clws_abort(handle.pointer)
            }
            socket.phase = .connecting(attempt)
        }
    }

    func runnerEnded(_ connection: LibraryPointer, _ attempt: ClientAttempt, _ event: clws_event) {
        var attempt = attempt
        guard let runner = attempt.runners.removeValue(forKey: connection) else { return }
        cancel(runner.timer)
        attempt.note(runner.failure ?? attempt.failure(of: event))
        phase = .connecting(attempt)
        race()
    }

    private func giveUp(_ error: TransportError) {
        finish(WebSocketClosure(code: 1006, reason: "", byPeer: false, error: error))
    }

    private func arm(_ limit: Duration, _ work: @escaping @Sendable (isolated WebSocket) -> Void) {
        deadline = schedule(limit, work)
    }

    private func schedule(_ limit: Duration, _ work: @escaping @Sendable (isolated WebSocket) -> Void) -> TimerID {
        let at = ContinuousClock.now + limit
        return loop.assumeIsolated { loop in
            loop.schedule(at: at) { self.assumeIsolated { work($0) } }
        }
    }
}
