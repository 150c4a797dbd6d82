internal import Glibc

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
package struct HTTPResponse: Sendable, Hashable {
    /// 200 to 599; anything else is sent as 500.
    package var status: Int
    /// Beside `content-length` and `connection`, which the server writes itself. A name or value that no header can have makes the
    /// response a 500.
    package var headers: [String: String]
    /// Not sent in answer to HEAD, where only its length is told.
    package var body: [UInt8]

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

    /// Names and values as the C side takes them; nil if one cannot be sent.
    var headerBlock: [UInt8]? {
        var block: [UInt8] = []
        for (name, value) in headers.sorted(by: { $0.key < $1.key }) {
            let isToken = name.utf8.allSatisfy { isalnum(Int32($0)) != 0 || "!#$%&'*+-.^_`|~".utf8.contains($0) }
            let isValue = value.utf8.allSatisfy { $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7F) }
            guard !name.isEmpty, isToken, isValue else { return nil }
            block += Array(name.lowercased().utf8) + [UInt8(ascii: ":"), 0] + Array(value.utf8) + [0]
        }
        return block
    }
}
