internal import BotFoundation
internal import CLibwebsockets
internal import FoundationEssentials

/// The way to a TCP connection: several addresses, a little apart, and the first that answers.
struct Dial {
    var rest: ArraySlice<SocketAddress>
    var streams: Set<LibraryPointer> = []
    var failure: HTTPClientError?
    /// Sees to it that the next one gets its turn.
    var headStart: TimerID?
}

extension HTTPExchange {
    /// Finds the addresses to connect to, and asks whether they may be. If nobody asks, a proxy finds those behind it itself.
    func resolve() {
        if let proxy = configuration.proxy, configuration.isAllowed == nil { return dial(proxy) }
        addresses(of: endpoint.host, port: endpoint.port) { $0.dialAllowed($1) }
    }

    private func addresses(
        of host: String,
        port: UInt16,
        then: @escaping @Sendable (isolated HTTPExchange, [SocketAddress]) -> Void
    ) {
        if let address = Resolver.numericAddress(host) {
            return found([address], host, port, then)
        }
        loop.assumeIsolated { $0.resolver }.resolve(host) { [loop] result in
            loop.execute {
                self.assumeIsolated { exchange in
                    switch result {
                    case .success(let addresses): exchange.found(ClientAttempt.interleaved(addresses), host, port, then)
                    case .failure(let error): exchange.fail(HTTPClientError(error))
                    }
                }
            }
        }
    }

    private func found(
        _ hosts: [String],
        _ host: String,
        _ port: UInt16,
        _ then: @Sendable (isolated HTTPExchange, [SocketAddress]) -> Void
    ) {
        guard case .resolving = phase else { return }
        let addresses = hosts.compactMap { SocketAddress(host: $0, port: port) }
        guard !addresses.isEmpty else {
            return fail(HTTPClientError(.resolveFailed, "the host name \(host) has no address"))
        }
        then(self, addresses)
    }

    private func dialAllowed(_ addresses: [SocketAddress]) {
        let allowed = addresses.filter { configuration.isAllowed?($0) ?? true }
        if allowed.isEmpty, let refused = addresses.first {
            let message = "\(endpoint) has the address \(refused.host), which may not be connected to"
            return fail(HTTPClientError(.addressNotAllowed, message, address: refused))
        }
        guard let proxy = configuration.proxy else { return dial(allowed) }
        targets = allowed[...]
        dial(proxy)
    }

    private func dial(_ proxy: Proxy) {
        addresses(of: proxy.host, port: proxy.port) { $0.dial($1) }
    }

    // MARK: - TCP

    private func dial(_ addresses: [SocketAddress]) {
        phase = .dialling(Dial(rest: addresses[...]))
        dialNext()
    }

    private func dialNext() {
        guard case .dialling(var dial) = phase else { return }
        cancelHeadStart(&dial)
        while let address = dial.rest.popFirst() {
            do throws(HTTPClientError) {
                dial.streams.insert(try open(address))
                break
            } catch {
                dial.failure = error
            }
        }
        if !dial.rest.isEmpty {
            dial.headStart = schedule(at: .now + ClientAttempt.headStart) { $0.dialNext() }
        }
        phase = .dialling(dial)
        if dial.streams.isEmpty, dial.rest.isEmpty { fail(dial.failure ?? unreachable("it has no address")) }
    }

    private func open(_ address: SocketAddress) throws(HTTPClientError) -> LibraryPointer {
        let context: LibraryPointer
        do {
            context = try loop.assumeIsolated { $0.openContext() }.get()
        } catch {
            throw HTTPClientError(error)
        }
        var reason = [CChar](repeating: 0, count: 256)
        let owner = Unmanaged.passRetained(self)
        let stream = address.host.withCString { host in
            var options = clws_stream_options(
                address: host,
                port: Int32(address.port),
                on_event: streamEvent,
                user: owner.toOpaque()
            )
            return clws_stream_connect(context.pointer, &options, &reason, reason.count)
        }
        guard let stream else {
            owner.release()
            throw unreachable(String(cBuffer: reason))
        }
        return LibraryPointer(stream)
    }

    func dialled(_ stream: LibraryPointer, _ event: clws_stream_event, _ dial: Dial) {
        var dial = dial
        guard dial.streams.remove(stream) != nil else { return }
        switch event.kind {
        case CLWS_STREAM_CONNECTED:
            cancelHeadStart(&dial)
            for loser in dial.streams { clws_stream_abort(loser.pointer) }
            if let proxy = configuration.proxy { tunnel(through: proxy, on: stream) } else { connected(stream) }
        case CLWS_STREAM_CLOSED:
            dial.failure = unreachable(String(cString: event.text))
            phase = .dialling(dial)
            dialNext()
        default: break
        }
    }

    private func cancelHeadStart(_ dial: inout Dial) {
        guard let headStart = dial.headStart else { return }
        dial.headStart = nil
        loop.assumeIsolated { $0.cancel(headStart) }
    }

    /// The server, or the proxy on the way to it, could not be reached.
    private func unreachable(_ detail: String) -> HTTPClientError {
        guard let proxy = configuration.proxy else {
            return HTTPClientError(.connectFailed, "\(endpoint) cannot be reached: \(detail)")
        }
        return HTTPClientError(.proxyFailed, "the proxy \(proxy) cannot be reached: \(detail)")
    }

