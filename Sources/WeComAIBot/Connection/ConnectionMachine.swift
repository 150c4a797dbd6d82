import BotCore
import BotFoundation

/// Decides what happens on a long connection; its driver does it.
///
/// A pure value: no clock, no I/O, no continuation, nothing asynchronous. Each event is a method that takes the time and
/// returns what is to be done; the driver does that after the call has returned, and arms one timer for ``nextDeadline``.
///
/// Each connection attempt has a number, its epoch. Events of a connection that the machine has given up are ignored, so
/// the driver need not keep late ones back.
///
/// The driver must report `written` before anything that arrives after it: an acknowledgement of a frame that is not yet
/// written is taken for a repeated one of an earlier frame.
struct ConnectionMachine<Waiter: Sendable>: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// What is going on; with ``state``, which says the same for people.
    enum Phase: Sendable {
        case idle
        case connecting(deadline: Instant)
        case subscribing(RequestID, deadline: Instant)
        case ready(Heartbeat, since: Instant)
        /// No connection; the next attempt has a time.
        case retrying(at: Instant)
        /// The connection before the next one closes; nothing is handed to it any more.
        case replacing(deadline: Instant)
        case closing(deadline: Instant)
        case stopped
    }

    var configuration: ConnectionConfiguration
    var phase = Phase.idle
    /// Where the connection stands.
    var state = ConnectionState.idle
    /// Whether it ended for good because it was displaced.
    private(set) var endedDisplaced = false
    /// The number of the last connection attempt; 0 before the first.
    private(set) var epoch: UInt64 = 0
    /// When a ping was last answered with yes.
    var lastPong: Instant?
    var requests: RequestTable<Waiter>
    var schedule: ReconnectSchedule
    var generator: SplitMix64

    /// A machine that has not been started.
    ///
    /// - Parameter seed: for the jitter and for our `req_id`s. Two machines must not have the same.
    /// - Throws: every problem of the configuration.
    init(
        configuration: ConnectionConfiguration = ConnectionConfiguration(),
        seed: UInt64
    ) throws(ConnectionConfigurationError) {
        let problems = configuration.problems
        guard problems.isEmpty else { throw ConnectionConfigurationError(problems: problems) }
        self.configuration = configuration
        requests = RequestTable(configuration: configuration)
        schedule = ReconnectSchedule(configuration)
        generator = SplitMix64(seed: seed)
    }

    /// When to call ``tick(now:)``; ask again after each event.
    var nextDeadline: Instant? {
        [phaseDeadline, requests.nextDeadline].compactMap(\.self).min()
    }

    /// How many requests are unsettled.
    var requestCount: Int { requests.count }

    /// Whether there is no connection that takes frames, but there will be.
    var isOffline: Bool {
        switch phase {
        case .idle, .connecting, .subscribing, .retrying, .replacing: true
        case .ready, .closing, .stopped: false
        }
    }

    /// Whether it has ended, or is about to: nothing is sent any more.
    var isEnding: Bool {
        switch phase {
        case .closing, .stopped: true
        case .idle, .connecting, .subscribing, .ready, .retrying, .replacing: false
        }
    }

    /// Since when it is ready.
    var readySince: Instant? { if case .ready(_, let since) = phase { since } else { nil } }

    /// What a conversation may still be sent.
    mutating func remainingSends(_ conversation: Conversation, now: Instant) -> SendBudget {
        requests.budgets.remaining(conversation, now: now)
    }

    /// Whether a sign of life is owed that something which arrived at `instant` would be.
    func isAwaitingLife(since instant: Instant) -> Bool {
        if case .ready(let heartbeat, _) = phase { heartbeat.isAwaitingLife(since: instant) } else { false }
    }

    private var phaseDeadline: Instant? {
        switch phase {
        case .idle, .stopped: nil
        case .connecting(let deadline), .subscribing(_, let deadline), .replacing(let deadline), .closing(let deadline):
            deadline
        case .ready(let heartbeat, _): heartbeat.nextDeadline
        case .retrying(let at): at
        }
    }
}

// MARK: - The owner

