/// The keys that log lines carry. Call sites choose from these, so that every line spells them the same way.
///
/// They are stable: a program may rely on them. In a line of JSON each is a string beside `time` (RFC 3339 in UTC, with
/// milliseconds), `level` and `message`, which every line has:
///
/// | key | value |
/// |---|---|
/// | `bot` | ``bot``: the bot's id |
/// | `bytes` | ``bytes``: a number of bytes |
/// | `command` | ``command``: the `cmd` of a frame |
/// | `conversation` | ``conversation``: a chat id for groups, a user id otherwise |
/// | `count` | ``count``: how many times something happened |
/// | `direction` | ``direction``: `in` or `out` |
/// | `endpoint` | ``endpoint``: scheme, host and port |
/// | `epoch` | ``epoch``: the number of the connection attempt |
/// | `errcode` | ``errorCode``: the server's error code |
/// | `frame` | ``frame``: a frame without its secrets, only at `trace` |
/// | `msgid` | ``messageID``: the platform's id of a message |
/// | `reason` | ``reason``: what went wrong, for people |
/// | `req_id` | ``requestID``: the `req_id` that a frame belongs to |
/// | `retry_in` | ``retryIn``: seconds until the next attempt |
/// | `state` | ``state``: the connection's state |
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
    /// Where a frame goes: `in` or `out`.
    public static let direction = LogKey("direction")
    /// The `cmd` of a frame.
    public static let command = LogKey("command")
    /// A frame as JSON, with its secrets and the queries of its URLs taken out; only at `trace`.
    public static let frame = LogKey("frame")
}
