/// What an ``HTTPClient`` asks.
package struct HTTPClientRequest: Sendable {
    /// In upper case.
    package var method: String
    /// `http://` or `https://`, in ASCII, without user or fragment.
    package var url: String
    /// In the order of sending. Those that frame the message are the client's: `connection`, `content-length`, `expect`, `host`, `te`,
    /// `trailer`, `transfer-encoding` and `upgrade` are refused. `accept`, `accept-encoding` (`identity`: nothing is decoded here) and
    /// `user-agent` are added unless they are among these.
    package var headers: [(name: String, value: String)]
    /// The body; sent whole, with its length.
    package var body: [UInt8]

    package init(
        method: String = "GET",
        url: String,
        headers: [(name: String, value: String)] = [],
        body: [UInt8] = []
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
    }

    private static let reserved: Set<String> = [
        "connection", "content-length", "expect", "host", "te", "trailer", "transfer-encoding", "upgrade",
    ]
    private static let defaults = [
        (name: "accept", value: "*/*"), (name: "accept-encoding", value: "identity"),
        (name: "user-agent", value: "swift-wecom-bot"),
    ]

    /// The bytes to send to `endpoint`, which is the URL's.
    ///
    /// - Throws: ``HTTPClientError`` with code `invalidRequest`; it repeats no header's value.
    func encoded(for endpoint: HTTPEndpoint) throws(HTTPClientError) -> [UInt8] {
        guard !method.isEmpty, method != "CONNECT",
            method.utf8.allSatisfy((UInt8(ascii: "A")...UInt8(ascii: "Z")).contains)
        else { throw HTTPClientError(.invalidRequest, "the method must be a word in upper case, and not CONNECT") }
        var lines = ["\(method) \(endpoint.path) HTTP/1.1", "host: \(endpoint.hostHeader)", "connection: close"]
        let names = Set(headers.map { $0.name.lowercased() })
        for (name, value) in Self.defaults.filter({ !names.contains($0.name) }) + headers {
            guard HTTPField.isName(name) else {
                throw HTTPClientError(.invalidRequest, "a header's name cannot be sent")
            }
            guard HTTPField.isValue(value) else {
                throw HTTPClientError(
                    .invalidRequest,
                    "the value of the header \(name) must not have control characters"
                )
            }
            guard !Self.reserved.contains(name.lowercased()) else {
                throw HTTPClientError(.invalidRequest, "the header \(name) is the client's own: leave it out")
            }
            lines.append("\(name): \(value)")
        }
        if !body.isEmpty || ["POST", "PUT", "PATCH"].contains(method) { lines.append("content-length: \(body.count)") }
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body
    }
}

/// What a header field may consist of (RFC 9110 5.1 and 5.5).
enum HTTPField {
    static func isName(_ name: some StringProtocol) -> Bool { !name.isEmpty && name.utf8.allSatisfy(isTokenByte) }

    /// No control characters but the tab.
    static func isValue(_ value: some StringProtocol) -> Bool {
        value.utf8.allSatisfy { $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7F) }
    }

    static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
