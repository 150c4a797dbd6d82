/// Where a WebSocket client connects: a checked `ws://` or `wss://` URL.
package struct WebSocketEndpoint: ServerEndpoint, CustomStringConvertible {
    /// Whether TLS is used.
    package let isSecure: Bool
    /// A name, or an IP address without brackets; at most 110 bytes.
    package let host: String
    /// The port, also when it is the scheme's.
    package let port: UInt16
    /// Path and query, percent-encoded, beginning with `/`; at most 2,000 bytes.
    package let path: String

    /// Takes a URL apart.
    ///
    /// - Throws: ``TransportError`` with code `invalidEndpoint`, saying what the URL must be.
    package init(_ text: String) throws(TransportError) {
        let url = try ServerURL(text)
        switch url.scheme {
        case "wss": isSecure = true
        case "ws": isSecure = false
        default: throw TransportError(.invalidEndpoint, "must begin with wss:// (or ws:// without encryption)")
        }
        guard url.userInfo == nil else {
            throw TransportError(.invalidEndpoint, "must not contain a user or password")
        }
        host = url.host
        port = url.port ?? (isSecure ? 443 : 80)
        path = url.path.isEmpty ? "/" : url.path
    }

    /// Scheme, host and port: fit for logs, because it has neither path nor query.
    package var description: String { "\(isSecure ? "wss" : "ws")://\(authority):\(port)" }
}
