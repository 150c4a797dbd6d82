/// What happens on a ``WebSocket``. Delivered on the loop, in order.
package enum WebSocketEvent: Sendable, Hashable {
    /// The connection is ready. First, and only for connections that this side began.
    case opened
    /// A whole message. A text message's bytes have not been checked to be UTF-8.
    case message(bytes: [UInt8], isText: Bool)
    /// The peer showed life without completing a message: a fragment or a pong.
    case activity
    /// A message was handed to the kernel, or at least begun: whether it arrives is unknown from here on.
    case written(ticket: UInt64)
    /// The send queue, having been full, has room again.
    case drained
    /// The end. Exactly once, and last.
    case closed(WebSocketClosure)
}

/// How a connection ended.
package struct WebSocketClosure: Sendable, Hashable {
    /// The WebSocket close code: the peer's, or ours if we closed first; 1005 if the peer's close frame had none, 1006 if
    /// there was no close frame. libwebsockets 4.1 reports a peer's 1012 to 1014 as 1002.
    package let code: UInt16
    /// The peer's reason, for people. Peer input: escape before printing.
    package let reason: String
    /// Whether the peer began the closing.
    package let byPeer: Bool
    /// What went wrong, if the connection failed rather than closed.
    package let error: TransportError?

    package init(code: UInt16, reason: String, byPeer: Bool, error: TransportError?) {
        self.code = code
        self.reason = reason
        self.byPeer = byPeer
        self.error = error
    }
}
