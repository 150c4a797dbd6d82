import BotCore
import BotFoundation

/// Every request from when it is handed in until its waiter is told and its `req_id` is free again.
///
/// An acknowledgement carries only a `req_id`, so there is one outstanding frame per `req_id`, however long that takes, and
/// one of another `req_id` never waits for it. Every waiter is told exactly once.
struct RequestTable<Waiter: Sendable>: Sendable {
    typealias Action = ConnectionMachine<Waiter>.Action
    typealias Instant = ContinuousClock.Instant
    typealias Entry = RequestEntry<Waiter>

    var configuration: ConnectionConfiguration { didSet { budgets.change(configuration.rateLimits) } }
    var entries: [SendID: Entry] = [:]
    var lanes: [RequestID: RequestLane] = [:]
    var tickets: [Ticket: SendID] = [:]
    var deadlines = DeadlineHeap<SendID>()
    /// Whether frames may go: the connection is subscribed.
    var isOpen = false
    /// Bytes that the socket was given and has not yet passed on, and the `req_id`s that wait for it to do so.
    var room = SocketRoom()
    /// Frames on this connection that were given up without an acknowledgement.
    var unanswered = 0
    /// Final updates of this connection that were given up without an acknowledgement, in the order in which they were written:
    /// sent again if the connection turns out to have been dead.
    var doubtful: [DoubtfulFinal<Waiter>] = []
    /// Whatever was written on this connection before then has been read.
    var provenUntil: Instant?
    /// What each conversation may be sent, and who waits until it may be.
    var budgets: ConversationBudgets
    var pacing: [Conversation: PacedLanes] = [:]
    var wakes = DeadlineHeap<Conversation>()
    private var nextTicket: UInt64 = 1
    private var nextSequence: UInt64 = 0

    init(configuration: ConnectionConfiguration) {
        self.configuration = configuration
        budgets = ConversationBudgets(
            limits: configuration.rateLimits,
            maximum: configuration.maximumConversations
        )
    }

    /// When to call `expire`.
    var nextDeadline: Instant? {
        [deadlines.first?.deadline, wakes.first?.deadline].compactMap(\.self).min()
    }

    /// How many are unsettled.
    var count: Int { entries.count }

    /// How many of them wait for a connection or for the one before.
    var queuedCount: Int { entries.values.count { $0.stage == .queued } }

    /// A number for one write, of a request or of anything else.
    mutating func makeTicket() -> Ticket {
        defer { nextTicket += 1 }
        return Ticket(rawValue: nextTicket)
    }

    /// Takes a request, and hands it over at once if nothing is before it.
    mutating func enqueue(_ request: Request, id: SendID, waiter: Waiter, now: Instant, into actions: inout [Action]) {
        guard entries[id] == nil else {
            actions.append(.report(.duplicateSend(id)))
            actions.append(.resolve(waiter, .refused(.init("the id of this send is in use"))))
            return
        }
        guard entries.count < configuration.maximumRequests else {
            actions.append(.report(.queueFull(request.requestID)))
            let reason = "too many requests are waiting (\(configuration.maximumRequests))"
            actions.append(.resolve(waiter, .refused(.init(reason))))
            return
        }
        let limit = now + configuration.replyWindow
        let validUntil = request.validUntil.map { min($0, limit) } ?? limit
        guard validUntil > now else {
            actions.append(.report(.requestTooOld(request.requestID)))
            actions.append(.resolve(waiter, .refused(.init(Self.tooLate))))
            return
        }
        entries[id] = Entry(request: request, sequence: nextSequence, validUntil: validUntil, waiter: waiter)
        nextSequence += 1
        deadlines.set(validUntil, for: id)
        lanes[request.requestID, default: RequestLane()].queue.append(id)
        advance(request.requestID, now: now, into: &actions)
    }