extension ConnectionMachine {
    /// Connects. Only the first call does anything.
    mutating func start(now: Instant) -> [Action] {
        var actions: [Action] = []
        if case .idle = phase { connect(now: now, into: &actions) }
        return actions
    }

    /// Takes a frame and the waiter of its verdict.
    mutating func send(_ request: Request, id: SendID, waiter: Waiter, now: Instant) -> [Action] {
        var actions: [Action] = []
        switch phase {
        case .closing, .stopped:
            if request.isRecorded { actions.append(.record(id, .left)) }
            actions.append(.resolve(waiter, .refused(.init("stopped before it was sent"))))
        case .idle, .connecting, .subscribing, .ready, .retrying, .replacing:
            requests.enqueue(request, id: id, waiter: waiter, now: now, into: &actions)
        }
        return actions
    }

    /// It is written down that a request is about to leave, as was asked for on that connection.
    mutating func depart(_ id: SendID, epoch: UInt64, now: Instant) -> [Action] {
        var actions: [Action] = []
        // Asked for anew on another connection, it has to be written down anew.
        if epoch == self.epoch { requests.depart(id, now: now, into: &actions) }
        return actions
    }

    /// The caller no longer waits for a send. Its waiter is told, unless it has been.
    mutating func cancel(_ id: SendID, now: Instant) -> [Action] {
        var actions: [Action] = []
        requests.cancel(id, now: now, into: &actions)
        return actions
    }

    /// Ends everything: waiters are told at once, nothing more is handed over, and the connection is closed with 1000.
    mutating func stop(now: Instant) -> [Action] {
        var actions: [Action] = []
        switch phase {
        case .closing, .stopped:
            return []
        case .idle, .retrying:
            requests.stop(into: &actions)
            enter(.stopped, .stopped, into: &actions)
        case .connecting:
            requests.stop(into: &actions)
            actions.append(.abort(epoch: epoch))
            enter(.stopped, .stopped, into: &actions)
        case .subscribing, .ready:
            requests.stop(into: &actions)
            actions.append(.close(epoch: epoch, code: 1000, reason: "stopped"))
            enter(.closing(deadline: now + configuration.closeDeadline), .closing, into: &actions)
        case .replacing(let deadline):
            requests.stop(into: &actions)
            enter(.closing(deadline: deadline), .closing, into: &actions)
        }
        return actions
    }
}

// MARK: - The connection

extension ConnectionMachine {
    /// The WebSocket is open.
    mutating func opened(epoch: UInt64, now: Instant) -> [Action] {
        guard epoch == self.epoch, case .connecting = phase else { return [] }
        var actions: [Action] = []
        let ticket = requests.makeTicket()
        let id = RequestID.fresh(for: .subscribe, stamp: epoch, using: &generator)
        enter(.subscribing(id, deadline: now + configuration.subscribeDeadline), .subscribing, into: &actions)
        actions.append(.write(FrameWrite(ticket: ticket, requestID: id, content: .subscribe, priority: .high)))
        return actions
    }

    /// The last byte of a frame is with the kernel.
    mutating func written(_ ticket: Ticket, epoch: UInt64, now: Instant) -> [Action] {
        guard epoch == self.epoch else { return [] }
        var actions: [Action] = []
        switch phase {
        case .idle, .connecting, .subscribing, .retrying, .closing, .stopped: return []
        case .replacing: break
        case .ready(var heartbeat, let since):
            heartbeat.written(ticket)
            phase = .ready(heartbeat, since: since)
        }
        requests.written(ticket, now: now, into: &actions)
        return actions
    }

    /// The network came up, or the machine woke. An attempt that waits because the one before it failed is made now.
    mutating func networkCameUp(now: Instant) -> [Action] {
        guard case .retrying(let planned) = phase, case .waiting(_, let reason) = state,
            let retryAt = schedule.networkCameUp(now: now, using: &generator), retryAt < planned
        else { return [] }
        var actions: [Action] = []
        enter(.retrying(at: retryAt), .waiting(retryAt: retryAt, reason: reason), into: &actions)
        return actions
    }

