import BotCore
import FoundationEssentials

/// A message that a user sent to the bot (`aibot_msg_callback`).
struct MessageCallback: Sendable {
    let fields: CallbackFields
    let content: MessageContent
    /// What the user quoted. It has no author, id or time.
    let quote: MessageContent?
    /// Where it was written, and where an answer goes.
    let conversation: Conversation
    /// The frame as received.
    let raw: [UInt8]

    /// The message as a reader gives it that neither knows the bot's name nor can fetch anything.
    var inbound: Inbound { InboundReader().inbound(self) }
}

extension MessageCallback {
    /// The part of the frame that is decoded; a message is one only if there is somebody to answer.
    struct Body: Decodable {
        let fields: CallbackFields
        let content: MessageContent
        let quote: MessageContent?

        private enum Key: String, CodingKey { case quote }

        init(from decoder: any Decoder) throws {
            fields = try CallbackFields(from: decoder)
            content = try MessageContent(from: decoder)
            quote = try decoder.container(keyedBy: Key.self).tolerant(MessageContent.self, .quote)
        }
    }

    /// - Throws: `WireError` when it does not say where it was written: a group without `chatid`, or a single chat without
    ///   `from.userid`; and when it is a text without one.
    init(_ body: Body, raw: [UInt8]) throws(WireError) {
        if body.content == .unknown(type: "text") {
            throw WireError(.missingField, "missing text.content in a message of type text")
        }
        fields = body.fields
        content = body.content
        quote = body.quote
        self.raw = raw
        guard let conversation = fields.conversation else {
            throw WireError(.missingField, "missing \(fields.isGroup ? "chatid" : "from.userid") in a message")
        }
        self.conversation = conversation
    }
}