    /// The connection is subscribed: the first of each `req_id` goes, in the order in which they came.
    mutating func open(now: Instant, into actions: inout [Action]) {
        isOpen = true
        let heads = lanes.compactMap { requestID, lane in
            lane.queue.first.flatMap { entries[$0] }.map { (sequence: $0.sequence, requestID: requestID) }
        }
        for head in heads.sorted(by: { $0.sequence < $1.sequence }) {
            advance(head.requestID, now: now, into: &actions)
        }
    }

    /// The connection is about to be given up: nothing more goes to it.
    mutating func hold() {
        isOpen = false
        forgetPacing()
    }

    /// The last byte of a frame is with the kernel: its acknowledgement is awaited from now on, and there is room for others.
    mutating func written(_ ticket: Ticket, now: Instant, into actions: inout [Action]) {
        guard let id = tickets.removeValue(forKey: ticket), let entry = entries[id], entry.stage == .handed else {
            return
        }
        entries[id]?.stage = .written(at: now)
        let wait = entry.waiter == nil ? configuration.slotExpiry : patience(for: entry)
        deadlines.set(now + wait, for: id)
        room.bytes -= entry.request.bytes.count
        while hasRoom, let next = room.waiting.popFirst() { advance(next, now: now, into: &actions) }
    }

    private func patience(for entry: Entry) -> Duration {
        entry.request.patience ?? configuration.acknowledgementDeadline
    }

    private var hasRoom: Bool { room.bytes < configuration.maximumHandedBytes }

    /// An acknowledgement arrived.
    mutating func acknowledged(
        _ requestID: RequestID,
        code: ErrorCode,
        message: String,
        now: Instant,
        into actions: inout [Action]
    ) {
        guard let lane = lanes[requestID] else {
            actions.append(.report(.unknownAcknowledgement(requestID, code)))
            return
        }
        let outstanding = lane.outstanding.flatMap { id in entries[id].map { (id: id, entry: $0) } }
        let isWritten = if case .written = outstanding?.entry.stage { true } else { false }
        if lane.debt > 0 {
            // It may be the answer to a frame that was given up. Until those are counted, none is taken for a newer one.
            lanes[requestID]?.debt -= 1
            unanswered -= 1
            if isWritten, let outstanding { entries[outstanding.id]?.sawAmbiguous(code) }
            actions.append(.report(.lateAcknowledgement(requestID, code)))
            dropLaneIfEmpty(requestID)
            return
        }
        guard isWritten, let outstanding else {
            // Nothing of that `req_id` has left: a repeated answer to an older frame.
            actions.append(.report(.unknownAcknowledgement(requestID, code)))
            return
        }
        settle(outstanding.id, outstanding.entry, code: code, message: message, now: now, into: &actions)
    }

    /// The caller no longer waits.
    mutating func cancel(_ id: SendID, now: Instant, into actions: inout [Action]) {
        guard let entry = entries[id], let waiter = entry.waiter else { return }
        let requestID = entry.request.requestID
        switch entry.stage {
        case .queued:
            // It may have been written down already that it leaves.
            if entry.departure != .none { actions.append(.record(id, .waiting)) }
            actions.append(.resolve(waiter, entry.refusal(.init("cancelled before it was sent"))))
            removeQueued(id, requestID)
            advance(requestID, now: now, into: &actions)
        case .repeating(let code):
            let reason = Delivery.Reason(code: code.rawValue, "cancelled before it was sent again")
            actions.append(.resolve(waiter, entry.refusal(reason)))
            release(id, requestID, now: now, into: &actions)
        case .handed:
            actions.append(.resolve(waiter, .unknown(.init("cancelled after it was sent"))))
            entries[id]?.waiter = nil
            deadlines.remove(id)
        case .written(let at):
            actions.append(.resolve(waiter, .unknown(.init("cancelled after it was sent"))))
            entries[id]?.waiter = nil
            deadlines.set(at + configuration.slotExpiry, for: id)
        }
    }

