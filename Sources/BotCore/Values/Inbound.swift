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
        /// Text and pictures.
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
    /// Its text; empty when it has none.
    public let text: String
    /// The message as it was received (JSON), for what this type does not model.
    public let raw: [UInt8]

    /// Makes a message; a channel does, and so does a test of a handler.
    public init(
        id: String,
        kind: Kind,
        conversation: Conversation,
        sender: String,
        text: String,
        raw: [UInt8] = []
    ) {
        self.id = id
        self.kind = kind
        self.conversation = conversation
        self.sender = sender
        self.text = text
        self.raw = raw
    }

    /// How much memory what it says takes, about.
    var byteCount: Int { raw.count + text.utf8.count }

    /// The same message with nothing in it.
    var withoutContent: Inbound {
        Inbound(id: id, kind: kind, conversation: conversation, sender: sender, text: "")
    }
}
