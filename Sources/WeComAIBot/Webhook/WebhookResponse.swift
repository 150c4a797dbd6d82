/// What to answer to a ``WebhookRequest``.
package struct WebhookResponse: Sendable, Hashable {
    /// The status code.
    package var status: Int
    /// The headers by name. `Content-Length`, `Date` and the like are the server's to add.
    package var headers: [String: String]
    /// The body, to be sent exactly as it is.
    package var body: [UInt8]

    /// A response of plain text.
    init(status: Int, headers: [String: String] = [:], body: [UInt8]) {
        self.status = status
        // What the official clients answer with; the documentation names no type (official doc 101033).
        self.headers = headers.merging(["Content-Type": "text/plain; charset=utf-8"]) { given, _ in given }
        self.body = body
    }

    /// The platform's request was understood and there is nothing to say (official doc 101031).
    static let empty = WebhookResponse(status: 200, body: [])
}
