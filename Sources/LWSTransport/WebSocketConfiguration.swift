/// The limits and deadlines of one WebSocket.
package struct WebSocketConfiguration: Sendable, Hashable {
    /// The largest message taken, in bytes. A larger one closes the connection with 1009. No protocol source: the platform's limit
    /// is unpublished, and its largest known message is about 700 KB.
    package var maximumMessageBytes = 16 * 1_024 * 1_024
    /// How many bytes may wait to be sent before `send` refuses.
    package var maximumQueuedBytes = 32 * 1_024 * 1_024
    /// How long the name may take to resolve.
    package var resolveDeadline: Duration = .seconds(5)
    /// How long TCP may take, for each address. The next address is tried beside it after 250 ms.
    package var connectDeadline: Duration = .seconds(5)
    /// How long TLS (and the proxy) may take after TCP.
    package var tlsDeadline: Duration = .seconds(5)
    /// How long the server may take to answer the upgrade request.
    package var upgradeDeadline: Duration = .seconds(5)
    /// How long a close handshake may take before the socket is dropped.
    package var closeDeadline: Duration = .seconds(5)
    /// How long a client's peer may leave what was sent, or a question of the kernel's, without acknowledgement before the
    /// connection ends (`TCP_USER_TIMEOUT`, RFC 5482, and keep-alive probes); zero leaves it to the system, which takes a quarter
    /// of an hour.
    package var deadPeerDeadline: Duration = .seconds(45)

    package init() {}
}
