internal import BotCore
internal import BotCrypto
internal import FoundationEssentials

/// What a group webhook takes, as bytes (official doc 99110).
enum GroupWebhookCodec {
    /// The most UTF-8 bytes of a `markdown_v2` message.
    static let maximumMarkdownBytes = 4_096
    /// The most bytes of a picture, before Base64.
    static let maximumImageBytes = 2 * 1_024 * 1_024
    /// The cards that it takes.
    private static let cards = ["text_notice", "news_notice"]

    /// The messages that one message makes: a longer text makes several.
    ///
    /// - Throws: `WireError` if it is nothing that a group webhook takes.
    static func bodies(of message: OutboundMessage) throws(WireError) -> [[UInt8]] {
        switch message.kind {
        case .markdown:
            let pieces = StreamMachine.messages(
                of: try content(of: message)["content"]?.text ?? "",
                maximumBytes: maximumMarkdownBytes
            )
            guard !pieces.isEmpty else { throw WireError(.empty, "a message for the group webhook is blank") }
            return try pieces.map { piece throws(WireError) in
                try WebhookCodec().encode(answer: OutboundMessage(.markdownV2, ["content": .string(piece)], []))
            }
        case .image:
            return [try WebhookCodec().encode(answer: image(message))]
        case .templateCard:
            let type = try content(of: message)["card_type"]?.text ?? ""
            guard cards.contains(type) else {
                throw WireError(
                    .invalid,
                    "a group webhook takes only cards without buttons: text notice and news notice"
                )
            }
            return [try WebhookCodec().encode(answer: message)]
        default:
            return [try WebhookCodec().encode(answer: message)]
        }
    }

    /// The id of a picture: it goes in the message itself, and nothing is uploaded.
    static func pictureID(_ bytes: [UInt8]) -> String {
        "data:\(MediaType(of: bytes.prefix(MediaType.headBytes)).rawValue);base64,\(Data(bytes).base64EncodedString())"
    }

    /// The `media_id` that an upload was answered with.
    static func mediaID(in body: [UInt8]) throws(WireError) -> String {
        let answer = try JSONDecoder().decode(JSONTree.self, fromText: body, called: "an answer")
        guard let id = answer["media_id"]?.text, !id.isEmpty else {
            throw WireError(.missingField, "missing media_id in an answer")
        }
        return id
    }

    /// A picture by its ``pictureID(_:)`` as it goes on the wire. One that is so already stays as it is.
    private static func image(_ message: OutboundMessage) throws(WireError) -> OutboundMessage {
        guard let id = try content(of: message)["media_id"]?.text else { return message }
        let parts = id.split(separator: ",", maxSplits: 1)
        guard id.hasPrefix("data:"), parts.count == 2, let data = Data(base64Encoded: String(parts[1])) else {
            throw WireError(.invalid, "a picture for the group webhook must be uploaded to the group webhook")
        }
        let digest: [UInt8]
        do throws(CryptoError) {
            digest = try Digest.md5([UInt8](data))
        } catch {
            throw WireError(.invalid, "the checksum of a picture could not be made: \(error.message)")
        }
        return OutboundMessage(
            .image,
            ["base64": .string(String(parts[1])), "md5": .string(digest.hexadecimal)],
            []
        )
    }

    private static func content(of message: OutboundMessage) throws(WireError) -> JSONTree {
        try message.frameBody()[message.kind.rawValue] ?? .null
    }
}

extension OutboundMessage.Kind {
    fileprivate static let markdownV2 = OutboundMessage.Kind(rawValue: "markdown_v2")
    fileprivate static let image = OutboundMessage.Kind(rawValue: UploadedMedia.Kind.image.rawValue)
}
