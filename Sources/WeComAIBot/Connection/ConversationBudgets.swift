import BotCore
import BotFoundation

/// The budgets of all conversations.
///
/// A conversation is forgotten when nothing of it counts any more. When ``ConnectionConfiguration/maximumConversations`` of them
/// count, all further ones share one budget until nothing of that counts: so none is ever counted too low, and the memory stays
/// bounded.
struct ConversationBudgets: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// What may be done with a frame.
    enum Verdict: Sendable, Hashable {
        /// It may go: it costs nothing, or there is enough.
        case go
        case wait(until: Instant)
        /// It is not worth waiting for.
        case refuse
    }

    private struct Account: Sendable {
        var budget: RateBudget
        /// The streams that were opened, and have not ended.
        var streams: Set<String> = []
    }

    private var limits: RateLimits
    private let maximum: Int
    private var accounts: [Conversation: Account] = [:]
    /// When each account no longer matters.
    private var ends = DeadlineHeap<Conversation>()
    /// The account of those that found no room, and when it no longer matters; nil while nobody uses it.
    private var shared: Account
    private var sharedEnd: Instant?

    init(limits: RateLimits, maximum: Int) {
        self.limits = limits
        self.maximum = maximum
        shared = Account(budget: RateBudget(limits))
    }

    /// Other limits from now on; what was sent counts on.
    mutating func change(_ limits: RateLimits) {
        guard limits != self.limits else { return }
        self.limits = limits
        shared.budget.change(limits)
        for conversation in accounts.keys { accounts[conversation]?.budget.change(limits) }
    }

    /// How many have an account of their own.
    var count: Int { accounts.count }

    /// Whether some conversations share a budget.
    var areShared: Bool { sharedEnd != nil }

    /// Whether a frame may go now.
    ///
    /// - Parameter isRepeat: whether it goes again because the server throttled it.
    mutating func verdict(_ charge: Charge, _ kind: Request.Kind, isRepeat: Bool, now: Instant) -> Verdict {
        let (costs, reserve) = (costs(charge), limits.reserve)
        return withAccount(charge.conversation, now: now) { account -> Verdict in
            if kind == .intermediateUpdate {
                if account.budget.isThrottled(now: now) { return .refuse }
                let left = account.budget.left(now: now)
                return !costs || min(left.minute, left.hour) > reserve ? .go : .refuse
            }
            guard costs, let freeAt = account.budget.freeAt(isRepeat: isRepeat, now: now) else { return .go }
            return .wait(until: freeAt)
        } ?? .go
    }

    /// Whether a frame costs something: with free refreshes, all but the first of a stream do not.
    func costs(_ charge: Charge) -> Bool {
        guard case .stream(let id) = charge.item, !limits.refreshesCost else { return true }
        return !(accounts[charge.conversation] ?? shared).streams.contains(id)
    }

    /// Counts a frame that is handed over now.
    mutating func spend(_ charge: Charge, now: Instant) {
        let maximumStreams = limits.perHour
        openAccount(charge.conversation, now: now) { account in
            account.budget.spend(now: now)
            guard case .stream(let id) = charge.item else { return }
            // Forgetting one makes its next update cost again, which is never too little.
            if account.streams.count >= maximumStreams { account.streams = [] }
            account.streams.insert(id)
        }
    }

    /// What was counted then does not count after all.
    mutating func takeBack(_ charge: Charge, spentAt instant: Instant) {
        if let index = accounts.index(forKey: charge.conversation) {
            accounts.values[index].budget.takeBack(spentAt: instant)
        } else {
            shared.budget.takeBack(spentAt: instant)
        }
    }

    /// The server throttles a conversation: it gets nothing for a minute.
    mutating func throttle(_ conversation: Conversation, now: Instant) {
        openAccount(conversation, now: now) { $0.budget.throttle(now: now) }
    }

    /// A stream is not open: it has ended, or what would have opened it was refused.
    mutating func forgetStream(of charge: Charge) {
        guard case .stream(let id) = charge.item else { return }
        if accounts[charge.conversation]?.streams.remove(id) == nil { shared.streams.remove(id) }
    }

    /// What a conversation has left.
    mutating func remaining(_ conversation: Conversation, now: Instant) -> SendBudget {
        func budget(_ account: inout Account) -> SendBudget {
            let left = account.budget.left(now: now)
            let wait = account.budget.freeAt(now: now).map { now.duration(to: $0) } ?? .zero
            return SendBudget(leftThisMinute: left.minute, leftThisHour: left.hour, wait: wait)
        }
        if let known = withAccount(conversation, now: now, budget) { return known }
        var fresh = Account(budget: RateBudget(limits))
        return budget(&fresh)
    }

    /// The account that a conversation has, in place: its queues are not copied. None yet: nil.
    private mutating func withAccount<Result>(
        _ conversation: Conversation,
        now: Instant,
        _ body: (inout Account) -> Result
    ) -> Result? {
        prune(now: now)
        if let index = accounts.index(forKey: conversation) { return body(&accounts.values[index]) }
        return sharedEnd == nil ? nil : body(&shared)
    }

    /// The account that a conversation has, or one that it gets now.
    private mutating func openAccount(_ conversation: Conversation, now: Instant, _ body: (inout Account) -> Void) {
        prune(now: now)
        if accounts[conversation] == nil {
            guard sharedEnd == nil, accounts.count < maximum else {
                body(&shared)
                sharedEnd = shared.budget.end(now: now)
                return
            }
            accounts[conversation] = Account(budget: RateBudget(limits))
        }
        guard let index = accounts.index(forKey: conversation) else { return }
        body(&accounts.values[index])
        ends.set(accounts.values[index].budget.end(now: now), for: conversation)
    }

    /// Forgets what no longer counts.
    private mutating func prune(now: Instant) {
        while let (end, conversation) = ends.first, end <= now {
            ends.remove(conversation)
            accounts[conversation] = nil
        }
        if let end = sharedEnd, end <= now {
            shared = Account(budget: RateBudget(limits))
            sharedEnd = nil
        }
    }
}
