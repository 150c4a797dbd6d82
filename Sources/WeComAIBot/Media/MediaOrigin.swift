package import LWSTransport

/// A place from which media may be fetched although it is not public, or not by https: `scheme://host:port`.
package struct MediaOrigin: Sendable, Hashable, CustomStringConvertible {
    /// `http` or `https`.
    let scheme: String
    let host: String
    /// `nil` for every port.
    let port: UInt16?

    /// Reads `scheme://host[:port]`, where the port may be `*`; without one it is the scheme's.
    ///
    /// - Throws: ``TransportError`` with code `invalidEndpoint`; it repeats nothing of the text.
    package init(_ text: String) throws(TransportError) {
        let isAnyPort = text.utf8.reversed().starts(with: "*:".utf8)
        let url = try ServerURL(isAnyPort ? String(text.utf8.dropLast(2)) ?? "" : text)
        guard ["http", "https"].contains(url.scheme) else { throw Self.invalid("must begin with https:// or http://") }
        guard url.userInfo == nil else { throw Self.invalid("must not have a user or password") }
        guard url.path.isEmpty || url.path == "/", !(isAnyPort && !url.path.isEmpty) else {
            throw Self.invalid("must end after the port")
        }
        guard !isAnyPort || url.port == nil else { throw Self.invalid("must have one port, or * for every port") }
        scheme = url.scheme
        host = MediaAddress.normal(host: url.host)
        port = isAnyPort ? nil : url.port ?? (url.scheme == "https" ? 443 : 80)
    }

    /// Whether the address is of it.
    func contains(_ address: MediaAddress) -> Bool {
        scheme == address.scheme && host == address.host && (port ?? address.port) == address.port
    }

    /// Whether the server is of it.
    func contains(_ endpoint: HTTPEndpoint) -> Bool {
        (scheme == "https") == endpoint.isSecure && host == MediaAddress.normal(host: endpoint.host)
            && (port ?? endpoint.port) == endpoint.port
    }

    /// As it is written, with its port.
    package var description: String {
        "\(scheme)://\(host.contains(":") ? "[\(host)]" : host):\(port.map(String.init) ?? "*")"
    }

    private static func invalid(_ message: String) -> TransportError { TransportError(.invalidEndpoint, message) }
}
