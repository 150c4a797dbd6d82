package import BotCore
package import LWSTransport

/// Where a callback address is served, and what it has to know.
package struct WebhookServerConfiguration: Sendable {
    /// The address itself.
    package var endpoint: WebhookConfiguration
    /// Where to listen; `nil` if another server carries the requests.
    package var server: HTTPServerConfiguration?
    /// How media are fetched.
    package var media = MediaConfiguration()
    /// Where answers go that go no other way, or all of them; `nil` for nowhere.
    package var groupWebhook: GroupWebhookConfiguration?
    /// Where other processes are found that the platform may ask as well; `nil` if this is the only one.
    package var shared: (any SharedStreamStore)?
    /// How late answers are posted to a `response_url`.
    package var client = Self.clientLimits

    /// - Parameter endpoint: Whose path is ``WebhookConfiguration/defaultPath`` unless it has one.
    package init(endpoint: WebhookConfiguration, server: HTTPServerConfiguration?) {
        self.endpoint = endpoint
        self.server = server
    }

    private static var clientLimits: HTTPClientConfiguration {
        var client = HTTPClientConfiguration()
        client.connectDeadline = .seconds(5)
        client.firstByteDeadline = .seconds(6)
        client.overallDeadline = .seconds(12)
        client.maximumBodyBytes = 64 * 1_024
        return client
    }

    /// The limits of a server that the platform calls: it gives up after 5 s, and its messages have a few KiB.
    package static var limits: HTTPServerConfiguration {
        var server = HTTPServerConfiguration()
        server.methods = ["GET", "POST"]
        server.headers = []
        server.maximumBodyBytes = WebhookEndpoint.maximumBodyBytes
        server.maximumConnections = 512
        server.requestDeadline = .seconds(5)
        server.handlerDeadline = .seconds(5)
        server.writeDeadline = .seconds(10)
        server.idleDeadline = .seconds(60)
        return server
    }
}
