/// Why an HTTP request has no response, or only part of one. Neither path nor query of the URL is repeated: they may be secret.
package struct HTTPClientError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure. Open: later versions may add kinds.
    package struct Code: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
        package let rawValue: String
        package init(rawValue: String) { self.rawValue = rawValue }
        package var description: String { rawValue }

        /// The URL, method or headers cannot be used.
        package static let invalidRequest = Code(rawValue: "invalid-request")
        /// The trusted certificates cannot be used.
        package static let trustUnusable = Code(rawValue: "trust-unusable")
        /// The host name has no address.
        package static let resolveFailed = Code(rawValue: "resolve-failed")
        /// The resolver did not answer within the connect deadline.
        package static let resolveTimeout = Code(rawValue: "resolve-timeout")
        /// The host has no address that may be connected to.
        package static let addressNotAllowed = Code(rawValue: "address-not-allowed")
        /// No address accepted a TCP connection.
        package static let connectFailed = Code(rawValue: "connect-failed")
        /// TCP was not established within the connect deadline.
        package static let connectTimeout = Code(rawValue: "connect-timeout")
        /// The proxy refused, failed, or took too long.
        package static let proxyFailed = Code(rawValue: "proxy-failed")
        /// The server's certificate is not trusted, not valid now, or for another name.
        package static let certificateRefused = Code(rawValue: "certificate-refused")
        /// TLS failed for another reason.
        package static let tlsFailed = Code(rawValue: "tls-failed")
        /// TLS was not established within the connect deadline.
        package static let tlsTimeout = Code(rawValue: "tls-timeout")
        /// The request was sent, and nothing came back in time.
        package static let firstByteTimeout = Code(rawValue: "first-byte-timeout")
        /// Nothing moved for too long.
        package static let idleTimeout = Code(rawValue: "idle-timeout")
        /// The whole took too long.
        package static let overallTimeout = Code(rawValue: "overall-timeout")
        /// The connection ended before the response did.
        package static let incomplete = Code(rawValue: "incomplete")
        /// What came is not HTTP/1.1, or of a kind that was not asked for.
        package static let invalidResponse = Code(rawValue: "invalid-response")
        /// The response's head is larger than the limit.
        package static let headersTooLarge = Code(rawValue: "headers-too-large")
        /// The response's body is larger than the limit.
        package static let bodyTooLarge = Code(rawValue: "body-too-large")
        /// The task was cancelled.
        package static let cancelled = Code(rawValue: "cancelled")
        /// The event loop was shut down.
        package static let loopShutDown = Code(rawValue: "loop-shut-down")
        /// The system has no memory or descriptors left.
        package static let outOfResources = Code(rawValue: "out-of-resources")
    }

    /// The kind of failure.
    package let code: Code
    /// What happened and what to do about it.
    package let message: String
    /// With ``Code/addressNotAllowed``, the address that was refused.
    package let address: SocketAddress?

    package init(_ code: Code, _ message: String, address: SocketAddress? = nil) {
        self.code = code
        self.message = message
        self.address = address
    }

    /// The codes have the same names.
    init(_ error: TransportError) {
        self.init(Code(rawValue: error.code.rawValue), error.message)
    }

    package var description: String { "\(code): \(message)" }
}