    // MARK: - Proxy and TLS

    private func tunnel(through proxy: Proxy, on stream: LibraryPointer) {
        // By name, it could find another address than the one that was asked about.
        let target = targets.first?.description ?? "\(endpoint.authority):\(endpoint.port)"
        var lines = ["CONNECT \(target) HTTP/1.1", "host: \(target)"]
        if let credentials = proxy.credentials {
            lines.append("proxy-authorization: Basic \(Data(credentials.value.utf8).base64EncodedString())")
        }
        let parser = HTTPResponseParser(
            expectsBody: false,
            maximumHeaderBytes: configuration.maximumHeaderBytes,
            maximumBodyBytes: 0
        )
        phase = .tunnelling(stream, parser)
        send(Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8), on: stream)
    }

    func tunnelled(_ stream: LibraryPointer, _ event: clws_stream_event, _ parser: HTTPResponseParser) {
        switch event.kind {
        case CLWS_STREAM_WRITABLE: writable(stream)
        case CLWS_STREAM_RECEIVED:
            var (parser, events) = (parser, [HTTPResponseParser.Event]())
            do {
                try parser.append(UnsafeRawBufferPointer(start: event.data, count: event.length), to: &events)
            } catch {
                return fail(proxyRefused("it does not answer as an HTTP proxy"))
            }
            phase = .tunnelling(stream, parser)
            guard case .head(let status, _) = events.first else { return }
            if (500...599).contains(status), targets.count > 1, let proxy = configuration.proxy {
                targets.removeFirst()
                clws_stream_abort(stream.pointer)
                phase = .resolving
                return dial(proxy)
            }
            guard (200...299).contains(status) else {
                return fail(
                    proxyRefused(status == 407 ? "it wants another user or password (407)" : "it answered \(status)")
                )
            }
            connected(stream)
        case CLWS_STREAM_CLOSED:
            phase = .ended
            fail(proxyRefused("it closed the connection"))
        default: break
        }
    }

    private func proxyRefused(_ detail: String) -> HTTPClientError {
        let proxy = configuration.proxy.map { "\($0)" } ?? ""
        let address = targets.first.map { " (\($0.host))" } ?? ""
        return HTTPClientError(.proxyFailed, "the proxy \(proxy) did not connect to \(endpoint)\(address): \(detail)")
    }

    /// Bytes go to the server from here on.
    private func connected(_ stream: LibraryPointer) {
        guard endpoint.isSecure else {
            cancelTimer()
            return exchange(on: stream)
        }
        phase = .securing(stream)
        switch loop.assumeIsolated({ $0.clientTrust(for: configuration.trust) }) {
        case .success(let trust):
            let begun = endpoint.serverName.withCString { clws_stream_secure(stream.pointer, trust.pointer, $0) }
            if begun != 0 { fail(HTTPClientError(.outOfResources, "TLS with \(endpoint) could not be begun")) }
        case .failure(let error): fail(HTTPClientError(error))
        }
    }

    func secured(_ stream: LibraryPointer, _ event: clws_stream_event) {
        switch event.kind {
        case CLWS_STREAM_SECURED:
            cancelTimer()
            exchange(on: stream)
        case CLWS_STREAM_CLOSED:
            phase = .ended
            let text = String(cString: event.text)
            let detail = text.isEmpty ? "the connection was closed" : text
            fail(
                event.certificate_error != 0
                    ? HTTPClientError(.certificateRefused, "the certificate of \(endpoint) is refused: \(detail)")
                    : HTTPClientError(.tlsFailed, "TLS with \(endpoint) failed: \(detail)")
            )
        default: break
        }
    }

    /// The time for connecting is over.
    func lateConnection() -> HTTPClientError {
        let limit = configuration.connectDeadline
        return switch phase {
        case .resolving: HTTPClientError(.resolveTimeout, "resolving the name took longer than \(limit): check the DNS")
        case .securing: HTTPClientError(.tlsTimeout, "TLS with \(endpoint) was not established within \(limit)")
        case .tunnelling: proxyRefused("it did not answer within \(limit)")
        default:
            configuration.proxy == nil
                ? HTTPClientError(.connectTimeout, "\(endpoint) did not answer within \(limit)")
                : unreachable("it did not answer within \(limit)")
        }
    }
}

/// Where the library's events enter; on the loop's thread.
private func streamEvent(
    _ user: UnsafeMutableRawPointer?,
    _ stream: OpaquePointer,
    _ event: UnsafePointer<clws_stream_event>
) {
    guard let user else { return }
    let owner = Unmanaged<HTTPExchange>.fromOpaque(user)
    // The event is read before this function returns, on the thread that it was made on.
    nonisolated(unsafe) let event = event
    let stream = LibraryPointer(stream)
    owner.takeUnretainedValue().assumeIsolated { $0.received(event.pointee, from: stream) }
    // The library held the exchange for as long as it could still call.
    if event.pointee.kind == CLWS_STREAM_CLOSED { owner.release() }
}
