internal import Glibc
internal import LWSTransport

/// The proxy that the environment prescribes for a URL, by the conventions that curl and Go follow.
///
/// `https_proxy` counts for `wss`, `http_proxy` for `ws`, else `all_proxy`; lower case before upper case. Hosts in `no_proxy` are reached
/// directly, and so is this machine, which a proxy could not reach anyway.
enum EnvironmentProxy {
    /// The variable to follow and its value, or `nil` to connect directly.
    static func variable(
        for endpoint: WebSocketEndpoint,
        in environment: [String: String]
    ) -> (name: String, value: String)? {
        guard !isThisMachine(endpoint.host) else { return nil }
        let name = endpoint.isSecure ? "https_proxy" : "http_proxy"
        guard let proxy = first(of: name, in: environment) ?? first(of: "all_proxy", in: environment) else {
            return nil
        }
        let exceptions = first(of: "no_proxy", in: environment)?.value ?? ""
        return covers(exceptions, host: endpoint.host, port: endpoint.port) ? nil : proxy
    }

    private static func first(of name: String, in environment: [String: String]) -> (name: String, value: String)? {
        for name in [name, name.uppercased()] {
            if let value = environment[name]?.trimmed, !value.isEmpty { return (name, value) }
        }
        return nil
    }

    /// Whether `no_proxy` lists the host: itself, a domain it is in (`.example.com` or `example.com`), either with a port, or
    /// `*`. Address ranges are not understood.
    static func covers(_ exceptions: String, host: String, port: UInt16) -> Bool {
        let host = host.lowercased()
        return exceptions.lowercased().split(separator: ",").contains { exception in
            var pattern = Substring(String(exception).trimmed)
            if pattern == "*" { return true }
            if pattern.hasSuffix(":\(port)"), pattern.filter({ $0 == ":" }).count == 1 || pattern.hasPrefix("[") {
                pattern = pattern.prefix(upTo: pattern.lastIndex(of: ":") ?? pattern.endIndex)
            }
            if pattern.hasPrefix("["), pattern.hasSuffix("]") { pattern = pattern.dropFirst().dropLast() }
            if pattern.hasPrefix(".") { pattern = pattern.dropFirst() }
            return !pattern.isEmpty && (host == pattern || host.hasSuffix("." + pattern))
        }
    }

    private static func isThisMachine(_ host: String) -> Bool {
        let host = host.lowercased()
        if host == "localhost" || host.hasSuffix(".localhost") || host == "::1" { return true }
        var address = in_addr()
        return inet_pton(AF_INET, host, &address) == 1 && UInt32(bigEndian: address.s_addr) >> 24 == 127
    }
}
