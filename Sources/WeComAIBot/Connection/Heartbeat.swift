/// When to ping, and when the other side is to be taken for dead.
///
/// A ping goes every interval. Any byte that arrives after it is a sign of life; if none does within half an interval, the
/// connection is dead. But what arrives does not show that what we write does, too: so if two pings in a row left and nothing
/// that we wrote was acknowledged until the next one is due, nobody reads us. A ping that is not even with the kernel does not
/// count: it stands behind something large, and the kernel watches over that.
struct Heartbeat: Sendable {
    /// What is to be done at a certain time.
    enum Verdict: Sendable, Hashable {
        case nothing
        case ping
        /// Nothing arrived.
        case lost
        /// Something did, but no answer.
        case unanswered
    }

    /// So many pings in a row without an answer, or refused, are the end.
    private static let maximumInVain = 2

    private var interval: Duration
    private var nextPing: ContinuousClock.Instant
    /// Until when something must have arrived; `nil` when nothing is owed.
    private var lifeDeadline: ContinuousClock.Instant?
    /// When the last ping went.
    private(set) var lastPing: ContinuousClock.Instant?
    /// The last ping while it is unanswered, to recognise its answer, and while it is not with the kernel.
    private(set) var pingID: RequestID?
    private var pingTicket: Ticket?
    /// How many pings were written since anything was acknowledged.
    private var unanswered = 0
    /// How many pings in a row were refused.
    private var refused = 0

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

    /// Whether so many pings in a row were refused that nothing is to be hoped for.
    var isRefused: Bool { refused >= Self.maximumInVain }

    /// What is due.
    func verdict(now: ContinuousClock.Instant) -> Verdict {
        if let lifeDeadline, lifeDeadline <= now { return .lost }
        guard nextPing <= now else { return .nothing }
        return unanswered < Self.maximumInVain ? .ping : .unanswered
    }

    /// A ping is going now. The next one is an interval from now, however late this one is.
    mutating func pinged(_ id: RequestID, _ ticket: Ticket, now: ContinuousClock.Instant) {
        pingID = id
        pingTicket = ticket
        lastPing = now
        nextPing = now + interval
        lifeDeadline = now + interval / 2
    }

    /// A frame is with the kernel.
    mutating func written(_ ticket: Ticket) {
        guard ticket == pingTicket else { return }
        pingTicket = nil
        unanswered += 1
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

    /// Something that we wrote was acknowledged.
    mutating func acknowledged() {
        alive()
        unanswered = 0
    }

    /// The last ping was answered.
    mutating func ponged(_ code: ErrorCode) {
        pingID = nil
        refused = code == .ok ? 0 : refused + 1
    }
}
