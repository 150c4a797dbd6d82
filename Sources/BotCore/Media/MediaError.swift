/// Why an attachment could not be fetched.
public struct MediaError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of failure it was. Open: later versions may add codes.
    public struct Code: RawRepresentable, Sendable, Hashable {
        /// The code as it is printed.
        public let rawValue: String

        /// A code by its printed form.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// The message does not say where it is, or the address makes no sense.
        public static let invalidAddress = Code(rawValue: "invalid-address")
        /// The address is neither https nor of an origin that is allowed.
        public static let schemeRefused = Code(rawValue: "scheme-refused")
        /// The address has a user or password in it.
        public static let userInfoRefused = Code(rawValue: "user-info-refused")
        /// The address leads to a machine that is not on the public internet.
        public static let addressRefused = Code(rawValue: "address-refused")
        /// One redirect led to another, too many times.
        public static let tooManyRedirects = Code(rawValue: "too-many-redirects")
        /// The time in which it can be fetched is over.
        public static let expired = Code(rawValue: "expired")
        /// The server answered with an error.
        public static let refused = Code(rawValue: "refused")
        /// The server could not be reached, or the connection broke.
        public static let unreachable = Code(rawValue: "unreachable")
        /// The server took too long.
        public static let timedOut = Code(rawValue: "timed-out")
        /// It has more bytes than allowed.
        public static let tooLarge = Code(rawValue: "too-large")
        /// There is no key to decrypt it with, or it is not a key.
        public static let invalidKey = Code(rawValue: "invalid-key")
        /// It ended early.
        public static let truncated = Code(rawValue: "truncated")
        /// It cannot be decrypted: the key belongs to something else, or it is damaged.
        public static let decryptionFailed = Code(rawValue: "decryption-failed")
        /// The file could not be written.
        public static let fileFailed = Code(rawValue: "file-failed")
        /// The task was cancelled.
        public static let cancelled = Code(rawValue: "cancelled")
        /// The bot has ended, or cannot fetch.
        public static let unavailable = Code(rawValue: "unavailable")
    }

    /// What kind of failure it was.
    public let code: Code
    /// What happened and what to do about it, for people. It never has the address in it, which is signed, nor a key.
    public let message: String

    /// Makes an error from its parts.
    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The code and the message.
    public var description: String { "\(code.rawValue): \(message)" }

    /// The attachment has more than `maximumBytes`.
    package static func tooLarge(_ maximumBytes: Int) -> MediaError {
        MediaError(
            .tooLarge,
            "it has more than the \(maximumBytes) bytes that are allowed: allow more, or do without it"
        )
    }

    /// The caller's task was cancelled.
    package static let cancelled = MediaError(.cancelled, "the task was cancelled before it was fetched")
}
