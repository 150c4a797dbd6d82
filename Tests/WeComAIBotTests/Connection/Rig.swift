import BotCore

@testable import WeComAIBot

typealias Machine = ConnectionMachine<Int>
typealias Instant = ContinuousClock.Instant

/// A machine, its clock, and what its driver would know. A send's waiter and id are the same number.
struct Rig {
    static let origin = Instant.now

    var machine: Machine
    var now = Rig.origin
    var log: [Machine.Action] = []
    /// The last subscribe and ping, and each request's last write.
    var subscribeID = RequestID(rawValue: "none")
    var pingID = RequestID(rawValue: "none")
    var tickets: [String: Ticket] = [:]

    init(_ configuration: ConnectionConfiguration = ConnectionConfiguration(), seed: UInt64 = 7) throws {
        machine = try Machine(configuration: configuration, seed: seed)
    }

    var epoch: UInt64 { machine.epoch }

    /// What the actions say, in few words; reports are left out.
    @discardableResult
    mutating func note(_ actions: [Machine.Action]) -> [String] {
        log += actions
        return actions.compactMap { action in
            switch action {
            case .connect(let epoch): return "connect \(epoch)"
            case .write(let frame):
                switch frame.content {
                case .subscribe:
                    subscribeID = frame.requestID
                    return "write subscribe"
                case .ping:
                    pingID = frame.requestID
                    tickets["ping"] = frame.ticket
                    return "write ping"
                case .request(let bytes):
                    let text = String(decoding: bytes, as: UTF8.self)
                    tickets[text] = frame.ticket
                    return "write \(text)"
                }
            case .close(_, let code, _): return "close \(code)"
            case .abort: return "abort"
            case .resolve(let waiter, .delivered): return "\(waiter) delivered"
            case .resolve(let waiter, .redirected): return "\(waiter) redirected"
            case .resolve(let waiter, .refused(let reason)):
                return "\(waiter) refused" + (reason.code.map { " \($0)" } ?? "")
            case .resolve(let waiter, .unknown(let reason)):
                return "\(waiter) unknown" + (reason.code.map { " \($0)" } ?? "")
            case .state(let state): return "state \(Self.name(state))"
            case .record(let id, let standing): return "\(id.rawValue) \(standing)"
            case .report: return nil
            }
        }
    }

    static func name(_ state: ConnectionState) -> String {
        switch state {
        case .idle: "idle"
        case .connecting: "connecting"
        case .subscribing: "subscribing"
        case .ready: "ready"
        case .waiting: "waiting"
        case .displaced: "displaced"
        case .credentialsRejected: "credentialsRejected"
        case .closing: "closing"
        case .stopped: "stopped"
        }
    }

    var stateName: String { Self.name(machine.state) }

    /// The incidents so far.
    var incidents: [Incident] {
        log.compactMap { if case .report(let incident) = $0 { incident } else { nil } }
    }

    /// When the next attempt is, if one is waited for.
    var retryAt: Instant? {
        switch machine.state {
        case .waiting(let retryAt, _), .displaced(_, let retryAt?), .credentialsRejected(_, let retryAt, _): retryAt
        case .displaced(_, nil): nil
        case .idle, .connecting, .subscribing, .ready, .closing, .stopped: nil
        }
    }

    // MARK: Events

