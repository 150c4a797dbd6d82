internal import Glibc

/// A numeric IP address and a port.
package struct SocketAddress: Sendable, Hashable, CustomStringConvertible {
    /// The address in network order: 4 bytes of IPv4 or 16 of IPv6. One of IPv6 that stands for one of IPv4 (`::ffff:10.0.0.1`) has 16.
    package let bytes: [UInt8]
    /// The port.
    package let port: UInt16
    /// The address as text without brackets, maybe with a zone (`fe80::1%eth0`).
    package let host: String

    /// Nil if `host` is not a numeric address.
    package init?(host: String, port: UInt16) {
        let isV6 = host.contains(":")
        var bytes = [UInt8](repeating: 0, count: isV6 ? 16 : 4)
        let text = String(host.prefix { $0 != "%" })
        guard inet_pton(isV6 ? AF_INET6 : AF_INET, text, &bytes) == 1 else { return nil }
        self.bytes = bytes
        self.port = port
        self.host = host
    }

    /// As it stands in a URL.
    package var description: String { "\(host.contains(":") ? "[\(host)]" : host):\(port)" }
}
