package import LWSTransport

/// What a ``GroupWebhook`` has to know.
package struct GroupWebhookConfiguration: Sendable, Hashable {
    /// Where it is.
    package var address: GroupWebhookAddress
    /// Whether all answers go there, and no other way.
    package var isOnlyWay = false
    /// Whose certificates are accepted.
    package var trust = TrustRoots.system
    /// The proxies to go through, by host.
    package var proxies = HTTPProxies()

    /// One that is there beside other ways.
    package init(address: GroupWebhookAddress) {
        self.address = address
    }

    /// The limits of a post: what is answered has a few hundred bytes.
    func client(deadline: Duration) -> HTTPClientConfiguration {
        var client = HTTPClientConfiguration()
        client.trust = trust
        client.overallDeadline = deadline
        client.maximumBodyBytes = 64 * 1_024
        return client
    }
}