    /// Does what is due.
    mutating func expire(now: Instant, into actions: inout [Action]) {
        while let (deadline, id) = deadlines.first, deadline <= now {
            guard let entry = entries[id] else {
                deadlines.remove(id)
                continue
            }
            let requestID = entry.request.requestID
            switch entry.stage {
            case .queued:
                actions.append(.report(.requestTooOld(requestID)))
                if let waiter = entry.waiter { actions.append(.resolve(waiter, entry.refusal(.init(Self.tooLate)))) }
                removeQueued(id, requestID)
                advance(requestID, now: now, into: &actions)
            case .repeating(let code) where entry.validUntil <= now:
                let reason = Delivery.Reason(code: code.rawValue, Self.tooLate)
                if let waiter = entry.waiter { actions.append(.resolve(waiter, entry.refusal(reason))) }
                release(id, requestID, now: now, into: &actions)
            case .repeating:
                requeue(id, entry, into: &actions)
                advance(requestID, now: now, into: &actions)
            case .handed:
                if let waiter = entry.waiter { actions.append(.resolve(waiter, .unknown(.init(Self.tooLate)))) }
                entries[id]?.waiter = nil
                deadlines.remove(id)
            case .written(let at):
                if let waiter = entry.waiter {
                    let reason = "no acknowledgement within \(patience(for: entry))"
                    actions.append(.resolve(waiter, .unknown(.init(reason))))
                    entries[id]?.waiter = nil
                    deadlines.set(at + configuration.slotExpiry, for: id)
                } else {
                    actions.append(.report(.acknowledgementMissing(requestID)))
                    lanes[requestID]?.debt += 1
                    unanswered += 1
                    doubt(id, entry, writtenAt: at)
                    release(id, requestID, now: now, into: &actions)
                }
            }
        }
        while let (deadline, conversation) = wakes.first, deadline <= now {
            wake(conversation, now: now, into: &actions)
        }
    }

    private static var tooLate: String { "the time in which it could be sent is over" }
}

// MARK: - One frame at a time

extension RequestTable {
    /// Hands the next request of a `req_id` over if nothing is before it. One that is too old stays: its deadline is due.
    mutating func advance(_ requestID: RequestID, now: Instant, into actions: inout [Action]) {
        while isOpen, let lane = lanes[requestID], lane.outstanding == nil, lane.waitsFor == nil,
            let id = lane.queue.first, let entry = entries[id], entry.validUntil > now
        {
            // What has seconds to arrive is small, and goes ahead of what the socket holds.
            guard hasRoom || entry.request.priority == .high else { return room.waiting.append(requestID) }
            switch verdict(entry, now: now) {
            case .go where entry.request.isRecorded && entry.departure != .allowed:
                return askToDepart(id, entry, now: now, into: &actions)
            case .go:
                lanes[requestID]?.queue.removeFirst()
                lanes[requestID]?.outstanding = id
                return hand(id, entry, now: now, into: &actions)
            case .wait(let until):
                return pace(requestID, entry, until: until, into: &actions)
            case .refuse:
                actions.append(.report(.skipped(requestID)))
                let reason = Delivery.Reason("left out: the conversation's rate limit is nearly reached")
                if let waiter = entry.waiter { actions.append(.resolve(waiter, entry.refusal(reason))) }
                removeQueued(id, requestID)
            }
        }
    }

    private mutating func hand(_ id: SendID, _ entry: Entry, now: Instant, into actions: inout [Action]) {
        // It was counted when it was asked to depart, and counts from now on.
        if entry.departure == .allowed { refund(id, entry) }
        pay(id, entry, now: now, into: &actions)
        let ticket = makeTicket()
        tickets[ticket] = id
        room.bytes += entry.request.bytes.count
        entries[id]?.stage = .handed
        entries[id]?.ambiguous = .none
        deadlines.set(entry.validUntil, for: id)
        actions.append(
            .write(
                FrameWrite(
                    ticket: ticket,
                    requestID: entry.request.requestID,
                    content: .request(entry.request.bytes),
                    priority: entry.request.priority
                )
            )
        )
    }

