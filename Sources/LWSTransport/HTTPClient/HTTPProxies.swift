/// Which proxy leads to which host, by the conventions that curl and Go follow.
///
/// This machine is always reached directly: a proxy could not reach it.
package struct HTTPProxies: Sendable, Hashable {
    /// The proxy for what is encrypted; nil for none. What would go through one that cannot be used goes nowhere.
    package var secure: Result<Proxy, TransportError>?
    /// The proxy for what is not.
    package var clear: Result<Proxy, TransportError>?
    /// The hosts that are reached directly, in the form of `no_proxy`.
    package var exceptions: String

    /// One proxy for everything, or none.
    package init(_ proxy: Proxy? = nil, exceptions: String = "") {
        secure = proxy.map { .success($0) }
        clear = secure
        self.exceptions = exceptions
    }

    /// The proxy to go through; nil to connect directly.
    ///
    /// - Throws: ``TransportError``, if there is one that cannot be used.
    package func proxy(for endpoint: some ServerEndpoint) throws(TransportError) -> Proxy? {
        guard !Self.isDirect(endpoint, exceptions) else { return nil }
        return try (endpoint.isSecure ? secure : clear)?.get()
    }

    /// Whether a host is reached directly, whatever proxies there are.
    package static func isDirect(_ endpoint: some ServerEndpoint, _ exceptions: String) -> Bool {
        isThisMachine(endpoint.serverName) || covers(exceptions, host: endpoint.host, port: endpoint.port)
    }

    /// Whether `no_proxy` lists the host: itself, a domain it is in (`.example.com` or `example.com`), either with a port, or
    /// `*`. Address ranges are not understood.
    package static func covers(_ exceptions: String, host: String, port: UInt16) -> Bool {
        let host = host.lowercased()
        let address = bytes(of: host)
        return exceptions.lowercased().split(separator: ",").contains { exception in
            var pattern = trimmed(exception)
            if pattern == "*" { return true }
            if pattern.hasSuffix(":\(port)"), pattern.filter({ $0 == ":" }).count == 1 || pattern.hasPrefix("[") {
                pattern = pattern.prefix(upTo: pattern.lastIndex(of: ":") ?? pattern.endIndex)
            }
            if pattern.hasPrefix("["), pattern.hasSuffix("]") { pattern = pattern.dropFirst().dropLast() }
            if pattern.hasPrefix(".") { pattern = pattern.dropFirst() }
            if let address, address == bytes(of: String(pattern)) { return true }
            return !pattern.isEmpty && (host == pattern || host.hasSuffix("." + pattern))
        }
    }

    private static func isThisMachine(_ host: String) -> Bool {
        let host = host.lowercased()
        if host == "localhost" || host.hasSuffix(".localhost") { return true }
        guard let bytes = bytes(of: host) else { return false }
        return bytes.count == 4 ? bytes[0] == 127 : bytes == [UInt8](repeating: 0, count: 15) + [1]
    }

    /// Of an IP address; one of IPv6 has many spellings.
    private static func bytes(of host: String) -> [UInt8]? { SocketAddress(host: host, port: 0)?.bytes }

    private static func trimmed(_ text: Substring) -> Substring {
        let kept = text.drop(while: \.isWhitespace)
        return kept.lastIndex { !$0.isWhitespace }.map { kept[...$0] } ?? ""
    }
}
