package import BotFoundation

/// An HTTP proxy that clients go through, by CONNECT.
package struct Proxy: Sendable, Hashable, CustomStringConvertible {
    /// The longest user and password, in bytes, with the colon between them. libwebsockets 4.1 encodes them into 128 bytes and would ask
    /// without them, and directly, if they did not fit.
    package static let maximumCredentialBytes = 93
    /// The longest host that a proxy can be asked for by a WebSocket, in bytes. libwebsockets 4.1 builds the request, which has the host twice, in 256
    /// bytes.
    package static let maximumTargetHostBytes = 99

    /// A name, or an IP address without brackets.
    package let host: String
    /// The port; 80 if the URL names none.
    package let port: UInt16
    /// `user:password`, percent-decoded; nil without authentication.
    package let credentials: Secret?

    /// Takes apart `http://[user[:password]@]host[:port]`, where `http://` may be left out.
    ///
    /// - Throws: ``TransportError`` with code `invalidEndpoint`. The message never repeats the URL, which may hold a password.
    package init(_ text: String) throws(TransportError) {
        let url = try ServerURL(text.contains("://") ? text : "http://" + text)
        guard url.scheme == "http" else {
            throw invalid("must be an HTTP proxy (http://host:port); other kinds are not supported")
        }
        guard url.path.isEmpty || url.path == "/" else { throw invalid("must end after the port") }
        host = url.host
        port = url.port ?? 80
        credentials = try Proxy.credentials(url.userInfo ?? "")
    }

    /// The URL without its user and password.
    package var description: String {
        "http://\(credentials == nil ? "" : "•••@")\(host.contains(":") ? "[\(host)]" : host):\(port)"
    }

    /// Whether the proxy can be asked for the endpoint.
    ///
    /// - Throws: ``TransportError`` with code `invalidEndpoint`.
    package func checkRequest(for endpoint: WebSocketEndpoint) throws(TransportError) {
        let (bytes, limit) = (endpoint.authority.utf8.count, Proxy.maximumTargetHostBytes)
        guard bytes <= limit else {
            throw invalid("must have a host of at most \(limit) bytes to be reached through a proxy, not \(bytes)")
        }
    }

    /// What libwebsockets reads, for one of the proxy's addresses. It takes one `http://` off the front, even off a user.
    func libraryText(address: String) -> String {
        let host = address.contains(":") ? "[\(address)]" : address
        return "http://\(credentials.map { $0.value + "@" } ?? "")\(host):\(port)"
    }

    private static func credentials(_ userInfo: String) throws(TransportError) -> Secret? {
        guard !userInfo.isEmpty else { return nil }
        let parts = userInfo.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let user = try decode(parts[0])
        // RFC 7617 2: the first colon ends the user, also one that makes a grapheme with what follows.
        guard !user.utf8.contains(UInt8(ascii: ":")) else { throw invalid("must not have a colon (%3A) in its user") }
        let joined = user + ":" + (parts.count > 1 ? try decode(parts[1]) : "")
        guard joined.utf8.count <= maximumCredentialBytes else {
            throw invalid(
                "must have a user and password of at most \(maximumCredentialBytes - 1) bytes together, not \(joined.utf8.count - 1)"
            )
        }
        return Secret(joined)
    }

    private static func decode(_ text: Substring) throws(TransportError) -> String {
        var parts = text.utf8.split(separator: UInt8(ascii: "%"), omittingEmptySubsequences: false)
        var bytes = Array(parts.removeFirst())
        for part in parts {
            let digits = part.prefix(2)
            guard digits.count == 2, digits.first != UInt8(ascii: "+"),
                let byte = UInt8(Substring(digits), radix: 16)
            else { throw invalid("has a % without two hexadecimal digits in its user or password") }
            bytes.append(byte)
            bytes += part.dropFirst(2)
        }
        guard let decoded = String(validating: bytes, as: UTF8.self),
            decoded.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
        else { throw invalid("must have a user and password of printable UTF-8") }
        return decoded
    }
}

private func invalid(_ message: String) -> TransportError { TransportError(.invalidEndpoint, message) }
