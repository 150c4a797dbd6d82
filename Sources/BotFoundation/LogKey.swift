/// The keys that log lines carry. Call sites choose from these, so that every line spells them the same way.
public struct LogKey: Sendable, Hashable, CustomStringConvertible {
    /// The key as it is printed.
    public let description: String

    init(_ description: String) {
        self.description = description
    }

    /// The bot's id.
    public static let bot = LogKey("bot")
    /// The number of the connection attempt, counted from 1 since the start.
    public static let epoch = LogKey("epoch")
    /// The `req_id` that a frame belongs to.
    public static let requestID = LogKey("req_id")
    /// The platform's id of a message.
    public static let messageID = LogKey("msgid")
    /// The conversation: a chat id for groups, a user id otherwise.
    public static let conversation = LogKey("conversation")
    /// The connection's state.
    public static let state = LogKey("state")
    /// The server's error code.
    public static let errorCode = LogKey("errcode")
    /// What went wrong, for people.
    public static let reason = LogKey("reason")
    /// Seconds until the next attempt.
    public static let retryIn = LogKey("retry_in")
    /// Where a connection goes: scheme, host and port.
    public static let endpoint = LogKey("endpoint")
    /// A number of bytes.
    public static let bytes = LogKey("bytes")
    /// How many times something happened.
    public static let count = LogKey("count")
}
