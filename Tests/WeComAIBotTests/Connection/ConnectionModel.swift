import BotCore
import BotFoundation

@testable import WeComAIBot

/// A server, a network, callers and a clock, all at random; and what must be true whatever they do.
///
/// The server may answer late, in any order, or never. It repeats an answer only where it owes none and is owed none:
/// acknowledgements carry nothing by which a repeated one could be told from the answer to the next frame.
struct ConnectionModel {
    struct Statistics {
        var delivered = 0, refused = 0, unknown = 0, connects = 0, debtsPaid = 0, repeatedFinals = 0, duplicates = 0
        var pings = 0, wars = 0, ends = 0, moves = 0, repeatedDoubts = 0
        var paced = 0, throttled = 0, outlasted = 0, refusedPings = 0, deadWriteHalves = 0, lateAnswers = 0
        var calledBack = 0, left = 0

        mutating func add(_ other: Statistics) {
            delivered += other.delivered
            refused += other.refused
            unknown += other.unknown
            connects += other.connects
            debtsPaid += other.debtsPaid
            repeatedFinals += other.repeatedFinals
            duplicates += other.duplicates
            pings += other.pings
            wars += other.wars
            ends += other.ends
            paced += other.paced
            throttled += other.throttled
            outlasted += other.outlasted
            refusedPings += other.refusedPings
            deadWriteHalves += other.deadWriteHalves
            moves += other.moves
            lateAnswers += other.lateAnswers
            calledBack += other.calledBack
            left += other.left
            repeatedDoubts += other.repeatedDoubts
        }
    }

    struct Send {
        let requestID: RequestID
        let kind: Request.Kind
        let sentAt: Instant
        let charge: Charge?
        var outcome: Delivery?
        var isAccepted = false
        var writes = 0
        var lastWrittenAt: Instant?
        var isCancelled = false
        /// Whether the server has answered a ping that was sent after it.
        var isProven = false
        /// Whether it opened something, and whether that has been looked at since it last had no effect.
        var opens = false
        var isCounted = false
        /// When the server first said to it that nobody is subscribed.
        var notSubscribedSince: Instant?
        /// How it stands if it is recorded, how often it was to be written down that it leaves, and of which time that was.
        var standing: Standing?
        var asks = 0, written = 0

        var isDoubtful: Bool {
            guard kind == .finalUpdate, case .unknown(let reason) = outcome else { return false }
            return reason.message.contains("no acknowledgement")
        }
    }

    /// One `req_id` on the current connection, as the rules have it.
    struct Lane {
        var outstanding: (id: Int, writtenAt: Instant?)?
        var debt = 0
        /// Answers that the server still owes, and whether one was ever lost.
        var owed = 0
        var hasLost = false
        /// Whether something arrived that may have been for the outstanding one.
        var isAmbiguous = false
        var lastFirstWrite = 0
    }

    struct Answer {
        let requestID: RequestID
        let code: Int
    }

    var machine: Machine
    var generator: SplitMix64
    var now = Rig.origin
    var statistics = Statistics()
    var failure: String?
    var steps = 0
    /// What is to be written down, and the connection on which that was asked for.
    var asked: [(id: Int, ask: Int, epoch: UInt64)] = []

    var sends: [Int: Send] = [:]
    var nextSend = 1
    var seenTickets: Set<Ticket> = []
    var lastConnect: Instant?
    var isStopped = false
    var stateName = "idle"

    // The current connection.
    var epoch: UInt64 = 0
    var isOpen = false
    var isSubscribed = false
    var subscribeID: RequestID?
    var handed: [FrameWrite] = []
    var answers: [Answer] = []
    var lanes: [RequestID: Lane] = [:]
    /// What was written on it.
    var written: Set<Int> = []
    /// The last ping, and what had been written when it went.
    var ping: (requestID: RequestID, after: Set<Int>)?
    /// How many pings in a row were written and nothing was answered since, and how many were refused.
    var (unansweredPings, refusedPings) = (0, 0)
    /// What we write goes nowhere, although the network says otherwise; what is written to us arrives.
    var isDeaf = false
    /// Until when the server says to everything but the subscribe that nobody is subscribed.
    var outageEnd: Instant?
    /// The server answers at once and says yes.
    var isCalm = false
    var firstWrites: [RequestID: Int] = [:]
    /// When which send opened something in each conversation, and the streams that have begun.
    var openings: [Conversation: [Int: Instant]] = [:]
    var openStreams: Set<String> = []
    /// The number of the present stream of each `req_id`.
    var streams: [RequestID: Int] = [:]

    static let perMinute = 12

    // The place.
    let policy: DisplacementPolicy
    var readySince: Instant?
    /// Since the place was last held for long.
    var displacements = 0
    var isWar = false

