internal import BotFoundation
internal import CLibwebsockets

/// One end of a WebSocket connection, in either role. Lives on its event loop: every method is called there, and every event
/// is delivered there. It stays alive until its `closed` event, whether or not somebody still refers to it.
package actor WebSocket {
    enum Phase {
        /// A client's connection that is not open yet.
        case connecting(ClientAttempt)
        case open(LibraryPointer)
        /// The owner has closed it; what is queued still goes out, then the close handshake. Absent handle: it was not open.
        case closing(LibraryPointer?)
        case closed
    }

    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.unownedExecutor }

    let configuration: WebSocketConfiguration
    var phase: Phase
    private var onEvent: (@Sendable (WebSocketEvent) -> Void)?
    private var queue: SendQueue
    private var assembler: MessageAssembler
    private var closeFrame: (code: UInt16, reason: String)?
    private var failure: TransportError?
    var deadline: TimerID?
    /// While the name is resolved.
    var shutdownHandler: ShutdownHandlerID?

    /// The server that accepted it; not for clients.
    private var server: WebSocketServer?

    init(loop: EventLoop, configuration: WebSocketConfiguration, phase: Phase, server: WebSocketServer? = nil) {
        self.loop = loop
        self.server = server
        self.configuration = configuration
        self.phase = phase
        queue = SendQueue(maximumBytes: configuration.maximumQueuedBytes)
        assembler = MessageAssembler(maximumBytes: configuration.maximumMessageBytes)
    }

    /// Sets who gets the events. For a server's connection, inside the server's `accept`.
    package func setEventHandler(_ handler: @escaping @Sendable (WebSocketEvent) -> Void) { onEvent = handler }

    // MARK: - The owner's side

    /// Whether messages can be sent.
    package var isOpen: Bool { if case .open = phase { true } else { false } }

    /// Queues a message. `written(ticket)` follows when it has been handed to the kernel; if the connection ends before, it was not sent.
    ///
    /// - Throws: ``TransportError`` with code `notOpen`, or `sendQueueFull` (`drained` follows when there is room again).
    package func send(
        _ bytes: [UInt8],
        isText: Bool = true,
        priority: SendPriority = .normal,
        ticket: UInt64 = 0
    ) throws(TransportError) {
        guard case .open(let handle) = phase else { throw TransportError(.notOpen, "the connection is not open") }
        guard queue.append(.init(bytes: bytes, isText: isText, ticket: ticket), priority: priority) else {
            throw TransportError(
                .sendQueueFull,
                "\(queue.bytes) bytes wait to be sent; the limit is \(queue.maximumBytes)"
            )
        }
        clws_want_write(handle.pointer)
    }

    /// Sends what is queued, then closes. `closed` follows within the close deadline; until then messages still arrive. Harmless when
    /// closing or closed.
    ///
    /// - Parameters:
    ///   - code: 1000…4999 as RFC 6455 7.4 allows an endpoint to send.
    ///   - reason: For people; cut to 123 bytes of UTF-8 (RFC 6455 5.5).
    package func close(code: UInt16 = 1000, reason: String = "") {
        switch phase {
        case .closing, .closed: return
        case .connecting: abort()
        case .open(let handle):
            closeFrame = (code, reason.prefix(utf8Bytes: 123))
            phase = .closing(handle)
            let limit = ContinuousClock.now + configuration.closeDeadline
            deadline = loop.assumeIsolated { loop in
                loop.schedule(at: limit) { self.assumeIsolated { $0.drop() } }
            }
            clws_want_write(handle.pointer)
        }
    }

    /// Drops the connection: nothing more is sent, no close frame either. `closed` follows.
    package func abort() {
        if case .connecting(let attempt) = phase {
            // No address is tried after this, and no name that is resolved late.
            cancelDeadline()
            drop(attempt.runners)
            phase = .closing(nil)
            let closure = WebSocketClosure(code: 1006, reason: "", byPeer: false, error: nil)
            loop.execute { self.assumeIsolated { $0.finish(closure) } }
        }
        drop()
    }

    /// Stops reading from the socket, so that the peer feels it; ``resumeReading()`` undoes it.
    package func pauseReading() {
        if case .open(let handle) = phase { clws_read_enable(handle.pointer, 0) }
    }

    /// Reads again.
    package func resumeReading() {
        if case .open(let handle) = phase { clws_read_enable(handle.pointer, 1) }
    }

    /// How long the kernel has received nothing from the peer, whatever it was; nil if not known.
    package var timeSinceLastByte: Duration? {
        guard case .open(let handle) = phase else { return nil }
        let milliseconds = clws_idle_milliseconds(handle.pointer)
        return milliseconds < 0 ? nil : .milliseconds(milliseconds)
    }

    /// Bytes that were written but that the peer's kernel has not acknowledged.
    package var unsentBytes: Int {
        if case .open(let handle) = phase { Int(clamping: clws_unsent(handle.pointer)) } else { 0 }
    }

    /// The TLS version and cipher, "" without TLS or when not open.
    package var tlsDescription: String {
        guard case .open(let handle) = phase else { return "" }
        var text = [CChar](repeating: 0, count: 128)
        clws_tls_description(handle.pointer, &text, text.count)
        return String(cBuffer: text)
    }

    // MARK: - The library's side

    func received(_ event: clws_event, from connection: LibraryPointer) {
        switch phase {
        case .connecting(let attempt):
            switch event.kind {
            case CLWS_OPENED: opened(connection, attempt)
            case CLWS_CLOSED: runnerEnded(connection, attempt, event)
            default: break
            }
            return
        // Those that lost the race to be the connection may still have something to say.
        case .open(let handle), .closing(let handle?): guard handle == connection else { return }
        case .closing(nil), .closed: return
        }
        switch event.kind {
        case CLWS_RECEIVED: receivedPiece(event)
        case CLWS_ACTIVITY: emit(.activity)
        case CLWS_WRITABLE: writable()
        case CLWS_CLOSED: ended(event)
        default: break
        }
    }

    private func opened(_ connection: LibraryPointer, _ attempt: ClientAttempt) {
        var losers = attempt.runners
        guard let winner = losers.removeValue(forKey: connection) else { return }
        cancelDeadline()
        cancel(winner.timer)
        drop(losers)
        phase = .open(connection)
        emit(.opened)
    }

    private func receivedPiece(_ event: clws_event) {
        // What the peer had sent before it knew that we close is as good as any; what follows a message that was too large is not.
        guard failure == nil else { return }
        let piece = UnsafeRawBufferPointer(start: event.data, count: event.length)
        switch assembler.append(piece, first: event.first != 0, final: event.final != 0, binary: event.binary != 0) {
        case .incomplete: emit(.activity)
        case .message(let bytes, let isText): emit(.message(bytes: bytes, isText: isText))
        case .tooLarge:
            let limit = configuration.maximumMessageBytes
            failure = TransportError(.messageTooLarge, "the peer sent a message of more than \(limit) bytes")
            close(code: 1009, reason: "message too large")
        }
    }

    private func writable() {
        let handle: LibraryPointer
        switch phase {
        case .open(let open), .closing(let open?): handle = open
        case .connecting, .closing(nil), .closed: return
        }
        if let message = queue.popFirst() {
            let broken = clws_send(handle.pointer, message.bytes, message.bytes.count, message.isText ? 0 : 1) != 0
            if broken { clws_abort(handle.pointer) }
            let drained = queue.takeDrained()
            if !queue.isEmpty || closeFrame != nil { clws_want_write(handle.pointer) }
            emit(.written(ticket: message.ticket))
            if drained { emit(.drained) }
        } else if let closeFrame {
            clws_close(handle.pointer, closeFrame.code, closeFrame.reason)
        }
    }

    private func ended(_ event: clws_event) {
        finish(
            WebSocketClosure(
                code: event.code,
                reason: event.by_peer != 0 ? String(cString: event.text) : closeFrame?.reason ?? "",
                byPeer: event.by_peer != 0,
                error: failure
            )
        )
    }

    /// The one way to the end.
    func finish(_ closure: WebSocketClosure) {
        if case .closed = phase { return }
        cancelDeadline()
        forgetShutdown()
        if case .connecting(let attempt) = phase { drop(attempt.runners) }
        phase = .closed
        emit(.closed(closure))
        onEvent = nil
        server?.assumeIsolated { $0.ended(self) }
        server = nil
    }

    func cancelDeadline() {
        cancel(deadline)
        deadline = nil
    }

    func forgetShutdown() {
        guard let shutdownHandler else { return }
        self.shutdownHandler = nil
        loop.assumeIsolated { $0.forget(shutdownHandler) }
    }

    func cancel(_ timer: TimerID?) {
        guard let timer else { return }
        loop.assumeIsolated { $0.cancel(timer) }
    }

    private func drop(_ runners: [LibraryPointer: ClientAttempt.Runner]) {
        for (handle, runner) in runners {
            cancel(runner.timer)
            clws_abort(handle.pointer)
        }
    }

    /// From here on nothing more is written: an owner that gave the connection up counts on it.
    private func drop() {
        queue = SendQueue(maximumBytes: configuration.maximumQueuedBytes)
        closeFrame = nil
        switch phase {
        case .open(let handle), .closing(let handle?): clws_abort(handle.pointer)
        case .connecting, .closing(nil), .closed: break
        }
    }

    private func emit(_ event: WebSocketEvent) { onEvent?(event) }
}

/// Where the library's events enter; on the loop's thread.
func webSocketEvent(
    _ user: UnsafeMutableRawPointer?,
    _ connection: OpaquePointer,
    _ event: UnsafePointer<clws_event>
) {
    guard let user else { return }
    let owner = Unmanaged<WebSocket>.fromOpaque(user)
    // The event is read before this function returns, on the thread that it was made on.
    nonisolated(unsafe) let event = event
    let connection = LibraryPointer(connection)
    owner.takeUnretainedValue().assumeIsolated { $0.received(event.pointee, from: connection) }
    // The library held the socket for as long as it could still call.
    if event.pointee.kind == CLWS_CLOSED { owner.release() }
}

extension String {
    /// The longest prefix of whole characters that fits into `limit` bytes of UTF-8.
    func prefix(utf8Bytes limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var bytes = 0
        return String(
            prefix {
                bytes += $0.utf8.count; return bytes <= limit
            }
        )
    }
}
