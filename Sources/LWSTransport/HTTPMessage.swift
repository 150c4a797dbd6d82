/// A whole HTTP request, as a handler gets it.
package struct HTTPRequest: Sendable, Hashable {
    /// In upper case, one of ``HTTPServerConfiguration/methods``.
    package var method: String
    /// Percent-decoded and without dot segments: it begins with `/`.
    package var path: String
    /// What follows the question mark, percent-encoded; empty without one. libwebsockets takes it apart, so that it means the
    /// same as what was sent, but may be encoded otherwise: a `+` that was sent is `%20` here.
    package var query: String
    /// Those of ``HTTPServerConfiguration/headers`` that the request has; names in lower case, several values joined by commas.
    package var headers: [String: String]
    /// The body; its length was checked against the limit.
    package var body: [UInt8]

    package init(
        method: String,
        path: String,
        query: String = "",
        headers: [String: String] = [:],
        body: [UInt8] = []
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
    }
}

/// What a handler answers.
package struct HTTPResponse: Sendable {
    /// 200 to 599; anything else is sent as 500.
    package var status: Int
    /// Beside `connection`, `content-length` and `transfer-encoding`, which are the server's. One of those, or a name or value that no
    /// header can have, makes the response a 500 and is logged.
    package var headers: [String: String]
    /// Not sent in answer to HEAD, where only its length is told.
    package var body: [UInt8]
    /// Called on the loop when all of it was given to the system; never, if the client has gone before.
    package var onSent: (@Sendable () -> Void)?

    package init(status: Int, headers: [String: String] = [:], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A short text, as `text/plain`.
    package init(status: Int, text: String) {
        self.init(
            status: status,
            headers: ["content-type": "text/plain; charset=utf-8"],
            body: Array(text.utf8)
        )
    }

    private static let reserved: Set<String> = ["connection", "content-length", "transfer-encoding"]

    /// Why the response cannot be sent, without its values; nil if it can.
    var fault: String? {
        guard (200...599).contains(status) else { return "the status \(status)" }
        for (name, value) in headers {
            guard HTTPField.isName(name) else { return "a header's name" }
            guard HTTPField.isValue(value) else { return "the value of the header \(name)" }
            guard !Self.reserved.contains(name.lowercased()) else { return "the header \(name), which is the server's" }
        }
        return nil
    }

    /// Names and values as the C side takes them.
    var headerBlock: [UInt8] {
        headers.sorted { $0.key < $1.key }
            .flatMap { Array($0.key.lowercased().utf8) + [UInt8(ascii: ":"), 0] + Array($0.value.utf8) + [0] }
    }
}
