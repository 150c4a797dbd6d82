/// Where an HTTP client connects: a checked `http://` or `https://` URL.
package struct HTTPEndpoint: ServerEndpoint, CustomStringConvertible {
    /// The longest path with its query, in bytes; RFC 9110 4.1 recommends to support 8,000 for the whole URL.
    package static let maximumPathBytes = 8_000

    package let isSecure: Bool
    package let host: String
    package let port: UInt16
    /// Path and query, percent-encoded, beginning with `/`; at most 8,000 bytes.
    package let path: String

    /// Takes a URL apart.
    ///
    /// - Throws: ``TransportError`` with code `invalidEndpoint`. Its message repeats nothing of the URL.
    package init(_ text: String) throws(TransportError) {
        let url = try ServerURL(text, maximumPathBytes: Self.maximumPathBytes)
        switch url.scheme {
        case "https": isSecure = true
        case "http": isSecure = false
        default: throw TransportError(.invalidEndpoint, "must begin with https:// (or http:// without encryption)")
        }
        guard url.userInfo == nil else {
            throw TransportError(.invalidEndpoint, "must not contain a user or password")
        }
        host = url.host
        port = url.port ?? (isSecure ? 443 : 80)
        path = url.path.isEmpty ? "/" : url.path
    }

    /// Scheme, host and port: fit for logs, because it has neither path nor query.
    package var description: String { "\(isSecure ? "https" : "http")://\(authority):\(port)" }
}
