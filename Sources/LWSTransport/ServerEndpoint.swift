/// A server that a client connects to, as its URL names it.
package protocol ServerEndpoint: Sendable, Hashable {
    /// Whether TLS is used.
    var isSecure: Bool { get }
    /// A name, or an IP address without brackets; at most 110 bytes.
    var host: String { get }
    /// The port, also when it is the scheme's.
    var port: UInt16 { get }
}

extension ServerEndpoint {
    /// The name that the server's certificate must bear: the host without the dot at the end of a fully qualified name.
    var serverName: String { host.hasSuffix(".") ? String(host.dropLast()) : host }

    /// The value of the Host header.
    var hostHeader: String {
        let name = host.contains(":") ? authority : serverName
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }

    /// The host as it stands before a port.
    var authority: String { host.contains(":") ? "[\(host)]" : host }
}
