/// What went wrong on the network, in words an operator can act on.
package struct TransportError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure. Open: later versions may add kinds.
    package struct Code: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
        package let rawValue: String
        package init(rawValue: String) { self.rawValue = rawValue }
        package var description: String { rawValue }

        /// The URL cannot be used.
        package static let invalidEndpoint = Code(rawValue: "invalid-endpoint")
        /// The file of trusted certificates cannot be read or holds none.
        package static let trustUnusable = Code(rawValue: "trust-unusable")
        /// The host name has no address.
        package static let resolveFailed = Code(rawValue: "resolve-failed")
        /// The resolver did not answer in time.
        package static let resolveTimeout = Code(rawValue: "resolve-timeout")
        /// No address accepted a TCP connection.
        package static let connectFailed = Code(rawValue: "connect-failed")
        /// TCP was not established in time.
        package static let connectTimeout = Code(rawValue: "connect-timeout")
        /// The proxy refused or failed.
        package static let proxyFailed = Code(rawValue: "proxy-failed")
        /// The server's certificate is not trusted, not valid now, or for another name.
        package static let certificateRefused = Code(rawValue: "certificate-refused")
        /// TLS failed for another reason.
        package static let tlsFailed = Code(rawValue: "tls-failed")
        /// TLS was not established in time.
        package static let tlsTimeout = Code(rawValue: "tls-timeout")
        /// The server answered the upgrade request with something else than 101.
        package static let upgradeRefused = Code(rawValue: "upgrade-refused")
        /// The server did not answer the upgrade request in time.
        package static let upgradeTimeout = Code(rawValue: "upgrade-timeout")
        /// A message was larger than the limit.
        package static let messageTooLarge = Code(rawValue: "message-too-large")
        /// The send queue is full.
        package static let sendQueueFull = Code(rawValue: "send-queue-full")
        /// The connection is closed or closing.
        package static let notOpen = Code(rawValue: "not-open")
        /// The event loop was shut down.
        package static let loopShutDown = Code(rawValue: "loop-shut-down")
        /// A server could not listen.
        package static let listenFailed = Code(rawValue: "listen-failed")
        /// The system has no memory, threads or descriptors left.
        package static let outOfResources = Code(rawValue: "out-of-resources")
    }

    /// The kind of failure.
    package let code: Code
    /// What happened and what to do about it.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { "\(code): \(message)" }
}
