internal import BotCore

/// Whose turn it is at a group webhook: one send at a time in the order in which they came, and 20 messages in any minute (official
/// doc 99110).
///
/// A send is one message or several that belong together. States of one: waiting → at its turn → gone.
struct GroupWebhookLine: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// What the platform takes of one webhook (official doc 99110).
    static let messagesPerMinute = 20
    /// How many messages may be in the line: five minutes' worth.
    static let maximumMessages = 100

    /// What becomes of a send.
    enum Entry: Hashable {
        case itsTurn
        case waits
        case refused(Delivery.Reason)
    }

    private struct Send {
        let id: UInt64
        let messages: Int
    }

    private var budget = Self.freshBudget
    private var present: Send?
    private var waiting: [Send] = []
    private(set) var hasEnded = false

    /// How many messages are in the line, with those of the present turn.
    var messages: Int { waiting.reduce(present?.messages ?? 0) { $0 + $1.messages } }

    /// A send comes. Unless it is refused, report its end with ``leave(_:)``.
    ///
    /// - Parameter id: Never used before.
    mutating func enter(_ id: UInt64, messages count: Int) -> Entry {
        guard !hasEnded else { return .refused(Self.ending) }
        guard messages + count <= Self.maximumMessages else {
            let reason =
                "\(messages) messages wait for the group webhook, which takes \(Self.messagesPerMinute) a minute"
            return .refused(Delivery.Reason(reason))
        }
        let send = Send(id: id, messages: count)
        guard present == nil else {
            waiting.append(send)
            return .waits
        }
        present = send
        return .itsTurn
    }

    /// Counts a message of the present turn, if one may go now.
    ///
    /// - Returns: When one may; `nil` if it was counted.
    mutating func spend(now: Instant) -> Instant? {
        if let freeAt = budget.freeAt(now: now) { return freeAt }
        budget.spend(now: now)
        return nil
    }

    /// What was counted then has not been sent after all.
    mutating func takeBack(spentAt instant: Instant) { budget.takeBack(spentAt: instant) }

    /// The server said that it is enough: it gets nothing for a minute.
    mutating func throttle(now: Instant) { budget.throttle(now: now) }

    /// It is another webhook from now on.
    mutating func changePlace() { budget = Self.freshBudget }

    /// A send is over, or is given up.
    ///
    /// - Returns: Whose turn it is now, if it was that one's.
    mutating func leave(_ id: UInt64) -> UInt64? {
        guard present?.id == id else {
            waiting.removeAll { $0.id == id }
            return nil
        }
        present = waiting.isEmpty ? nil : waiting.removeFirst()
        return present?.id
    }

    /// Nothing is taken any more.
    ///
    /// - Returns: What waited, and is refused.
    mutating func end() -> [UInt64] {
        hasEnded = true
        defer { waiting = [] }
        return waiting.map(\.id)
    }

    /// What a send is told that does not go any more.
    static let ending = Delivery.Reason("the bot ended before the message could go to the group webhook")

    private static var freshBudget: RateBudget {
        // The hour has no limit of its own.
        RateBudget(RateLimits(perMinute: messagesPerMinute, perHour: messagesPerMinute * 60))
    }
}
