/// Why something was not uploaded, or an image not taken.
public struct UploadError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure. Open: later versions may add kinds.
    public struct Code: RawRepresentable, Sendable, Hashable {
        /// The code as text.
        public let rawValue: String

        /// A code by its text.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// The channel, or what the reply belongs to, uploads nothing.
        public static let notSupported = Code(rawValue: "not-supported")
        /// There are fewer bytes than the platform takes.
        public static let tooSmall = Code(rawValue: "too-small")
        /// There are more bytes than the platform takes for that kind.
        public static let tooLarge = Code(rawValue: "too-large")
        /// It is speech that takes more time than the platform takes.
        public static let tooLong = Code(rawValue: "too-long")
        /// The answer has as many images as it may have.
        public static let tooMany = Code(rawValue: "too-many")
        /// What waits to be sent takes as much memory as it may.
        public static let noRoom = Code(rawValue: "no-room")
        /// The answer has ended, or the bubble that was to show it.
        public static let ended = Code(rawValue: "ended")
        /// The name is empty, too long, has no extension, or has a character in it that no file name has.
        public static let invalidName = Code(rawValue: "invalid-name")
        /// The content is not of a format that the platform takes for that kind.
        public static let wrongFormat = Code(rawValue: "wrong-format")
        /// The file cannot be read.
        public static let unreadable = Code(rawValue: "unreadable")
        /// The file changed while it was read.
        public static let changed = Code(rawValue: "changed")
        /// The server said no.
        public static let refused = Code(rawValue: "refused")
        /// The server did not say yes in time, however often it was asked.
        public static let unanswered = Code(rawValue: "unanswered")
        /// The bot does not run, or ended before the upload did.
        public static let notRunning = Code(rawValue: "not-running")
        /// The task was cancelled.
        public static let cancelled = Code(rawValue: "cancelled")
    }

    /// The kind of failure.
    public let code: Code
    /// The server's error code, where it gave one.
    public let serverCode: Int?
    /// What happened and what to do about it.
    public let message: String

    /// Names a failure.
    public init(_ code: Code, serverCode: Int? = nil, _ message: String) {
        self.code = code
        self.serverCode = serverCode
        self.message = message
    }

    /// The message, with the server's code where there is one.
    public var description: String { serverCode.map { "\(message) (errcode \($0))" } ?? message }
}

extension UploadError {
    /// An image came too late.
    package static var answerEnded: UploadError {
        UploadError(.ended, "the answer has ended: images are attached before that")
    }
}
