internal import LWSTransport

/// The proxies that the environment prescribes, by the conventions that curl and Go follow.
///
/// `https_proxy` counts for `wss` and `https`, `http_proxy` for `ws` and `http`, else `all_proxy`; lower case before upper case. Hosts in
/// `no_proxy` are reached directly, and so is this machine.
enum EnvironmentProxy {
    /// The variable to follow and its value, or `nil` to connect directly.
    static func variable(
        for endpoint: some ServerEndpoint,
        in environment: [String: String]
    ) -> (name: String, value: String)? {
        guard !HTTPProxies.isDirect(endpoint, exceptions(in: environment)) else { return nil }
        return variable(isSecure: endpoint.isSecure, in: environment)
    }

    /// Those for media, whose hosts are not known yet. One that cannot be used is a fault only when something is to go through it.
    static func proxies(in environment: [String: String]) -> HTTPProxies {
        var proxies = HTTPProxies(exceptions: exceptions(in: environment))
        proxies.secure = variable(isSecure: true, in: environment).map(proxy)
        proxies.clear = variable(isSecure: false, in: environment).map(proxy)
        return proxies
    }

    /// `no_proxy`.
    static func exceptions(in environment: [String: String]) -> String {
        first(of: "no_proxy", in: environment)?.value ?? ""
    }

    private static func proxy(_ variable: (name: String, value: String)) -> Result<Proxy, TransportError> {
        Result { () throws(TransportError) in try Proxy(variable.value) }
            .mapError { TransportError($0.code, "\(variable.name) \($0.message)") }
    }

    private static func variable(isSecure: Bool, in environment: [String: String]) -> (name: String, value: String)? {
        first(of: isSecure ? "https_proxy" : "http_proxy", in: environment) ?? first(of: "all_proxy", in: environment)
    }

    private static func first(of name: String, in environment: [String: String]) -> (name: String, value: String)? {
        for name in [name, name.uppercased()] {
            if let value = environment[name]?.trimmed, !value.isEmpty { return (name, value) }
        }
        return nil
    }
}
