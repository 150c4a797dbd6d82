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

    /// The body of an answer.
    func encode(_ envelope: WebhookEnvelope) throws(WireError) -> [UInt8] {
        try bytes(envelope)
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
