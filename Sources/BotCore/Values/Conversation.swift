/// Where a message was written and where its answer goes: a chat with one person, or a group.
public struct Conversation: Sendable, Hashable {
    /// What sort of conversation it is.
    public enum Kind: Sendable, Hashable {
        /// One person and the bot.
        case single
        /// A group chat.
        case group
    }

    /// What sort of conversation it is.
    public let kind: Kind
    /// The user's id for ``Kind/single``, the chat's id for ``Kind/group``.
    public let id: String

    /// Names a conversation.
    public init(kind: Kind, id: String) {
        self.kind = kind
        self.id = id
    }
}
