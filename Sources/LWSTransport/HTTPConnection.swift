internal import BotFoundation
internal import CLibwebsockets

/// One connection of an ``HTTPServer``: one request at a time, each with its deadlines. Lives on the server's loop.
actor HTTPConnection {
    private enum Phase {
        /// No request's head is complete.
        case waiting
        case receiving(HTTPRequest)
        /// The handler has it. Ending the stream cancels the handler.
        case handling(AsyncStream<Never>.Continuation, until: ContinuousClock.Instant)
        case responding
        case closed
    }

    /// How often it is looked whether the client is still there while its request is handled: nothing is read then.
    private static let lookInterval = Duration.milliseconds(250)

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.unownedExecutor }

    private let configuration: HTTPServerConfiguration
    private let pointer: LibraryPointer
    private var server: HTTPServer?
    private let accepted = ContinuousClock.now
    private var phase = Phase.waiting
    /// When the last request was answered, or the connection made.
    private var lastRequest = ContinuousClock.now
    private var isAborted = false
    private var closesAfterwards = false
    /// Who wants to know that the response has left.
    private var onSent: (@Sendable () -> Void)?
    /// Which request is handled: an answer that comes too late must not become the next one's.
    private var number: UInt64 = 0
    private var timer: TimerID?

    init(_ pointer: LibraryPointer, of server: HTTPServer, loop: EventLoop, configuration: HTTPServerConfiguration) {
        self.pointer = pointer
        self.server = server
        self.loop = loop
        self.configuration = configuration
    }

    /// The client has connected; soon after the initializer.
    func begin() {
        clws_http_set_user(pointer.pointer, httpEvent, Unmanaged.passRetained(self).toOpaque())
        arm(configuration.requestDeadline) { $0.abort() }
    }

    /// Drops the connection; its end follows.
    func abort() {
        if case .closed = phase { return }
        isAborted = true
        clws_http_abort(pointer.pointer)
        // A head that begins in the same round sets the library's one timeout anew.
        arm(.seconds(1)) { $0.abort() }
    }

    /// Since when it has no whole request; `nil` if it has one, or is ending.
    var idleSince: ContinuousClock.Instant? {
        switch phase {
        case .waiting, .receiving: isAborted ? nil : lastRequest
        case .handling, .responding, .closed: nil
        }
    }

    /// Drops the connection if it has no whole request; another one ends after its response, because the server listens no more.
    func abortUnlessBusy() {
        switch phase {
        case .waiting, .receiving: abort()
        case .handling, .responding, .closed: break
        }
    }

    // MARK: - Requests

    fileprivate func received(_ event: clws_http_event) {
        switch event.kind {
        case CLWS_HTTP_REQUEST: begin(event)
        case CLWS_HTTP_BODY:
            guard case .receiving(var request) = phase else { return }
            phase = .waiting  // so that the body is not copied
            request.body.append(contentsOf: UnsafeRawBufferPointer(start: event.data, count: event.length))
            phase = .receiving(request)
        case CLWS_HTTP_COMPLETE: handOver()
        case CLWS_HTTP_SENT: sent()
        case CLWS_HTTP_CLOSED: ended()
        default: break
        }
    }

    private func begin(_ event: clws_http_event) {
        number += 1
        let method = String(cString: event.method)
        guard configuration.methods.contains(method) else {
            let allowed = configuration.methods.sorted().joined(separator: ", ")
            return respond(HTTPResponse(status: 405, headers: ["allow": allowed]), closes: true)
        }
        guard event.content_length <= configuration.maximumBodyBytes else {
            return respond(HTTPResponse(status: 413), closes: true)
        }
        let bytes = UnsafeRawBufferPointer(start: event.path, count: event.path_length)
        guard !bytes.contains(0), let path = String(validating: bytes, as: UTF8.self), let query = query() else {
            return respond(HTTPResponse(status: 400), closes: true)
        }
        var request = HTTPRequest(method: method, path: path, query: query, headers: headers())
        request.body.reserveCapacity(min(Int(event.content_length), 64 * 1_024))
        phase = .receiving(request)
        // The first request's time runs since the connection was made.
        let spent: Duration = number == 1 ? accepted.duration(to: .now) : .zero
        arm(max(.zero, configuration.requestDeadline - spent)) { $0.late(408) }
    }

    private func query() -> String? {
        var buffer = [CChar](repeating: 0, count: 3 * Int(CLWS_HTTP_HEADER_BYTES) + 1)
        return clws_http_query(pointer.pointer, &buffer, buffer.count) < 0 ? nil : String(cBuffer: buffer)
    }

    private func headers() -> [String: String] {
        var headers: [String: String] = [:]
        var buffer = [CChar](repeating: 0, count: Int(CLWS_HTTP_HEADER_BYTES) + 1)
        for name in configuration.headers
        where clws_http_header(pointer.pointer, name + ":", &buffer, buffer.count) >= 0 {
            headers[name] = String(cBuffer: buffer)
        }
        return headers
    }

    private func handOver() {
        guard case .receiving(let request) = phase, let server else { return }
        guard server.assumeIsolated({ $0.hasRoom }) else { return respond(HTTPResponse(status: 503), closes: true) }
        let (cancelled, cancel) = AsyncStream.makeStream(of: Never.self)
        phase = .handling(cancel, until: .now + configuration.handlerDeadline)
        let job = HTTPJob(request: request, connection: self, number: number, cancelled: cancelled)
        server.assumeIsolated { $0.perform(job) }
        look()
    }

    /// Whether the client and the time are still there.
    private func look() {
        guard case .handling(_, let deadline) = phase else { return }
        let left = ContinuousClock.now.duration(to: deadline)
        if left <= .zero { return late(503) }
        arm(min(left, Self.lookInterval)) { connection in
            if clws_http_peer_left(connection.pointer.pointer) != 0 { connection.abort() } else { connection.look() }
        }
    }

    private func late(_ status: Int) {
        respond(HTTPResponse(status: status), closes: true)
    }

    /// Whether that request still waits for its response.
    func isHandling(_ number: UInt64) -> Bool { if case .handling = phase { number == self.number } else { false } }

    // MARK: - Responses

    /// Sends a handler's response, unless it comes too late.
    func respond(_ response: HTTPResponse, to number: UInt64) {
        guard isHandling(number) else { return }
        respond(response, closes: false)
    }

    private func respond(_ response: HTTPResponse, closes: Bool) {
        if case .handling(let cancel, _) = phase { cancel.finish() }
        phase = .responding
        closesAfterwards = closes
        var response = response
        if let fault = response.fault {
            configuration.log(.error, "a handler's response cannot be sent because of \(fault)")
            response = HTTPResponse(status: 500)
        }
        onSent = response.onSent
        let status = response.headerBlock.withUnsafeBytes { headers in
            response.body.withUnsafeBytes { body in
                var raw = clws_http_response(
                    status: Int32(response.status),
                    headers: headers.bindMemory(to: CChar.self).baseAddress,
                    headers_length: headers.count,
                    body: body.bindMemory(to: UInt8.self).baseAddress,
                    body_length: body.count,
                    close: closes ? 1 : 0
                )
                return clws_http_respond(pointer.pointer, &raw)
            }
        }
        guard status == 0 else { return abort() }
        arm(configuration.writeDeadline) { $0.abort() }
    }

    private func sent() {
        phase = .waiting
        lastRequest = .now
        onSent?()
        onSent = nil
        // One that closes waits for the client to read what was sent, but not for ever.
        arm(closesAfterwards ? configuration.writeDeadline : configuration.idleDeadline) { $0.abort() }
    }

    private func ended() {
        if case .handling(let cancel, _) = phase { cancel.finish() }
        phase = .closed
        onSent = nil
        disarm()
        server?.assumeIsolated { $0.ended(self) }
        server = nil
    }

    // MARK: - Time

    private func disarm() {
        guard let timer else { return }
        self.timer = nil
        loop.assumeIsolated { $0.cancel(timer) }
    }

    private func arm(_ limit: Duration, _ work: @escaping @Sendable (isolated HTTPConnection) -> Void) {
        disarm()
        let at = ContinuousClock.now + limit
        timer = loop.assumeIsolated { loop in
            loop.schedule(at: at) { self.assumeIsolated { work($0) } }
        }
    }
}

/// Where the library's events enter; on the loop's thread.
private func httpEvent(
    _ user: UnsafeMutableRawPointer?,
    _ connection: OpaquePointer,
    _ event: UnsafePointer<clws_http_event>
) {
    guard let user else { return }
    let owner = Unmanaged<HTTPConnection>.fromOpaque(user)
    // The event is read before this function returns, on the thread that it was made on.
    nonisolated(unsafe) let event = event
    owner.takeUnretainedValue().assumeIsolated { $0.received(event.pointee) }
    // The library held the connection for as long as it could still call.
    if event.pointee.kind == CLWS_HTTP_CLOSED { owner.release() }
}