    /// Any bytes arrived that are not an acknowledgement or a `disconnected_event`.
    mutating func alive(epoch: UInt64, now: Instant) -> [Action] {
        guard epoch == self.epoch, case .ready(var heartbeat, let since) = phase else { return [] }
        heartbeat.alive()
        phase = .ready(heartbeat, since: since)
        return []
    }

    /// How much of the server's `errmsg` is passed on.
    private static var maximumMessageBytes: Int { 200 }

    /// An acknowledgement arrived.
    mutating func acknowledged(
        _ requestID: RequestID,
        code: ErrorCode,
        message: String,
        epoch: UInt64,
        now: Instant
    ) -> [Action] {
        guard epoch == self.epoch else { return [] }
        let message = message.prefix(maximumBytes: Self.maximumMessageBytes)
        var actions: [Action] = []
        switch phase {
        case .idle, .connecting, .retrying, .closing, .stopped:
            break
        case .replacing:
            requests.acknowledged(requestID, code: code, message: message, now: now, into: &actions)
        case .subscribing(requestID, _):
            subscribeAnswered(code, message: message, now: now, into: &actions)
        case .subscribing:
            actions.append(.report(.unknownAcknowledgement(requestID, code)))
        case .ready(var heartbeat, let since):
            heartbeat.acknowledged()
            phase = .ready(heartbeat, since: since)
            if code.isNotSubscribed { requests.hold() }
            if heartbeat.pingID == requestID {
                ponged(code, now: now, into: &actions)
            } else {
                requests.acknowledged(requestID, code: code, message: message, now: now, into: &actions)
            }
            if code.isNotSubscribed {
                actions.append(.report(.subscriptionLost))
                lose("the subscription was lost", .abort, now: now, into: &actions)
            }
        }
        return actions
    }

    /// A `disconnected_event` arrived: another connection of this bot has subscribed.
    mutating func disconnectedEvent(epoch: UInt64, now: Instant) -> [Action] {
        guard epoch == self.epoch else { return [] }
        var actions: [Action] = []
        switch phase {
        case .idle, .connecting, .retrying, .replacing, .closing, .stopped: return []
        case .subscribing, .ready: break
        }
        let wasWar = schedule.isWar
        let since = schedule.displaced(readySince: readySince, now: now)
        actions.append(.report(.displaced(times: schedule.displacements)))
        if schedule.isWar, !wasWar {
            actions.append(.report(.displacementWar(times: schedule.displacements)))
        }
        actions.append(.close(epoch: epoch, code: 1000, reason: "displaced"))
        requests.linkEnded(.flushed, into: &actions)
        wait(displacedSince: since, now: now, into: &actions)
        return actions
    }

    /// The connection has ended, in whatever way, or could not be made.
    ///
    /// - Parameter reason: for people; what the transport says.
    mutating func closed(epoch: UInt64, reason: String, now: Instant) -> [Action] {
        guard epoch == self.epoch else { return [] }
        var actions: [Action] = []
        switch phase {
        case .idle, .retrying, .stopped:
            break
        case .connecting, .subscribing, .ready:
            actions.append(.report(.connectionLost(reason: reason)))
            lose(reason, .ended, now: now, into: &actions)
        case .replacing:
            replace(now: now, into: &actions)
        case .closing:
            enter(.stopped, .stopped, into: &actions)
        }
        return actions
    }
}

// MARK: - The clock

extension ConnectionMachine {
    /// Does what is due. Calling it early, late or twice does no harm.
    mutating func tick(now: Instant) -> [Action] {
        var actions: [Action] = []
        // The connection first: if it is dead, final updates are sent again rather than given up for want of an answer.
        while let deadline = phaseDeadline, deadline <= now { phaseExpired(now: now, into: &actions) }
        requests.expire(now: now, into: &actions)
        if case .ready = phase, requests.unanswered > configuration.maximumUnanswered {
            // What was handed over a moment ago is not to be written to a connection that is given up.
            actions.removeAll { if case .write = $0 { true } else { false } }
            actions.append(.report(.tooManyUnanswered))
            lose("too many frames were not acknowledged", .abort, now: now, into: &actions)
            while let deadline = phaseDeadline, deadline <= now { phaseExpired(now: now, into: &actions) }
            requests.expire(now: now, into: &actions)  // what goes again may be too old
        }
        return actions
    }

