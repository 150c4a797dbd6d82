internal import BotCore
internal import FoundationEssentials

/// What goes through the callback address, to bytes and back: the only place that knows that it is JSON.
struct WebhookCodec: Sendable {
    private let decoder = JSONDecoder()
    private let encoder: JSONEncoder

    init() {
        encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
    }

    /// The encrypted text in the body of a request.
    ///
    /// - Throws: `WireError` if the body is not a JSON object with that text.
    func encrypted(in body: [UInt8]) throws(WireError) -> String {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let text = body.starts(with: mark) ? Array(body.dropFirst(mark.count)) : body
        guard let encrypted = try decoder.decode(Sealed.self, fromText: text, called: "a body").encrypted else {
            throw WireError(.missingField, "missing encrypt in a body")
        }
        return encrypted
    }

    /// Reads a decrypted callback.
    ///
    /// - Throws: `WireError` with ``WireError/Code/missingField`` if nothing can be done about it, with another code if it is
    ///   not a JSON object.
    func callback(_ bytes: [UInt8]) throws(WireError) -> WebhookCallback {
        try WebhookCallback(
            decoder.decode(WebhookCallback.Body.self, fromText: bytes, called: "a callback"),
            raw: bytes
        )
    }

    /// The plain text of an answer that shows a stream.
    ///
    /// - Throws: `WireError` if a field is empty that must not be, or is longer than the protocol allows.
    func encode(_ stream: StreamFrame) throws(WireError) -> [UInt8] {
        try stream.validate(in: "a stream answer")
        return try bytes(Answer(msgtype: "stream", stream: stream))
    }

    /// The plain text of an answer to an event.
    ///
    /// - Throws: `WireError` if the message has a problem.
    func encode(answer message: OutboundMessage) throws(WireError) -> [UInt8] {
        try bytes(message.frameBody())
    }

    /// The body of an answer.
    func encode(_ envelope: WebhookEnvelope) throws(WireError) -> [UInt8] {
        try bytes(envelope)
    }

    /// A message for a `response_url`: Markdown.
    ///
    /// - Throws: `WireError` if the text is longer than the protocol allows.
    func encode(markdown text: String) throws(WireError) -> [UInt8] {
        try WireError.limit(text, OutboundMessage.maximumMarkdownBytes, "markdown.content", of: "a late answer")
        return try bytes(Late(msgtype: "markdown", markdown: ["content": text]))
    }

    /// A message for a `response_url`: whatever it is.
    func encode(_ message: OutboundMessage) throws(WireError) -> [UInt8] {
        let kind = try bytes(message.kind.rawValue)
        return Array("{\"msgtype\":".utf8) + kind + [UInt8(ascii: ",")] + kind + [UInt8(ascii: ":")] + message.body
            + [UInt8(ascii: "}")]
    }

    /// What was answered to a message at a `response_url`.
    ///
    /// - Throws: `WireError` if it does not say.
    func verdict(_ body: [UInt8]) throws(WireError) -> (code: ErrorCode, message: String) {
        let verdict = try decoder.decode(Verdict.self, fromText: body, called: "an answer")
        guard let code = verdict.code else { throw WireError(.missingField, "missing errcode in an answer") }
        return (ErrorCode(rawValue: code), verdict.message)
    }

    private func bytes(_ value: some Encodable) throws(WireError) -> [UInt8] {
        do {
            return [UInt8](try encoder.encode(value))
        } catch {
            throw WireError(.notJSON, "an answer could not be encoded")
        }
    }

    private struct Answer: Encodable {
        let msgtype: String
        let stream: StreamFrame
    }

    private struct Late: Encodable {
        let msgtype: String
        let markdown: [String: String]
    }

    private struct Verdict: Decodable {
        let code: Int?
        let message: String

        private enum Key: String, CodingKey { case errcode, errmsg }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            code = container.tolerantInt(.errcode)
            message = (container.tolerant(String.self, .errmsg) ?? "").prefix(maximumBytes: 256)
        }
    }

    private struct Sealed: Decodable {
        let encrypted: String?

        private enum Key: String, CodingKey {
            case encrypt
            case capitalised = "Encrypt"
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            encrypted = container.tolerant(String.self, .encrypt) ?? container.tolerant(String.self, .capitalised)
        }
    }
}
