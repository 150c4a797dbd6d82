/// A request to the callback address, as whatever HTTP server carries it has received it.
package struct WebhookRequest: Sendable {
    /// The method, in capitals.
    package var method: String
    /// The path, without what follows the `?`.
    package var path: String
    /// What follows the `?`, still percent-encoded; empty if there is none.
    package var query: String
    /// The body. A server need not read more than ``WebhookEndpoint/maximumBodyBytes`` + 1 of it.
    package var body: [UInt8]

    /// Makes a request from its parts.
    package init(method: String, path: String, query: String, body: [UInt8] = []) {
        self.method = method
        self.path = path
        self.query = query
        self.body = body
    }
}
