/// How much more may be sent to a conversation before the platform's rate limit is reached.
///
/// The platform allows 30 messages per minute and 1,000 per hour in each conversation, answers and pushes together (official
/// doc 101463). A bubble counts once; further updates of it do not.
public struct SendBudget: Sendable, Hashable {
    /// How many more may be sent within the minute that ends now.
    public let leftThisMinute: Int
    /// How many more may be sent within the hour that ends now.
    public let leftThisHour: Int
    /// How long until the next one may be sent; zero if one may be sent now. What is sent earlier waits that long by itself.
    public let wait: Duration

    /// Makes a budget; a channel does, and so does a test of a handler.
    public init(leftThisMinute: Int, leftThisHour: Int, wait: Duration = .zero) {
        self.leftThisMinute = leftThisMinute
        self.leftThisHour = leftThisHour
        self.wait = wait
    }
}
