package import LWSTransport

/// How media are fetched.
package struct MediaConfiguration: Sendable, Hashable {
    /// Places that are exempt from the rule that media come by https from public addresses.
    package var allowedOrigins: [MediaOrigin] = []
    /// Whose certificates are accepted.
    package var trust = TrustRoots.system
    /// The proxies to go through, by host.
    package var proxies = HTTPProxies()
    /// How many are fetched at the same time; others wait.
    package var maximumParallel = 4
    /// How long a medium can be fetched after its message (official doc 100719).
    package var validity: Duration = .seconds(5 * 60)
    /// How long a server may take to accept a connection.
    package var connectDeadline: Duration = .seconds(10)
    /// How long it may take to begin its answer.
    package var firstByteDeadline: Duration = .seconds(15)
    /// How long it may pause.
    package var idleDeadline: Duration = .seconds(15)
    /// How long one answer may take altogether: 100 MB in this time are 3 Mbit/s.
    package var overallDeadline: Duration = .seconds(5 * 60)
    /// How many redirects are followed.
    package var maximumRedirects = 5

    package init() {}
}
