internal import FoundationEssentials

/// What the platform sends to the callback address (official doc 100719).
enum WebhookCallback: Sendable {
    /// A user wrote something.
    case message(MessageCallback)
    /// Something happened to the bot.
    case event(EventCallback, raw: [UInt8])
    /// The platform asks what a stream shows by now.
    case refresh(streamID: String)
}

extension WebhookCallback {
    /// The part of a callback that is decoded.
    enum Body: Decodable {
        case message(MessageCallback.Body)
        case event(EventCallback)
        case refresh(streamID: String)

        private enum Key: String, CodingKey { case msgtype, stream, id }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            switch container.tolerant(String.self, .msgtype) {
            case "event": self = .event(try EventCallback(from: decoder))
            case "stream": self = .refresh(streamID: Self.streamID(in: container) ?? "")
            default: self = .message(try MessageCallback.Body(from: decoder))
            }
        }

        private static func streamID(in container: KeyedDecodingContainer<Key>) -> String? {
            do {
                return try container.nestedContainer(keyedBy: Key.self, forKey: .stream).tolerantString(.id)
            } catch {
                return nil
            }
        }
    }

    /// - Throws: `WireError` if a message does not say where it was written, or a refresh which stream it is about.
    init(_ body: Body, raw: [UInt8]) throws(WireError) {
        switch body {
        case .message(let body): self = .message(try MessageCallback(body, raw: raw))
        case .event(let event): self = .event(event, raw: raw)
        case .refresh(let id):
            guard !id.isEmpty else { throw WireError(.missingField, "missing stream.id in a refresh") }
            self = .refresh(streamID: id)
        }
    }
}