    private mutating func phaseExpired(now: Instant, into actions: inout [Action]) {
        switch phase {
        case .idle, .stopped:
            break
        case .connecting:
            actions.append(.report(.connectTimedOut))
            lose("connecting took too long", .abort, now: now, into: &actions)
        case .subscribing:
            actions.append(.report(.subscribeTimedOut))
            lose("the subscribe was not answered", .abort, now: now, into: &actions)
        case .ready(let heartbeat, let since):
            beat(heartbeat, readySince: since, now: now, into: &actions)
        case .retrying:
            connect(now: now, into: &actions)
        case .replacing:
            actions.append(.abort(epoch: epoch))
            replace(now: now, into: &actions)
        case .closing:
            actions.append(.abort(epoch: epoch))
            enter(.stopped, .stopped, into: &actions)
        }
    }
}

// MARK: - Transitions

extension ConnectionMachine {
    enum Ending {
        /// It is over already.
        case ended
        case abort
        case close
    }

    mutating func enter(_ phase: Phase, _ state: ConnectionState, into actions: inout [Action]) {
        self.phase = phase
        guard state != self.state else { return }
        self.state = state
        actions.append(.state(state))
    }

    mutating func connect(now: Instant, into actions: inout [Action]) {
        epoch += 1
        schedule.attempted(now: now)
        enter(.connecting(deadline: now + configuration.connectDeadline), .connecting, into: &actions)
        actions.append(.connect(epoch: epoch))
    }

    /// Does what the policy says about having been displaced.
    mutating func wait(displacedSince since: Instant, now: Instant, into actions: inout [Action]) {
        if configuration.displacementPolicy == .stop {
            requests.stop(into: &actions)
            endedDisplaced = true
            let deadline = now + configuration.closeDeadline
            enter(.closing(deadline: deadline), .displaced(since: since, retryAt: nil), into: &actions)
        } else {
            let retryAt = schedule.retryAfterDisplacement(now: now, using: &generator)
            enter(.retrying(at: retryAt), .displaced(since: since, retryAt: retryAt), into: &actions)
        }
    }

    /// Gives the connection up and waits for the next attempt.
    mutating func lose(_ reason: String, _ ending: Ending, now: Instant, into actions: inout [Action]) {
        end(ending, reason: reason, into: &actions)
        let retryAt = schedule.retryAfterFailure(
            readySince: readySince,
            isRefusal: ending == .close,
            now: now,
            using: &generator
        )
        enter(.retrying(at: retryAt), .waiting(retryAt: retryAt, reason: reason), into: &actions)
    }

    mutating func end(_ ending: Ending, reason: String, into actions: inout [Action]) {
        switch ending {
        case .ended: break
        case .abort: actions.append(.abort(epoch: epoch))
        case .close: actions.append(.close(epoch: epoch, code: 1000, reason: reason))
        }
        requests.linkEnded(ending == .close ? .flushed : .dropped, into: &actions)
    }

    private mutating func subscribeAnswered(
        _ code: ErrorCode,
        message: String,
        now: Instant,
        into actions: inout [Action]
    ) {
        if code == .ok {
            schedule.subscribed()
            let heartbeat = Heartbeat(interval: configuration.heartbeatInterval, now: now)
            enter(.ready(heartbeat, since: now), .ready, into: &actions)
            requests.open(now: now, into: &actions)
        } else if code.isCredentialsRejected {
            actions.append(.report(.credentialsRejected(code, message: message)))
            end(.close, reason: "subscribe refused", into: &actions)
            let (since, retryAt) = schedule.retryAfterRejection(now: now, using: &generator)
            let state = ConnectionState.credentialsRejected(since: since, retryAt: retryAt, code: code)
            enter(.retrying(at: retryAt), state, into: &actions)
        } else {
            actions.append(.report(.subscribeRefused(code, message: message)))
            // Not the server's words, which may differ each time: the same trouble is to be recognised as the same.
            lose("the server refused the subscribe (errcode \(code))", .close, now: now, into: &actions)
        }
    }
}