    /// The connection before the next one closes, because the configuration has changed.
    var isReplacing = false
    /// The next attempt is one to another place.
    var isMoving = false

    init(seed: UInt64, policy: DisplacementPolicy = .yield) throws {
        self.policy = policy
        var configuration = ConnectionConfiguration()
        configuration.displacementPolicy = policy
        configuration.maximumUnanswered = (seed / 2).isMultiple(of: 2) ? 100_000 : 3
        configuration.rateLimits = RateLimits(perMinute: Self.perMinute, perHour: 200)
        configuration.maximumConversations = seed.isMultiple(of: 2) ? 100 : 1
        machine = try Machine(configuration: configuration, seed: seed)
        generator = SplitMix64(seed: ~seed)
        perform(machine.start(now: now))
    }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &generator) < percent }

    mutating func fail(_ message: String) {
        if failure == nil { failure = message }
    }

    // MARK: Steps

    mutating func step() {
        steps += 1
        switch Int.random(in: 0..<100, using: &generator) {
        case 0..<22: send()
        case 22..<25: cancel()
        case 25..<45: writeSome()
        case 45..<70: answer()
        case 70..<72: if isOpen { perform(machine.alive(epoch: epoch, now: now)) }
        case 72..<73: drop()
        case 73..<74: if isOpen, chance(policy == .takeOver ? 100 : 30) { displace() }
        case 74..<76: stale()
        case 76..<77: if chance(40) { change() }
        case 77..<78: if chance(50) { outageEnd = now + .seconds(Int.random(in: 100...600, using: &generator)) }
        case 78..<79: isDeaf = isOpen
        case 79..<80: perform(machine.networkCameUp(now: now))
        default: passTime()
        }
        network()
        if isDeaf { perform(machine.alive(epoch: epoch, now: now)) }
    }

    mutating func network() {
        letDepart()
        if isReplacing {
            if isCalm || chance(15) { drop() }
        } else if epoch > 0, !isOpen, case .connecting = machine.phase {
            if isCalm || chance(50) {
                isOpen = true
                perform(machine.opened(epoch: epoch, now: now))
            } else if chance(30) {
                drop()
            }
        }
    }

    mutating func send() {
        let id = nextSend
        nextSend += 1
        let requestID = RequestID(rawValue: "r\(Int.random(in: 0..<6, using: &generator))")
        let kind = [Request.Kind.finalUpdate, .intermediateUpdate, .once][Int.random(in: 0..<3, using: &generator)]
        let charge = charge(requestID, kind)
        sends[id] = Send(requestID: requestID, kind: kind, sentAt: now, charge: charge)
        let request = Request(
            requestID: requestID,
            bytes: Array("\(id)".utf8),
            kind: kind,
            charge: charge,
            isRecorded: kind == .once && id.isMultiple(of: 2)
        )
        perform(machine.send(request, id: SendID(rawValue: UInt64(id)), waiter: id, now: now))
    }

    /// The store has written.
    mutating func letDepart() {
        guard isCalm || chance(10) else { return }
        let asked = asked
        self.asked = []
        for (id, ask, epoch) in asked {
            sends[id]?.written = ask
            perform(machine.depart(SendID(rawValue: UInt64(id)), epoch: epoch, now: now))
        }
    }

    /// Two conversations, and things that do not count.
    mutating func charge(_ requestID: RequestID, _ kind: Request.Kind) -> Charge? {
        guard requestID.rawValue != "r0" else { return nil }
        let isFirst = ["r1", "r2", "r3"].contains(requestID.rawValue)
        let conversation = Conversation(kind: .single, id: isFirst ? "张三" : "李四")
        let stream = "\(requestID) \(streams[requestID, default: 0])"
        if kind == .finalUpdate { streams[requestID, default: 0] += 1 }
        return Charge(conversation: conversation, item: kind == .once ? .push : .stream(stream))
    }

    mutating func cancel() {
        guard nextSend > 1 else { return }
        let id = Int.random(in: max(1, nextSend - 20)..<nextSend, using: &generator)
        sends[id]?.isCancelled = true
        perform(machine.cancel(SendID(rawValue: UInt64(id)), now: now))
        if sends[id]?.outcome == nil { fail("send \(id) is not told after its cancellation") }
    }

    /// The kernel takes frames; the server reads each and decides.
    mutating func writeSome() {
        while !handed.isEmpty, isOpen || isReplacing {
            let frame = handed.removeFirst()
            serverReads(frame)
            if case .request(let bytes) = frame.content, let id = Int(String(decoding: bytes, as: UTF8.self)) {
                sends[id]?.lastWrittenAt = now
                written.insert(id)
                lanes[frame.requestID]?.outstanding = (id, now)
            }
            if frame.requestID == ping?.requestID { unansweredPings += 1 }
            perform(machine.written(frame.ticket, epoch: epoch, now: now))
            if !isCalm, chance(30) { return }
        }
    }

    /// It opened nothing, and has to ask again.
    mutating func hadNoEffect(_ id: Int) {
        guard let send = sends[id], let charge = send.charge else { return }
        if send.opens, case .stream(let stream) = charge.item { openStreams.remove(stream) }
        openings[charge.conversation]?[id] = nil
        sends[id]?.opens = false
        sends[id]?.isCounted = false
    }

    mutating func drop() {
        guard epoch > 0 else { return }
        let ended = epoch
        isReplacing = false
        forgetConnection()
        perform(machine.closed(epoch: ended, reason: "dropped", now: now))
    }

    /// Another connection of the bot subscribes.
    mutating func displace() {
        if let readySince, now - readySince >= .seconds(1200) {
            displacements = 0
            isWar = false
        }
        displacements += 1
        let actions = machine.disconnectedEvent(epoch: epoch, now: now)
        let says = actions.contains { if case .report(.displacementWar) = $0 { true } else { false } }
        if says != (displacements >= 3 && !isWar) { fail("says war: \(says), displaced \(displacements) times") }
        isWar = displacements >= 3
        if says { statistics.wars += 1 }
        perform(actions)
    }

    /// What the state says about coming back, against the policy.
    mutating func checkDisplaced(until retryAt: Instant?) {
        guard let retryAt else {
            statistics.ends += 1
            if policy != .stop { fail("ends though the policy is \(policy)") }
            return
        }
        let wait = retryAt - now
        switch policy {
        case .stop: fail("comes back though the policy is stop")
        case .takeOver where !isWar: if wait > .seconds(30) { fail("takes over after \(wait)") }
        case .yield, .takeOver: if wait < .seconds(30) || wait > .seconds(600) { fail("gives way for \(wait)") }
        }
    }

    /// The owner changes the configuration.
    mutating func change() {
        var configuration = machine.configuration
        configuration.heartbeatInterval = .seconds(Int.random(in: 10...60, using: &generator))
        let moves = chance(50)
        if moves {
            isMoving = true
            statistics.moves += 1
        }
        let state = machine.state
        perform(machine.change(to: configuration, movesElsewhere: moves, now: now))
        if !moves, machine.state != state { fail("it is \(machine.state) after a change beside the connection") }
    }

    /// Events of a connection that is over.
    mutating func stale() {
        guard machine.epoch > 1 else { return }
        let old = machine.epoch - 1
        let ticket = Ticket(rawValue: UInt64.random(in: 0..<1000, using: &generator))
        let requestID = RequestID(rawValue: "r1")
        for actions in [
            machine.closed(epoch: old, reason: "old", now: now), machine.opened(epoch: old, now: now),
            machine.disconnectedEvent(epoch: old, now: now), machine.written(ticket, epoch: old, now: now),
            machine.acknowledged(requestID, code: .ok, message: "", epoch: old, now: now),
            machine.alive(epoch: old, now: now),
        ] where !actions.isEmpty {
            fail("an event of an older connection did \(actions)")
        }
    }

    mutating func passTime() {
        switch Int.random(in: 0..<100, using: &generator) {
        case 0..<60: now += .milliseconds(Int.random(in: 0..<700, using: &generator))
        case 60..<80: if let deadline = machine.nextDeadline { now = max(now, deadline) }
        case 80..<90: if let deadline = machine.nextDeadline { now = max(now, deadline - .nanoseconds(1)) }
        case 90..<99: now += .seconds(Int.random(in: 0..<20, using: &generator))
        default: now += .seconds(Int.random(in: 0..<90_000, using: &generator))
        }
        tick()
    }

    mutating func tick() {
        // Slots that expire in this tick are free for the next frame, and owe an answer.
        for (requestID, lane) in lanes {
            if let at = lane.outstanding?.writtenAt, now - at >= .seconds(10) {
                lanes[requestID]?.outstanding = nil
                lanes[requestID]?.debt += 1
            }
        }
        perform(machine.tick(now: now))
        if let deadline = machine.nextDeadline, deadline <= now { fail("the timer would fire again at once") }
    }

    mutating func forgetConnection() {
        isOpen = false
        isSubscribed = false
        subscribeID = nil
        for case .request(let bytes) in handed.map(\.content) {
            guard let id = Int(String(decoding: bytes, as: UTF8.self)), let send = sends[id] else { continue }
            if send.outcome == nil || send.kind == .finalUpdate { hadNoEffect(id) }
        }
        handed = []
        answers = []
        lanes = [:]
        written = []
        ping = nil
        (unansweredPings, refusedPings) = (0, 0)
        isDeaf = false
    }
}
