/// What to answer to a ``WebhookRequest``.
public struct WebhookResponse: Sendable, Hashable {
    /// The status code.
    public var status: Int
    /// The headers by name. `Content-Length`, `Date` and the like are the server's to add.
    public var headers: [String: String]
    /// The body, to be sent exactly as it is.
    public var body: [UInt8]

    /// A response of plain text.
    init(status: Int, headers: [String: String] = [:], body: [UInt8]) {
        self.status = status
        // What the official clients answer with; the documentation names no type (official doc 101033).
        self.headers = headers.merging(["Content-Type": "text/plain; charset=utf-8"]) { given, _ in given }
        self.body = body
    }

    /// The platform's request was understood and there is nothing to say (official doc 101031).
    static let empty = WebhookResponse(status: 200, body: [])

    /// The answer of a bot that gets its messages over the long connection.
    package static let otherMode = WebhookResponse(
        status: 400,
        body: Array(
            """
            Bad Request: this bot gets its messages over the long connection, and nothing is taken here. To use this callback \
            address, set WECOM_CONNECTION_MODE=webhook, WECOM_TOKEN and WECOM_ENCODING_AES_KEY, and start the bot again.

            """.utf8
        )
    )

    /// The answer while no bot runs behind the address.
    package static let notRunning = WebhookResponse(status: 503, body: Array("Service Unavailable\n".utf8))
}
