@testable import LWSTransport
@testable import WeComBot

/// Up to three lines: a gateway's URL, a proxy, and a list of exceptions.
///
/// A line ends with a zero byte, so that line breaks can be in it.
enum AddressFuzzing {
    static func run(_ input: [UInt8]) throws(Violation) {
        let parts = input.split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        let url = parts[0]
        let proxy = parts.count > 1 ? parts[1] : url
        let exceptions = parts.count > 2 ? parts[2] : proxy

        let endpoint = try attempt { () throws(TransportError) in try WebSocketEndpoint(url) }
        if let endpoint {
            try check(endpoint)
            try check(exceptions, for: endpoint)
        }
        if let parsed = try attempt({ () throws(TransportError) in try Proxy(proxy) }) {
            try check(parsed, from: proxy)
            if let endpoint { try check(endpoint, through: parsed) }
        }
    }

    private static func attempt<Value>(_ make: () throws(TransportError) -> Value) throws(Violation) -> Value? {
        do { return try make() } catch {
            try claim(
                error.message.isOneLine && !error.message.contains(planted),
                "an error repeats nothing of the URL"
            )
            return nil
        }
    }

    private static func check(_ endpoint: WebSocketEndpoint) throws(Violation) {
        try claim(endpoint.path.hasPrefix("/") && endpoint.path.isVisibleASCII, "a path fits into a request line")
        // What libwebsockets 4.1 has room for.
        try claim("GET \(endpoint.path) HTTP/1.1\r\n".utf8.count < 2_048, "a request line is not cut")
        try claim(!endpoint.hostHeader.isEmpty && endpoint.hostHeader.isVisibleASCII, "a host fits into a header")
        try claim("Host: \(endpoint.hostHeader)\r\n".utf8.count < 128, "a Host header is not cut")
        try claim(!endpoint.serverName.isEmpty && endpoint.serverName.isVisibleASCII, "a certificate can have the name")
        let isBare = endpoint.host.utf8.allSatisfy { !"/@#?%[]\\".utf8.contains($0) }
        try claim(isBare, "nothing but a host is in a host")
        let written = "\(endpoint)\(endpoint.path)"
        let again = try attempt { () throws(TransportError) in try WebSocketEndpoint(written) }
        try claim(again == endpoint, "an endpoint reads back as itself: \(written)")
    }

    private static func check(_ proxy: Proxy, from url: String) throws(Violation) {
        let isPrintable = proxy.libraryText(address: "::1").utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
        try claim(isPrintable, "libwebsockets gets no control characters")
        try claim(proxy.description.isVisibleASCII || proxy.credentials != nil, "a proxy prints as a URL")
        if let credentials = proxy.credentials?.value {
            try claim(credentials.utf8.count <= Proxy.maximumCredentialBytes, "credentials fit")
            try claim(credentials.utf8.contains(UInt8(ascii: ":")), "credentials are user:password")
            let start = url.firstRange(of: "://")?.upperBound ?? url.startIndex
            let user = url[start...].prefix { $0 != ":" && $0 != "@" }
            try claim(!user.lowercased().contains("%3a"), "the first colon ends the user")
            try claim(!proxy.description.contains(planted) || proxy.host.contains(planted), "credentials do not show")
        }
        let written = proxy.description.replacing("•••@", with: "")
        let again = try attempt { () throws(TransportError) in try Proxy(written) }
        try claim(again?.host == proxy.host && again?.port == proxy.port, "a proxy reads back as itself: \(written)")
    }

    private static func check(_ endpoint: WebSocketEndpoint, through proxy: Proxy) throws(Violation) {
        do {
            try proxy.checkRequest(for: endpoint)
        } catch {
            return
        }
        let target = "\(endpoint.authority):\(endpoint.port)"
        try claim(target.isVisibleASCII, "a CONNECT names a host and port")
        let request = "CONNECT \(target) HTTP/1.1\r\nHost: \(target)\r\n"
        try claim(request.utf8.count < 256, "a CONNECT is not cut")
    }

    private static func check(_ exceptions: String, for endpoint: WebSocketEndpoint) throws(Violation) {
        let (host, port) = (endpoint.host, endpoint.port)
        func covers(_ exceptions: String) -> Bool { HTTPProxies.covers(exceptions, host: host, port: port) }
        let isListed = covers(exceptions)
        try claim(covers(exceptions.uppercased()) == isListed || !exceptions.isVisibleASCII, "case does not matter")
        try claim(!isListed || covers("other.invalid,\(exceptions), "), "a longer list excepts no fewer")
        for itself in [host, endpoint.authority, "\(endpoint.authority):\(port)", "*"] {
            try claim(covers(itself), "\(itself) covers \(host):\(port)")
        }
        let environment = ["https_proxy": "p", "http_proxy": "p", "no_proxy": exceptions]
        let variable = EnvironmentProxy.variable(for: endpoint, in: environment)
        try claim(!isListed || variable == nil, "what is excepted goes directly")
    }
}
