internal import BotFoundation
internal import CLibwebsockets

/// One request of an ``HTTPClient`` and its response, over a connection of its own. Lives on the client's loop.
actor HTTPExchange {
    enum Phase {
        /// No connection yet: names are looked up.
        case resolving
        /// The first of the connections that stands is taken.
        case dialling(Dial)
        /// The proxy's answer is awaited.
        case tunnelling(LibraryPointer, HTTPResponseParser)
        case securing(LibraryPointer)
        case exchanging(LibraryPointer, HTTPResponseParser)
        case ended

        /// The connections that are there.
        var streams: [LibraryPointer] {
            switch self {
            case .resolving, .ended: []
            case .dialling(let dial): Array(dial.streams)
            case .tunnelling(let stream, _), .securing(let stream), .exchanging(let stream, _): [stream]
            }
        }
    }

    /// How many bytes of the body may wait for its reader before reading stops, and how few before it goes on.
    private static let bufferLimits = (stop: 256 * 1_024, resume: 64 * 1_024)

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.unownedExecutor }

    let endpoint: HTTPEndpoint
    let configuration: HTTPClientConfiguration
    private let request: [UInt8]
    private let expectsBody: Bool
    var phase = Phase.resolving
    /// The addresses that a proxy is asked for, one after the other; empty if it is asked for the name.
    var targets: ArraySlice<SocketAddress> = []

    /// What is being sent, and how much of it the kernel has.
    private var outgoing: (bytes: [UInt8], sent: Int) = ([], 0)
    /// When the kernel had all of the request.
    private var sentAt: ContinuousClock.Instant?
    private var hasFirstByte = false
    /// When something last moved.
    private var lastProgress = ContinuousClock.now

    private var headWaiter: CheckedContinuation<Result<HTTPClientResponse, HTTPClientError>, Never>?
    private var bodyWaiter: CheckedContinuation<Result<[UInt8]?, HTTPClientError>, Never>?
    private var pieces = Queue<[UInt8]>()
    private var bufferedBytes = 0
    private var isPaused = false
    private var outcome: Result<Void, HTTPClientError>?

    /// Of connecting, then of what moves.
    var timer: TimerID?
    private var overallTimer: TimerID?
    private var shutdownHandler: ShutdownHandlerID?

    init(
        endpoint: HTTPEndpoint,
        request: [UInt8],
        expectsBody: Bool,
        configuration: HTTPClientConfiguration,
        loop: EventLoop
    ) {
        self.endpoint = endpoint
        self.request = request
        self.expectsBody = expectsBody
        self.configuration = configuration
        self.loop = loop
    }

    // MARK: - The caller's side

    /// Begins; returns when the response's head is there. Once.
    func response() async throws(HTTPClientError) -> HTTPClientResponse {
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                headWaiter = continuation
                begin()
            }
        } onCancel: {
            abandon()
        }
        return try result.get()
    }

    /// The next piece of the body; nil at its end.
    func nextPiece() async throws(HTTPClientError) -> [UInt8]? {
        let result: Result<[UInt8]?, HTTPClientError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if let piece = takePiece() {
                    continuation.resume(returning: .success(piece))
                } else if let outcome {
                    continuation.resume(returning: outcome.map { nil })
                } else if bodyWaiter != nil {
                    continuation.resume(
                        returning: .failure(HTTPClientError(.invalidRequest, "the body has two readers"))
                    )
                } else {
                    bodyWaiter = continuation
                }
            }
        } onCancel: {
            abandon()
        }
        return try result.get()
    }

    /// Nobody waits for it any more. Any thread; harmless when it has ended.
    nonisolated func abandon() {
        loop.execute { self.assumeIsolated { $0.fail(HTTPClientError(.cancelled, "the request was cancelled")) } }
    }

    private func begin() {
        let now = ContinuousClock.now
        shutdownHandler = loop.assumeIsolated { loop in
            loop.onShutdown {
                self.assumeIsolated { $0.fail(HTTPClientError(.loopShutDown, "the event loop was shut down")) }
            }
        }
        overallTimer = schedule(at: now + configuration.overallDeadline) { exchange in
            let limit = exchange.configuration.overallDeadline
            exchange.fail(
                HTTPClientError(.overallTimeout, "\(exchange.endpoint) took longer than \(limit) for everything")
            )
        }
        timer = schedule(at: now + configuration.connectDeadline) { $0.fail($0.lateConnection()) }
        resolve()
    }

    // MARK: - The end

    func fail(_ error: HTTPClientError) { end(.failure(error)) }

    /// The one way to the end.
    private func end(_ result: Result<Void, HTTPClientError>) {
        guard outcome == nil else { return }
        outcome = result
        for stream in phase.streams { clws_stream_abort(stream.pointer) }
        phase = .ended
        outgoing = ([], 0)
        cancelTimer()
        loop.assumeIsolated { [overallTimer, shutdownHandler] loop in
            if let overallTimer { loop.cancel(overallTimer) }
            if let shutdownHandler { loop.forget(shutdownHandler) }
        }
        if let headWaiter, case .failure(let error) = result {
            self.headWaiter = nil
            headWaiter.resume(returning: .failure(error))
        }
        if let bodyWaiter {
            self.bodyWaiter = nil
            bodyWaiter.resume(returning: result.map { nil })
        }
    }

    // MARK: - The library's side

    func received(_ event: clws_stream_event, from stream: LibraryPointer) {
        switch phase {
        case .dialling(let dial): dialled(stream, event, dial)
        case .tunnelling(let current, let parser) where current == stream: tunnelled(stream, event, parser)
        case .securing(let current) where current == stream: secured(stream, event)
        case .exchanging(let current, let parser) where current == stream:
            switch event.kind {
            case CLWS_STREAM_RECEIVED: receivedBytes(event, stream, parser)
            case CLWS_STREAM_WRITABLE: writable(stream)
            case CLWS_STREAM_CLOSED: closed(event, parser)
            default: break
            }
        default: break
        }
    }

    /// Sends `bytes`, from the beginning.
    func send(_ bytes: [UInt8], on stream: LibraryPointer) {
        outgoing = (bytes, 0)
        clws_stream_want_write(stream.pointer)
    }

    func writable(_ stream: LibraryPointer) {
        let count = outgoing.bytes.count
        let taken = outgoing.bytes[outgoing.sent...].withUnsafeBytes { rest in
            rest.bindMemory(to: UInt8.self).baseAddress.map { clws_stream_write(stream.pointer, $0, rest.count) } ?? 0
        }
        if taken > 0 { lastProgress = .now }
        // A server that takes no more may have answered already.
        outgoing.sent = taken < 0 ? count : outgoing.sent + Int(taken)
        if outgoing.sent < count { return clws_stream_want_write(stream.pointer) }
        outgoing = ([], 0)
        guard case .exchanging = phase, sentAt == nil else { return }
        sentAt = .now
        watch()
    }

    /// The connection stands: the request goes out.
    func exchange(on stream: LibraryPointer) {
        let parser = HTTPResponseParser(
            expectsBody: expectsBody,
            maximumHeaderBytes: configuration.maximumHeaderBytes,
            maximumBodyBytes: configuration.maximumBodyBytes
        )
        phase = .exchanging(stream, parser)
        lastProgress = .now
        send(request, on: stream)
        watch()
    }

    private func receivedBytes(_ event: clws_stream_event, _ stream: LibraryPointer, _ parser: HTTPResponseParser) {
        var parser = parser
        lastProgress = .now
        var events: [HTTPResponseParser.Event] = []
        var fault: HTTPResponseParser.Fault?
        do {
            try parser.append(UnsafeRawBufferPointer(start: event.data, count: event.length), to: &events)
        } catch {
            fault = error
        }
        phase = .exchanging(stream, parser)
        if !hasFirstByte {
            hasFirstByte = true
            watch()
        }
        take(events)
        if let fault { return fail(failure(of: fault)) }
        if outcome == nil, !isPaused, bufferedBytes >= Self.bufferLimits.stop {
            isPaused = true
            clws_stream_read_enable(stream.pointer, 0)
            cancelTimer()
        }
    }

    private func closed(_ event: clws_stream_event, _ parser: HTTPResponseParser) {
        phase = .ended
        let text = String(cString: event.text)
        var (parser, events) = (parser, [HTTPResponseParser.Event]())
        do {
            guard event.finished != 0 else { throw HTTPResponseParser.Fault.incomplete }
            try parser.finish(&events)
            take(events)
        } catch {
            fail(failure(of: .incomplete, text))
        }
    }

    private func take(_ events: [HTTPResponseParser.Event]) {
        for event in events {
            switch event {
            case .head(let status, let headers):
                let response = HTTPClientResponse(status: status, headers: headers, body: HTTPBody(self))
                headWaiter?.resume(returning: .success(response))
                headWaiter = nil
            case .body(let piece):
                if let bodyWaiter {
                    self.bodyWaiter = nil
                    bodyWaiter.resume(returning: .success(piece))
                } else {
                    pieces.append(piece)
                    bufferedBytes += piece.count
                }
            case .end: end(.success(()))
            }
        }
    }

    private func takePiece() -> [UInt8]? {
        guard let piece = pieces.popFirst() else { return nil }
        bufferedBytes -= piece.count
        if isPaused, bufferedBytes <= Self.bufferLimits.resume, case .exchanging(let stream, _) = phase {
            isPaused = false
            lastProgress = .now
            clws_stream_read_enable(stream.pointer, 1)
            watch()
        }
        return piece
    }

    private func failure(of fault: HTTPResponseParser.Fault, _ detail: String = "") -> HTTPClientError {
        switch fault {
        case .notHTTP(let detail):
            HTTPClientError(.invalidResponse, "the answer of \(endpoint) is not to be understood: \(detail)")
        case .headersTooLarge:
            HTTPClientError(
                .headersTooLarge,
                "the head of the answer of \(endpoint) has more than \(configuration.maximumHeaderBytes) bytes"
            )
        case .bodyTooLarge:
            HTTPClientError(
                .bodyTooLarge,
                "the body of the answer of \(endpoint) has more than \(configuration.maximumBodyBytes) bytes"
            )
        case .incomplete:
            HTTPClientError(
                .incomplete,
                "\(endpoint) ended the connection before its answer was complete\(detail.isEmpty ? "" : ": \(detail)")"
            )
        }
    }

    // MARK: - Time

    /// Sees to it that something moves.
    private func watch() {
        cancelTimer()
        guard case .exchanging = phase, !isPaused else { return }
        timer = schedule(at: due().at) { exchange in
            let (at, error) = exchange.due()
            if at <= .now { exchange.fail(error) } else { exchange.watch() }
        }
    }

    private func due() -> (at: ContinuousClock.Instant, HTTPClientError) {
        if let sentAt, !hasFirstByte {
            let limit = configuration.firstByteDeadline
            let error = HTTPClientError(
                .firstByteTimeout,
                "\(endpoint) took the request and did not answer within \(limit)"
            )
            return (sentAt + limit, error)
        }
        let limit = configuration.idleDeadline
        let what = sentAt == nil ? "took nothing more of the request" : "sent nothing more of its answer"
        return (lastProgress + limit, HTTPClientError(.idleTimeout, "\(endpoint) \(what) for \(limit)"))
    }

    func cancelTimer() {
        guard let timer else { return }
        self.timer = nil
        loop.assumeIsolated { $0.cancel(timer) }
    }

    func schedule(
        at instant: ContinuousClock.Instant,
        _ work: @escaping @Sendable (isolated HTTPExchange) -> Void
    ) -> TimerID {
        loop.assumeIsolated { loop in
            loop.schedule(at: instant) { self.assumeIsolated { work($0) } }
        }
    }
}
