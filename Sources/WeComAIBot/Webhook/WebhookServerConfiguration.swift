package import LWSTransport

/// Where a callback address is served, and what it has to know.
package struct WebhookServerConfiguration: Sendable {
    /// The address itself.
    package var endpoint: WebhookConfiguration
    /// Where to listen; `nil` if another server carries the requests.
    package var server: HTTPServerConfiguration?

    /// - Parameter endpoint: Whose path is ``WebhookConfiguration/defaultPath`` unless it has one.
    package init(endpoint: WebhookConfiguration, server: HTTPServerConfiguration?) {
        self.endpoint = endpoint
        self.server = server
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
