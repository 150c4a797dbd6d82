/// Something that happened to the bot and is no message, the same for every channel.
public struct Event: Sendable {
    /// What happened. Open: a kind this version does not know keeps its raw value. The channel's module names those it knows, and
    /// reads what belongs to them.
    public struct Kind: RawRepresentable, Sendable, Hashable {
        /// The platform's name of the kind.
        public let rawValue: String

        /// A kind by the platform's name.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }
    }

    /// The platform's id of the event, by which a repeated delivery is recognised. Empty when the platform gave none.
    public let id: String
    /// What happened.
    public let kind: Kind
    /// Where it happened; `nil` when the platform does not say.
    public let conversation: Conversation?
    /// The id of the person who made it happen; empty when the platform does not say.
    public let sender: String
    /// The event as it was received (JSON). It may contain addresses that are signed: do not log it.
    public let raw: [UInt8]

    /// Makes an event; a channel does, and so does a test of a handler.
    public init(id: String, kind: Kind, conversation: Conversation?, sender: String, raw: [UInt8] = []) {
        self.id = id
        self.kind = kind
        self.conversation = conversation
        self.sender = sender
        self.raw = raw
    }
}
