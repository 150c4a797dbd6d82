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
    private(set) var failure: TransportError?

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
                return TransportError(.tlsFailed, "TLS with \(target) failed: \(detail); is it a TLS port?")
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
        let socket = WebSocket(loop: loop, configuration: configuration, phase: .connecting(attempt, nil))
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
            return next(attempt)
        }
        arm(configuration.resolveDeadline) { socket in
            socket.giveUp(TransportError(.resolveTimeout, "resolving \(host) timed out: check the DNS"))
        }
        loop.assumeIsolated { $0.resolver }.resolve(host) { [loop] result in
            loop.execute {
                self.assumeIsolated { socket in
                    guard case .connecting(var attempt, nil) = socket.phase else { return }
                    switch result {
                    case .success(let addresses):
                        attempt.addresses = addresses[...]
                        socket.next(attempt)
                    case .failure(let error): socket.giveUp(error)
                    }
                }
            }
        }
    }

    /// Tries the next address, or gives up.
    private func next(_ attempt: ClientAttempt) {
        var attempt = attempt
        cancelDeadline()
        clearFailure()
        guard let address = attempt.addresses.popFirst() else {
            let failure = attempt.failure ?? TransportError(.resolveFailed, "\(attempt.endpoint) has no address")
            // Not from inside the caller's own call.
            loop.execute { self.assumeIsolated { $0.giveUp(failure) } }
            return
        }
        do throws(TransportError) {
            let handle = try open(attempt, address: address)
            phase = .connecting(attempt, handle)
            let limit = configuration.connectDeadline
            let connect = attempt.addresses.isEmpty ? limit : min(limit, .seconds(2))
            watch(attempt, stage: CLWS_STAGE_TCP, for: connect)
        } catch {
            attempt.note(error)
            next(attempt)
        }
    }

    private func open(_ attempt: ClientAttempt, address: String) throws(TransportError) -> LibraryPointer {
        let context = try loop.assumeIsolated { $0.openContext() }.get()
        let home = ClientHome(trust: attempt.trust, proxy: attempt.proxy?.libraryText(address: address))
        let vhost = try loop.assumeIsolated { $0.clientVhost(for: home) }.get()
        let endpoint = attempt.endpoint
        var reason = [CChar](repeating: 0, count: 256)
        let owner = Unmanaged.passRetained(self)
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

    /// Sees to it that the attempt leaves `stage` in time, and then the ones after it.
    private func watch(_ attempt: ClientAttempt, stage: clws_stage, for limit: Duration) {
        arm(limit) { socket in
            guard case .connecting(_, let handle?) = socket.phase else { return }
            let reached = clws_get_stage(handle.pointer)
            guard reached.rawValue <= stage.rawValue else {
                let isTLS = reached == CLWS_STAGE_TLS
                let rest = isTLS ? socket.configuration.tlsDeadline : socket.configuration.upgradeDeadline
                return socket.watch(attempt, stage: reached, for: rest)
            }
            socket.fail(attempt.late(reached))
        }
    }

    func attemptEnded(_ attempt: ClientAttempt, failure: TransportError) {
        var attempt = attempt
        attempt.note(failure)
        phase = .connecting(attempt, nil)
        next(attempt)
    }

    private func giveUp(_ error: TransportError) {
        finish(WebSocketClosure(code: 1006, reason: "", byPeer: false, error: error))
    }

    private func arm(_ limit: Duration, _ work: @escaping @Sendable (isolated WebSocket) -> Void) {
        let at = ContinuousClock.now + limit
        deadline = loop.assumeIsolated { loop in
            loop.schedule(at: at) { self.assumeIsolated { work($0) } }
        }
    }
}
