/// The server's `errcode`. Open: a code this version does not know keeps its number.
///
/// Decide by the number, never by the text beside it, which changes (official doc 90313).
public struct ErrorCode: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    /// The number.
    public let rawValue: Int

    /// A code by its number.
    public init(rawValue: Int) {
        self.rawValue = rawValue
    }

    /// 0: it was done.
    public static let ok = ErrorCode(rawValue: 0)
    /// -1: the server is busy; try again a little later.
    public static let systemBusy = ErrorCode(rawValue: -1)
    /// 6000: data version conflict, two frames of one `req_id` at the same time; the same frame may be sent again.
    public static let versionConflict = ErrorCode(rawValue: 6000)
    /// 40001: the secret is wrong, or the bot is gone.
    public static let invalidCredential = ErrorCode(rawValue: 40001)
    /// 40008: a message type this command does not take, such as `text` in a reply.
    public static let invalidMessageType = ErrorCode(rawValue: 40008)
    /// 40013: the id of the corporation or bot is wrong.
    public static let invalidCorporation = ErrorCode(rawValue: 40013)
    /// 40058: a parameter is invalid or too long.
    public static let invalidParameter = ErrorCode(rawValue: 40058)
    /// 40201: the content check said no.
    public static let contentRejected = ErrorCode(rawValue: 40201)
    /// 45009: called too often; wait a minute or more.
    public static let frequencyLimit = ErrorCode(rawValue: 45009)
    /// 45033: too many calls at the same time.
    public static let concurrencyLimit = ErrorCode(rawValue: 45033)
    /// 86008: no right to that chat; belongs to the application APIs, not to the AI Bot.
    public static let chatNotPermitted = ErrorCode(rawValue: 86008)
    /// 93006: no such chat.
    public static let invalidChatID = ErrorCode(rawValue: 93006)
    /// 93019: no such bot.
    public static let invalidBotID = ErrorCode(rawValue: 93019)
    /// 95001: the push was refused.
    public static let pushRefused = ErrorCode(rawValue: 95001)
    /// 600041: the secret is wrong.
    public static let invalidSecret = ErrorCode(rawValue: 600_041)
    /// 846601: undocumented; reported as passing.
    public static let transient846601 = ErrorCode(rawValue: 846_601)
    /// 846602: undocumented; reported as passing.
    public static let transient846602 = ErrorCode(rawValue: 846_602)
    /// 846604: undocumented; reported when the reply window was over.
    public static let replyWindowOver = ErrorCode(rawValue: 846_604)
    /// 846605: the `req_id` cannot be answered: it is an event's, stale or unknown.
    public static let invalidRequestID = ErrorCode(rawValue: 846_605)
    /// 846606: undocumented; reported as passing.
    public static let transient846606 = ErrorCode(rawValue: 846_606)
    /// 846607: undocumented, and its meaning is not known.
    public static let unexplained846607 = ErrorCode(rawValue: 846_607)
    /// 846608: the stream is too old to be updated.
    public static let streamExpired = ErrorCode(rawValue: 846_608)
    /// 846609: this connection is not subscribed.
    public static let notSubscribed = ErrorCode(rawValue: 846_609)
    /// 851008: no right to use that tool.
    public static let toolNotAuthorized851008 = ErrorCode(rawValue: 851_008)
    /// 851013: no right to that document.
    public static let documentNotAuthorized851013 = ErrorCode(rawValue: 851_013)
    /// 851014: the right to that document has ended.
    public static let documentNotAuthorized851014 = ErrorCode(rawValue: 851_014)
    /// 853000: the bot's id or secret is wrong.
    public static let credentialsRejected = ErrorCode(rawValue: 853_000)
    /// 853006: the tool is not available.
    public static let toolUnavailable = ErrorCode(rawValue: 853_006)

    /// Whether the server knows that the bot's id or secret is wrong, so that asking again soon is pointless.
    ///
    /// Everything else that a subscribe can be answered with, a rate limit above all, passes by itself.
    public var isCredentialsRejected: Bool { Self.credentialCodes.contains(self) }

    /// Whether it is a verdict on the connection instead of the frame: subscribe again, the frame was not delivered.
    public var isNotSubscribed: Bool { self == .notSubscribed }

    /// Whether it says nothing against the frame, which may be sent again after a moment.
    public var isPassing: Bool { Self.passingCodes.contains(self) }

    /// Whether the server takes no more for now: the frame was not delivered, and may be sent again after a while.
    public var isThrottled: Bool { self == .frequencyLimit || self == .concurrencyLimit }

    private static let credentialCodes: Set<ErrorCode> = [
        .credentialsRejected, .invalidSecret, .invalidBotID, .invalidCredential, .invalidCorporation,
    ]

    private static let passingCodes: Set<ErrorCode> = [
        .systemBusy, .versionConflict, .transient846601, .transient846602, .transient846606,
    ]

    /// The number.
    public var description: String { String(rawValue) }
}