    @discardableResult mutating func start() -> [String] { note(machine.start(now: now)) }
    @discardableResult mutating func stop() -> [String] { note(machine.stop(now: now)) }
    @discardableResult mutating func tick() -> [String] { note(machine.tick(now: now)) }
    @discardableResult mutating func opened() -> [String] { note(machine.opened(epoch: epoch, now: now)) }
    @discardableResult mutating func alive() -> [String] { note(machine.alive(epoch: epoch, now: now)) }
    @discardableResult mutating func networkCameUp() -> [String] { note(machine.networkCameUp(now: now)) }
    @discardableResult mutating func displaced() -> [String] {
        note(machine.disconnectedEvent(epoch: epoch, now: now))
    }
    /// Takes another heartbeat interval, and perhaps another place.
    @discardableResult mutating func change(moves: Bool, _ interval: Duration = .seconds(20)) -> [String] {
        var configuration = machine.configuration
        configuration.heartbeatInterval = interval
        return note(machine.change(to: configuration, movesElsewhere: moves, now: now))
    }
    @discardableResult mutating func closed(epoch: UInt64? = nil) -> [String] {
        note(machine.closed(epoch: epoch ?? self.epoch, reason: "peer", now: now))
    }
    @discardableResult mutating func cancel(_ id: UInt64) -> [String] {
        note(machine.cancel(SendID(rawValue: id), now: now))
    }

    /// Says that it is written down that a request leaves.
    @discardableResult mutating func depart(_ id: UInt64, epoch: UInt64? = nil) -> [String] {
        note(machine.depart(SendID(rawValue: id), epoch: epoch ?? self.epoch, now: now))
    }

    /// Moves the clock, then ticks.
    @discardableResult mutating func after(_ duration: Duration) -> [String] {
        now += duration
        return tick()
    }

    /// Sends request `id`; its frame's text is `<req_id><id>`.
    @discardableResult
    mutating func send(
        _ id: Int,
        _ requestID: String = "a",
        _ kind: Request.Kind = .finalUpdate,
        validUntil: Instant? = nil,
        in chat: String? = nil,
        isRecorded: Bool = false
    ) -> [String] {
        let request = Request(
            requestID: RequestID(rawValue: requestID),
            bytes: Array("\(requestID)\(id)".utf8),
            kind: kind,
            validUntil: validUntil,
            charge: chat.map {
                Charge(
                    conversation: Conversation(kind: .single, id: $0),
                    item: kind == .once ? .push : .stream("stream of \(requestID)")
                )
            },
            isRecorded: isRecorded
        )
        return note(machine.send(request, id: SendID(rawValue: UInt64(id)), waiter: id, now: now))
    }

    /// Reports that a frame, named by its text, is with the kernel.
    @discardableResult mutating func written(_ text: String) -> [String] {
        note(machine.written(tickets[text] ?? Ticket(rawValue: 0), epoch: epoch, now: now))
    }

    @discardableResult mutating func ack(_ requestID: String, _ code: Int = 0, _ message: String = "m") -> [String] {
        ack(RequestID(rawValue: requestID), code, message)
    }

    @discardableResult mutating func ack(_ requestID: RequestID, _ code: Int = 0, _ message: String = "m") -> [String] {
        note(
            machine.acknowledged(
                requestID,
                code: ErrorCode(rawValue: code),
                message: message,
                epoch: epoch,
                now: now
            )
        )
    }

    /// Sends a request and reports it written.
    mutating func sendWritten(
        _ id: Int,
        _ requestID: String = "a",
        _ kind: Request.Kind = .finalUpdate,
        in chat: String? = nil
    ) {
        send(id, requestID, kind, in: chat)
        written("\(requestID)\(id)")
    }

    /// Waits for the next attempt and subscribes.
    @discardableResult mutating func reconnect() -> [String] {
        if let retryAt { now = max(now, retryAt) }
        tick()
        opened()
        return ack(subscribeID)
    }

    // MARK: States

    static func connecting(_ configuration: ConnectionConfiguration = ConnectionConfiguration()) throws -> Rig {
        var rig = try Rig(configuration)
        rig.start()
        return rig
    }

    static func subscribing(_ configuration: ConnectionConfiguration = ConnectionConfiguration()) throws -> Rig {
        var rig = try connecting(configuration)
        rig.opened()
        return rig
    }

    static func ready(_ configuration: ConnectionConfiguration = ConnectionConfiguration()) throws -> Rig {
        var rig = try subscribing(configuration)
        rig.ack(rig.subscribeID)
        return rig
    }
}
