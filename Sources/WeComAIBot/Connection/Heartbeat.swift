/// When to ping, and when the other side is to be taken for dead.
///
/// A ping goes every interval. Any byte that arrives after it is a sign of life; if none does within half an interval, the
/// connection is dead. Only one ping is ever accounted for, since half an interval is over before the next.
struct Heartbeat: Sendable {
    /// What is to be done at a certain time.
    enum Verdict: Sendable, Hashable {
        case nothing
        case ping
        case lost
    }

    private var interval: Duration
    private var nextPing: ContinuousClock.Instant
    /// Until when something must have arrived; `nil` when nothing is owed.
    private var lifeDeadline: ContinuousClock.Instant?
    /// When the last ping went.
    private(set) var lastPing: ContinuousClock.Instant?
    /// The last ping, to recognise its answer.
    private(set) var pingID: RequestID?

    /// Starts counting now: the first ping goes after one interval.
    init(interval: Duration, now: ContinuousClock.Instant) {
        self.interval = interval
        nextPing = now + interval
    }

    /// When to ask again.
    var nextDeadline: ContinuousClock.Instant { lifeDeadline.map { min($0, nextPing) } ?? nextPing }

    /// Whether a sign of life is owed that something which arrived at `instant` would be.
    func isAwaitingLife(since instant: ContinuousClock.Instant) -> Bool {
        lifeDeadline != nil && lastPing.map { instant > $0 } ?? false
    }

    /// What is due.
    func verdict(now: ContinuousClock.Instant) -> Verdict {
        if let lifeDeadline, lifeDeadline <= now { return .lost }
        return nextPing <= now ? .ping : .nothing
    }

    /// A ping is going now. The next one is an interval from now, however late this one is.
    mutating func pinged(_ id: RequestID, now: ContinuousClock.Instant) {
        pingID = id
        lastPing = now
        nextPing = now + interval
        lifeDeadline = now + interval / 2
    }

    /// From now on the interval is another one. The next ping goes when it would have, or sooner.
    mutating func change(interval: Duration, now: ContinuousClock.Instant) {
        self.interval = interval
        nextPing = min(nextPing, now + interval)
    }

    /// Something arrived.
    mutating func alive() {
        lifeDeadline = nil
    }
}
