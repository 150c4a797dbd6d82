/// How a user rated an answer (official doc 101027).
public struct Feedback: Sendable, Hashable {
    /// What the user thinks. Open.
    public struct Verdict: RawRepresentable, Sendable, Hashable {
        /// The platform's number.
        public let rawValue: Int

        /// A verdict by the platform's number.
        public init(rawValue: Int) {
            self.rawValue = rawValue
        }

        /// Accurate.
        public static let like = Verdict(rawValue: 1)
        /// Inaccurate.
        public static let dislike = Verdict(rawValue: 2)
        /// What was said before no longer counts.
        public static let withdrawn = Verdict(rawValue: 3)
    }

    /// What was wrong with the answer. Open.
    public struct Reason: RawRepresentable, Sendable, Hashable {
        /// The platform's number.
        public let rawValue: Int

        /// A reason by the platform's number.
        public init(rawValue: Int) {
            self.rawValue = rawValue
        }

        /// It has nothing to do with the question.
        public static let offTopic = Reason(rawValue: 1)
        /// Something is missing.
        public static let incomplete = Reason(rawValue: 2)
        /// What it says is wrong.
        public static let wrong = Reason(rawValue: 3)
        /// The data were analysed wrongly.
        public static let wrongAnalysis = Reason(rawValue: 4)
    }

    /// The id that the answer was sent with (``BotCore/Reply/requestFeedback(id:)``).
    public let id: String?
    /// What the user thinks.
    public let verdict: Verdict?
    /// What the user wrote; only with a dislike.
    public let content: String?
    /// What was wrong; only with a dislike.
    public let reasons: [Reason]

    /// Names a rating, for tests of a handler.
    public init(id: String?, verdict: Verdict?, content: String? = nil, reasons: [Reason] = []) {
        self.id = id
        self.verdict = verdict
        self.content = content
        self.reasons = reasons
    }
}
