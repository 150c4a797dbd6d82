internal import Glibc

/// The parts of a URL that names a server.
///
/// It is split by hand because `URLComponents` lets pass what must not reach a request line: it drops a port that is too
/// large, decodes `%20` in a host, and takes `[1:2]` for an address.
package struct ServerURL: Sendable, Hashable {
    /// The longest host, in bytes. libwebsockets 4.1 builds the Host header in 128 bytes, port and header name included.
    package static let maximumHostBytes = 110
    /// The longest path with its query, in bytes. libwebsockets 4.1 builds the request line in 2,048 bytes and cuts a longer one, so
    /// that it would run into the next header.
    package static let maximumPathBytes = 2_000

    /// In lower case.
    package let scheme: String
    /// `user:password`, still percent-encoded.
    package let userInfo: String?
    /// A name, or an IP address without brackets.
    package let host: String
    /// The port, if the URL has one.
    package let port: UInt16?
    /// Path and query, percent-encoded: empty, or `/…`.
    package let path: String

    /// Takes a URL apart.
    ///
    /// - Throws: ``TransportError`` with code `invalidEndpoint`. Its message says what the URL must be, and never repeats any of it:
    ///   it may hold a password.
    package init(
        _ text: String,
        maximumPathBytes: Int = ServerURL.maximumPathBytes
    ) throws(TransportError) {
        for byte in text.utf8 {
            switch byte {
            case 0x21...0x7E where byte != UInt8(ascii: "\\"): continue
            case 0x80...:
                throw invalid("must be ASCII: write other characters as xn--… in the host, as %XX elsewhere")
            default: throw invalid("must not contain spaces, control characters or backslashes")
            }
        }
        guard !text.utf8.contains(UInt8(ascii: "#")) else {
            throw invalid("must not have a fragment (#…)")
        }
        guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") else {
            throw invalid("must be a whole URL: scheme://host[:port][/path]")
        }
        scheme = text[..<colon].lowercased()

        let rest = text[text.index(colon, offsetBy: 3)...]
        let authorityEnd = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        let tail = rest[authorityEnd...]
        path = tail.hasPrefix("?") ? "/" + tail : String(tail)
        guard path.utf8.count <= maximumPathBytes else {
            throw invalid("must have a path of at most \(maximumPathBytes) bytes, not \(path.utf8.count)")
        }

        var authority = rest[..<authorityEnd]
        if let at = authority.lastIndex(of: "@") {
            userInfo = String(authority[..<at])
            authority = authority[authority.index(after: at)...]
        } else {
            userInfo = nil
        }
        (host, port) = try ServerURL.hostAndPort(authority)
    }

    private static func hostAndPort(_ authority: Substring) throws(TransportError) -> (String, UInt16?) {
        let host: Substring
        let afterHost: Substring
        if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
            host = authority[authority.index(after: authority.startIndex)..<end]
            afterHost = authority[authority.index(after: end)...]
            guard isAddress(host, family: AF_INET6) else {
                throw invalid("has no valid IPv6 address between the brackets")
            }
        } else {
            host = authority.prefix { $0 != ":" }
            afterHost = authority[host.endIndex...]
            try check(name: host)
        }
        guard !afterHost.isEmpty else { return (String(host), nil) }
        guard afterHost.first == ":", let port = portNumber(afterHost.dropFirst()) else {
            throw invalid("must have a port from 1 to 65535 after the host's colon, or none")
        }
        return (String(host), port)
    }

    private static func portNumber(_ text: Substring) -> UInt16? {
        // UInt16.init would also take "+80".
        guard text.utf8.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains) else { return nil }
        guard let port = UInt16(text), port > 0 else { return nil }
        return port
    }

    private static func check(name: Substring) throws(TransportError) {
        guard !name.isEmpty else { throw invalid("has no host") }
        guard name.utf8.count <= maximumHostBytes else {
            throw invalid("must have a host of at most \(maximumHostBytes) bytes, not \(name.utf8.count)")
        }
        let labels = (name.hasSuffix(".") ? name.dropLast() : name).split(
            separator: ".",
            omittingEmptySubsequences: false
        )
        let isName = labels.allSatisfy { label in
            !label.isEmpty && label.utf8.allSatisfy { isNameByte($0) }
        }
        guard isName else { throw invalid("must have a host of letters, digits, hyphens and dots") }
        // "256.0.0.1" and "127.1" are no names either: resolvers disagree about them.
        if let last = labels.last, last.allSatisfy(\.isNumber), !isAddress(name, family: AF_INET) {
            throw invalid("must have a valid IPv4 address or a host name")
        }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"): true
        default: false
        }
    }

    private static func isAddress(_ text: Substring, family: Int32) -> Bool {
        var address = in6_addr()
        return inet_pton(family, String(text), &address) == 1
    }
}

private func invalid(_ message: String) -> TransportError { TransportError(.invalidEndpoint, message) }
