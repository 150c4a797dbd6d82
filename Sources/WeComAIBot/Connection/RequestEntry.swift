import BotCore
import BotFoundation

/// One request on its way through the table.
///
/// queued → handed → written → settled; after errcode 6000, 45009 or 45033 written → repeating → queued. When the connection
/// ends, what was not wholly written, and a final update, goes back to queued.
struct RequestEntry<Waiter: Sendable>: Sendable {
    enum Stage: Sendable, Hashable {
        /// Waits for its turn, for a connection, or until its conversation may be written to.
        case queued
        /// With the socket, which has not yet passed its last byte on.
        case handed
        /// All of it is with the kernel: the server may act on it.
        case written(at: ContinuousClock.Instant)
        /// Refused with that code; goes again later.
        case repeating(ErrorCode)
    }

    let request: Request
    /// The order in which requests came.
    let sequence: UInt64
    /// When it is too late to send it.
    let validUntil: ContinuousClock.Instant
    /// Who waits; `nil` once told. The entry then only holds the slot of its `req_id`, unless it is still wanted.
    var waiter: Waiter?
    var stage = Stage.queued
    /// How far it is with being written down, if it is.
    var departure = Departure.none
    /// How often it was refused for a reason that passes.
    var conflicts = 0
    /// When it first met errcode 846609.
    var notSubscribedSince: ContinuousClock.Instant?
    /// How often the server throttled it.
    var throttles = 0
    /// How often it was sent again after its waiter had been told.
    var doubts = 0
    /// When it was last counted in its conversation's budget, if it was: then it need not ask again.
    var paidAt: ContinuousClock.Instant?
    /// Whether it had to wait for that budget.
    var isPaced = false
    /// Whether it was written on an earlier connection that ended without a verdict: it may have been seen.
    var mayHaveArrived = false
    /// Where a recorded request stands before it is handed over.
    enum Departure: Sendable, Hashable {
        /// It waits, and stands as such.
        case none
        /// It could go: that is being written down. It is counted already.
        case asked
        /// That is written down.
        case allowed
    }

    /// What arrived for its `req_id` since it was written, and was counted for older frames: it may have been its own.
    var ambiguous = Ambiguity.none

    /// What acknowledgements that cannot be told apart have said.
    enum Ambiguity: Sendable, Hashable {
        case none
        case allOK
        case someNot
    }

    /// Whether it is worth sending again: somebody waits, or the bubble is unfinished without it.
    var isWanted: Bool { waiter != nil || request.kind == .finalUpdate }

    /// Whether it was counted in its conversation's budget.
    var isPaid: Bool { paidAt != nil }

    /// Whether errcode 846609 may still pass.
    func isHopeful(_ now: ContinuousClock.Instant, _ configuration: ConnectionConfiguration) -> Bool {
        notSubscribedSince.map { now - $0 < configuration.notSubscribedPeriod } ?? true
    }

    /// The outcome when it is refused: not certain if an earlier copy may have arrived.
    func refusal(_ reason: Delivery.Reason) -> Delivery {
        mayHaveArrived ? .unknown(reason) : .refused(reason)
    }

    /// An acknowledgement arrived that was counted for an older frame.
    mutating func sawAmbiguous(_ code: ErrorCode) {
        ambiguous = code == .ok && ambiguous != .someNot ? .allOK : .someNot
    }
}

/// The requests of one `req_id`.
struct RequestLane: Sendable {
    /// Those that wait, in order.
    var queue: [SendID] = []
    /// The one whose acknowledgement is awaited.
    var outstanding: SendID?
    /// How many frames on this connection were given up without an acknowledgement: so many may still come.
    var debt = 0
    /// The conversation whose budget the first one waits for.
    var waitsFor: Conversation?

    var isEmpty: Bool { queue.isEmpty && outstanding == nil && debt == 0 }
}

/// How much of what a socket may hold is taken.
///
/// The socket's own queue is bounded too, and a frame that it has no room for costs the connection: so it never gets more than it
/// can take, however much there is to say when a connection opens.
struct SocketRoom: Sendable {
    /// With the socket, and not yet with the kernel.
    var bytes = 0
    /// Whose next request goes when there is room, in order. One may be here more than once, or for nothing: that does no harm.
    var waiting = Queue<RequestID>()
}