    /// Gives the answer to a frame to its waiter and frees the slot, or sends the frame again.
    private mutating func settle(
        _ id: SendID,
        _ entry: Entry,
        code: ErrorCode,
        message: String,
        now: Instant,
        into actions: inout [Action]
    ) {
        let requestID = entry.request.requestID
        let reason = Delivery.Reason(code: code.rawValue, message)
        let outcome: Delivery
        switch entry.ambiguous {
        case .someNot:
            outcome = .unknown(reason)
        case .allOK:
            outcome = code == .ok ? .delivered : .unknown(reason)
        case .none where code == .ok:
            outcome = .delivered
        case .none where entry.isWanted && code.isPassing && entry.conflicts < configuration.conflictDelays.count:
            entries[id]?.conflicts += 1
            actions.append(.report(.conflict(requestID, code)))
            let delay = configuration.conflictDelays[entry.conflicts]
            return postpone(id, entry, after: delay, code, now: now, into: &actions)
        case .none where entry.isWanted && code.isNotSubscribed && entry.isHopeful(now, configuration):
            entries[id]?.notSubscribedSince = entry.notSubscribedSince ?? now
            refund(id, entry)
            return requeue(id, entry, into: &actions)
        case .none where entry.isWanted && code.isThrottled:
            actions.append(.report(.throttled(requestID, code)))
            if throttled(id, entry, code, now: now, into: &actions) { return }
            outcome = entry.refusal(reason)
        case .none:
            outcome = entry.refusal(reason)
        }
        if let waiter = entry.waiter {
            actions.append(.resolve(waiter, outcome))
        } else {
            actions.append(.report(.lateAcknowledgement(requestID, code)))
        }
        closeStream(of: entry, after: outcome)
        release(id, requestID, now: now, into: &actions)
    }

    /// Keeps an outstanding frame, and its place, to be sent again.
    mutating func postpone(
        _ id: SendID,
        _ entry: Entry,
        after delay: Duration,
        _ code: ErrorCode,
        now: Instant,
        into actions: inout [Action]
    ) {
        standsWaiting(id, into: &actions)
        entries[id]?.stage = .repeating(code)
        deadlines.set(min(entry.validUntil, now + delay), for: id)
    }

    /// Puts an outstanding frame back to the front of its queue, to be sent on the next connection.
    mutating func requeue(_ id: SendID, _ entry: Entry, into actions: inout [Action]) {
        standsWaiting(id, into: &actions)
        let requestID = entry.request.requestID
        entries[id]?.stage = .queued
        lanes[requestID]?.outstanding = nil
        lanes[requestID]?.queue.insert(id, at: 0)
        deadlines.set(entry.validUntil, for: id)
    }

    /// Forgets an outstanding frame; the next one of its `req_id` goes.
    private mutating func release(_ id: SendID, _ requestID: RequestID, now: Instant, into actions: inout [Action]) {
        erase(id)
        lanes[requestID]?.outstanding = nil
        advance(requestID, now: now, into: &actions)
        dropLaneIfEmpty(requestID)
    }

    private mutating func removeQueued(_ id: SendID, _ requestID: RequestID) {
        if lanes[requestID]?.queue.first == id { stopPacing(requestID) }
        // It was counted, and does not leave.
        if let entry = entries[id], entry.departure != .none { refund(id, entry) }
        erase(id)
        lanes[requestID]?.queue.removeAll { $0 == id }
        dropLaneIfEmpty(requestID)
    }

    /// Nothing follows a final update, whatever became of it: its stream is no longer known.
    mutating func erase(_ id: SendID) {
        deadlines.remove(id)
        guard let entry = entries.removeValue(forKey: id), entry.request.kind == .finalUpdate,
            let charge = entry.request.charge
        else { return }
        budgets.forgetStream(of: charge)
    }

    private mutating func dropLaneIfEmpty(_ requestID: RequestID) {
        if lanes[requestID]?.isEmpty == true { lanes[requestID] = nil }
    }
}
