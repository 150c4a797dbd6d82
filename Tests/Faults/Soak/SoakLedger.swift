import BotCore
import BotFoundation
import GatewaySimulator

/// What became of every message of a soak. Forgets what is settled, so that it does not grow.
final class SoakLedger: Sendable {
    /// A message that is not settled.
    struct Open: Sendable {
        var message: PushedMessage?
        var connection: ConnectionID?
        var since: ContinuousClock.Instant
        var isReceived = false
    }

    /// The totals.
    struct Totals: Sendable {
        var messages = 0
        /// Not even handed over: nobody was subscribed.
        var unsent = 0
        /// Handed over on a connection that ended before the bot had read them: nobody can answer those.
        var lostOnTheWay = 0
        var delivered = 0
        var refused = 0
        var unknown = 0
        /// Read by the bot, and never settled; or not read although their connection lived on.
        var lost = 0
        var falseSuccesses = 0
        /// Bubbles that were still unfinished when their outcome was told as refused or unknown.
        var unfinished = 0
        var frames = 0
        var reconnects = 0
        var worstDrift = Duration.zero
    }

    private struct State {
        var totals = Totals()
        var open: [String: Open] = [:]
        var pushed = RecentIDs()
        var live: Set<ConnectionID> = []
        var pings: [ConnectionID: ContinuousClock.Instant] = [:]
        var disturbedUntil = ContinuousClock.now
        var findings: [String] = []
    }

    private let state = Locked(State())
    private let heartbeat: Duration
    /// After so long, a message that has come to nothing counts as lost: longer than every deadline together.
    private let patience: Duration

    init(heartbeat: Duration, patience: Duration) {
        self.heartbeat = heartbeat
        self.patience = patience
    }

    var totals: Totals { state.withLock { $0.totals } }
    var openCount: Int { state.withLock { $0.open.count } }
    /// What should not have happened.
    var findings: [String] { state.withLock { $0.findings } }

    /// The link is slowed or stopped on purpose until then: pings are late, and not by our fault.
    func disturbed(until end: ContinuousClock.Instant) {
        state.withLock { $0.disturbedUntil = max($0.disturbedUntil, end) }
    }

    /// The far side has seen something.
    func observed(_ observation: Observation) {
        state.withLock { state in
            switch observation.event {
            case .opened(let id): state.live.insert(id)
            case .closed(let id, _):
                state.live.remove(id)
                state.pings[id] = nil
            case .subscribed(let id, _):
                state.totals.reconnects += 1
                state.pings[id] = observation.at
            case .pushed(let id, let message):
                // A repetition is no new message.
                guard state.pushed.insert(message.messageID) else { return }
                state.totals.messages += 1
                if state.open[message.messageID] == nil {
                    state.open[message.messageID] = Open(since: observation.at)
                }
                state.open[message.messageID]?.message = message
                state.open[message.messageID]?.connection = id
            case .lost: state.totals.unsent += 1
            case .received(let id, "ping", _, _):
                if let last = state.pings[id], last > state.disturbedUntil {
                    let drift = observation.at - last - heartbeat
                    state.totals.worstDrift = max(state.totals.worstDrift, drift, .zero - drift)
                }
                state.pings[id] = observation.at
            case .received(_, "aibot_respond_msg", _, _): state.totals.frames += 1
            default: break
            }
        }
    }

    /// The bot has read a message.
    func received(_ id: String) {
        state.withLock { state in
            if state.open[id] == nil { state.open[id] = Open(since: .now) }
            state.open[id]?.isReceived = true
        }
    }

    /// What the far side knows a message by.
    func message(_ id: String) -> PushedMessage? { state.withLock { $0.open[id]?.message } }

    /// It was no message of the load.
    func forget(_ id: String) { state.withLock { $0.open[id] = nil } }

    /// An answer has ended.
    func ended(_ id: String, _ outcome: Delivery, _ sight: Sight) {
        state.withLock { state in
            state.open[id] = nil
            switch outcome {
            case .refused: state.totals.refused += 1
            case .unknown: state.totals.unknown += 1
            default: state.totals.delivered += 1
            }
            if outcome.claimsSuccess ? sight.times != 1 : sight.times > 1 {
                state.totals.falseSuccesses += 1
                if state.findings.count < 10 { state.findings.append("\(id) ended as \(outcome), but came \(sight)") }
            }
            if !outcome.claimsSuccess, sight.isUnfinished { state.totals.unfinished += 1 }
        }
    }

    /// Settles what can no longer come to anything.
    func sweep(now: ContinuousClock.Instant = .now) {
        state.withLock { state in
            for (id, open) in state.open {
                let isOver = open.connection.map { !state.live.contains($0) } ?? false
                if !open.isReceived, isOver, now - open.since > .seconds(10) {
                    state.open[id] = nil
                    state.totals.lostOnTheWay += 1
                } else if now - open.since > patience {
                    state.open[id] = nil
                    state.totals.lost += 1
                    if state.findings.count < 10 {
                        state.findings.append(
                            "\(id) came to nothing\(open.isReceived ? "" : ", and was not even read")"
                        )
                    }
                }
            }
        }
    }
}

/// The latest ids.
private struct RecentIDs {
    private static let capacity = 1_000
    private var known: Set<String> = []
    private var order: [String] = []

    /// Whether it is new.
    mutating func insert(_ id: String) -> Bool {
        guard known.insert(id).inserted else { return false }
        order.append(id)
        if order.count > 2 * Self.capacity {
            known.subtract(order.prefix(Self.capacity))
            order.removeFirst(Self.capacity)
        }
        return true
    }
}
