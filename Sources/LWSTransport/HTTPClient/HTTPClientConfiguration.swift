/// The trust, limits and deadlines of an ``HTTPClient``. What goes beyond a limit or deadline ends the request with that one's error.
package struct HTTPClientConfiguration: Sendable {
    /// Which certificates are accepted. The certificate's name is always checked.
    package var trust = TrustRoots.system
    /// What to go through, by CONNECT also for `http://`; nil connects directly. The environment is never read.
    package var proxy: Proxy?
    /// How long name, TCP, proxy and TLS may take together.
    package var connectDeadline: Duration = .seconds(10)
    /// How long the server may take from the whole request to the first byte of its answer.
    package var firstByteDeadline: Duration = .seconds(15)
    /// How long nothing may move, while the request is sent and while the answer comes. Does not run while the body's reader is behind.
    package var idleDeadline: Duration = .seconds(15)
    /// How long everything may take, until the last byte of the body has come.
    package var overallDeadline: Duration = .seconds(60)
    /// The largest head of a response with everything before and after the body that is not body, in bytes.
    package var maximumHeaderBytes = 32 * 1_024
    /// The largest body of a response, in bytes. One that is announced as larger is not read.
    package var maximumBodyBytes = 1_024 * 1_024
    /// Asked on the loop, so quickly, for every address before it is connected to; those it refuses are left out.
    ///
    /// With it, a proxy is asked for an address that is allowed, and not for the name; without it, for the name. The proxy's own address
    /// is the operator's choice and not asked about.
    package var isAllowed: (@Sendable (SocketAddress) -> Bool)?

    package init() {}
}
