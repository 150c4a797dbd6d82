/// A message that a person sent to the bot, the same for every channel.
public struct Inbound: Sendable {
    /// What a message is made of. Open: a kind this version does not know keeps its raw value.
    public struct Kind: RawRepresentable, Sendable, Hashable {
        /// The platform's name of the kind.
        public let rawValue: String

        /// A kind by the platform's name.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// Text.
        public static let text = Kind(rawValue: "text")
        /// A picture.
        public static let image = Kind(rawValue: "image")
        /// Text and pictures; or several messages that were merged into one and are not all text.
        public static let mixed = Kind(rawValue: "mixed")
        /// Speech; its transcript is the text.
        public static let voice = Kind(rawValue: "voice")
        /// A file.
        public static let file = Kind(rawValue: "file")
        /// A video.
        public static let video = Kind(rawValue: "video")
    }

    /// The platform's id of the message, by which a repeated delivery is recognised. Empty when the platform gave none.
    public let id: String
    /// What the message is made of.
    public let kind: Kind
    /// Where it was written.
    public let conversation: Conversation
    /// The id of the person who wrote it.
    public let sender: String
    /// Its text, without the mention of the bot that it begins with if the bot's name is known; empty when it has none. What it quotes
    /// is not in it. Of several texts, as in ``Kind/mixed``, each has its line.
    public let text: String
    /// Its text as it was written.
    public let originalText: String
    /// What it is made of, in the order in which its author put it: where pictures stand between the texts. The texts are without
    /// the mention, too.
    public let parts: [Part]
    /// What it quotes.
    public let quote: Quote?
    /// The message as it was received (JSON), for what this type does not model; of merged messages, the newest.
    public let raw: [UInt8]

    /// Makes a message; a channel does, and so does a test of a handler.
    ///
    /// - Parameters:
    ///   - originalText: `text` unless given.
    ///   - parts: One of `text` unless given.
    public init(
        id: String,
        kind: Kind,
        conversation: Conversation,
        sender: String,
        text: String,
        originalText: String? = nil,
        parts: [Part]? = nil,
        quote: Quote? = nil,
        raw: [UInt8] = []
    ) {
        self.id = id
        self.kind = kind
        self.conversation = conversation
        self.sender = sender
        self.text = text
        self.originalText = originalText ?? text
        self.parts = parts ?? (text.isEmpty ? [] : [.text(text)])
        self.quote = quote
        self.raw = raw
    }

    /// What can be fetched: pictures, files and videos of the message itself, in order. Those of what it quotes are in ``quote``.
    public var attachments: [Attachment] { parts.attachments }

    /// How much memory what it says takes, about.
    var byteCount: Int {
        let original = originalText == text ? 0 : originalText.utf8.count
        return raw.count + text.utf8.count + original + (quote?.text.utf8.count ?? 0)
    }

    /// The same message with nothing in it.
    var withoutContent: Inbound {
        Inbound(id: id, kind: kind, conversation: conversation, sender: sender, text: "")
    }
}
