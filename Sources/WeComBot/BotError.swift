/// Why a bot cannot run, although its configuration looks right.
public struct BotError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure. Open: later versions may add kinds.
    public struct Code: RawRepresentable, Sendable, Hashable {
        /// The code as text.
        public let rawValue: String

        /// A code by its text.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// The system has no threads, memory or descriptors left.
        public static let outOfResources = Code(rawValue: "out-of-resources")
        /// The port of ``Configuration/statusPort`` cannot be listened on.
        public static let statusPortUnavailable = Code(rawValue: "status-port-unavailable")
        /// The port of ``Configuration/callbackPort`` cannot be listened on.
        public static let callbackPortUnavailable = Code(rawValue: "callback-port-unavailable")
        /// Another connection with the same bot id took the place, and the configuration says to stop then.
        public static let displaced = Code(rawValue: "displaced")
    }

    /// The kind of failure.
    public let code: Code
    /// What happened and what to do about it.
    public let message: String

    /// The status a program should exit with, of sysexits.h: `EX_UNAVAILABLE` when displaced, `EX_CONFIG` when a port is not
    /// available, `EX_OSERR` otherwise.
    public var exitStatus: Int32 {
        switch code {
        case .displaced: 69
        case .statusPortUnavailable, .callbackPortUnavailable: ConfigurationError.exitStatus
        default: 71
        }
    }

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    static let displaced = BotError(
        .displaced,
        "another connection took this bot's place, and the bot was told to stop then: stop the other process, or give this one a "
            + "bot of its own; with WECOM_ON_DISPLACED=yield or take_over it would come back by itself"
    )

    /// The message.
    public var description: String { message }
}
