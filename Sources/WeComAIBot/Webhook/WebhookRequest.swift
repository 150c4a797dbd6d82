/// A request to the callback address, as whatever HTTP server carries it has received it.
public struct WebhookRequest: Sendable {
    /// The method, in capitals.
    public var method: String
    /// The path, without what follows the `?`.
    public var path: String
    /// What follows the `?`, still percent-encoded; empty if there is none.
    public var query: String
    /// The body. A server need not read more than 4 MiB + 1 of it: a longer one is answered with 413.
    public var body: [UInt8]

    /// Makes a request from its parts.
    public init(method: String, path: String, query: String, body: [UInt8] = []) {
        self.method = method
        self.path = path
        self.query = query
        self.body = body
    }
}
