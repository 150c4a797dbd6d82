import BotFoundation

/// The service at the far end of the long connection, as a value: what it does on each event, without a clock or a socket.
///
/// Where the official documents say nothing, it decides for the reading that a client has to be most careful with:
/// * a second subscribe on a subscribed socket is refused with 40058;
/// * a displaced socket is of no further use: everything on it is answered 846609;
/// * a frame for a finished stream is refused with 846608;
/// * a second stream of a `req_id` while the first is unfinished (and not yet too old) is refused with 40058;
/// * a refused frame has no effect at all;
/// * a stream frame without `content` leaves the text as it is.
///
/// A client that breaks a rule gets the error code *and* an ``Observation/Event/violation(_:_:)``; a client that meets a
/// limit of time (846604, 846608) gets only the code.
package struct GatewayMachine: Sendable {
    /// What the driver has to do, in order.
    package enum Action: Sendable, Hashable {
        /// Send a message.
        case send(ConnectionID, [UInt8], isText: Bool)
        /// Send a close frame, and close.
        case close(ConnectionID, code: UInt16, reason: String)
        /// Drop the socket.
        case abort(ConnectionID)
        /// Stop reading from the socket.
        case pauseReading(ConnectionID)
        /// Read again.
        case resumeReading(ConnectionID)
        /// Tell whoever watches.
        case observe(Observation)
    }

    /// What happens to a connection later.
    enum Deferred: Sendable {
        case acknowledge(ConnectionID, requestID: String, code: ServerCode, body: JSONValue?)
        case end(ConnectionID, code: UInt16)

        var connection: ConnectionID {
            switch self {
            case .acknowledge(let id, _, _, _), .end(let id, _): id
            }
        }
    }

    /// One socket.
    struct Connection: Sendable {
        /// `open` → `subscribed` → `displaced`; `subscribed` → `open` when the service forgets it.
        enum State: Sendable, Hashable { case open, subscribed(bot: String), displaced }

        var state: State = .open
        var isMuted = false
        /// The driver has been told to end it; only its `disconnected` is still to come.
        var isEnding = false
    }

    let configuration: GatewayConfiguration
    let codec = GatewayCodec()
    var connections: [ConnectionID: Connection] = [:]
    /// The one effective connection of each bot.
    var effective: [String: ConnectionID] = [:]
    var callbacks: [String: Callback] = [:]
    var callbackOrder: [String] = []
    var requestIDs: [String: String] = [:]
    /// Where somebody has spoken, and whether that is a group.
    var conversations: [String: Bool] = [:]
    var streamIDs: [String: String] = [:]
    var uploads: [String: SimulatedUpload] = [:]
    var media: [String: ReceivedMedia] = [:]
    /// What the acknowledgement of the frame that is being handled says besides its code.
    var answerBody: JSONValue?
    var faults: [Fault] = []
    var deferred = Schedule<Deferred>()
    var generator: SplitMix64
    var nextID = 1
    var actions: [Action] = []
    private let startedAt: ContinuousClock.Instant
    private let unixTime: Int

    /// Makes a service that has seen nobody yet.
    ///
    /// - Parameters:
    ///   - now: the present moment on the clock that all events are measured on.
    ///   - unixTime: the same moment in seconds since 1970; only `create_time` of callbacks depends on it.
    package init(configuration: GatewayConfiguration, now: ContinuousClock.Instant, unixTime: Int) {
        self.configuration = configuration
        self.unixTime = unixTime
        startedAt = now
        generator = SplitMix64(seed: configuration.seed)
    }

    /// When ``tick(now:)`` has something to do; `nil`: nothing is waiting.
    package var nextDeadline: ContinuousClock.Instant? { deferred.next }

    /// The connection that is subscribed for a bot.
    package func subscribedConnection(of bot: String) -> ConnectionID? { effective[bot] }

    /// What the user has seen of the answer to a message, bubble by bubble; empty while there is none.
    package func answer(to messageID: String) -> [Bubble] {
        guard let requestID = requestIDs[messageID] else { return [] }
        return callbacks[requestID]?.bubbles ?? []
    }

    /// The body of the frame that answered an event; `nil` while there is none.
    package func answer(toEvent messageID: String) -> JSONValue? {
        requestIDs[messageID].flatMap { callbacks[$0]?.answer }
    }

    // MARK: Events

    /// A socket was opened.
    package mutating func connected(_ id: ConnectionID, now: ContinuousClock.Instant) -> [Action] {
        connections[id] = Connection()
        observe(.opened(id), now)
        return flush()
    }

    /// A socket ended, whoever ended it.
    package mutating func disconnected(
        _ id: ConnectionID,
        code: UInt16 = 1_006,
        now: ContinuousClock.Instant
    ) -> [Action] {
        guard let connection = connections.removeValue(forKey: id) else { return [] }
        if case .subscribed(let bot) = connection.state { effective[bot] = nil }
        deferred.remove { $0.connection == id }
        observe(.closed(id, code: code), now)
        return flush()
    }

    /// A message arrived, whole.
    package mutating func received(
        _ bytes: [UInt8],
        isText: Bool = true,
        on id: ConnectionID,
        now: ContinuousClock.Instant
    ) -> [Action] {
        guard let connection = connections[id], !connection.isEnding else { return [] }
        let frame: GatewayCodec.ClientFrame
        do throws(GatewayCodec.Malformed) {
            frame = try codec.decode(bytes)
        } catch {
            violation(id, "malformed frame: \(error)", now)
            return flush()
        }
        observe(.received(id, command: frame.command, requestID: frame.requestID, bytes: bytes.count), now)
        if !isText { violation(id, "\(frame.command) in a binary message", now) }
        guard !connection.isMuted else { return flush() }
        process(frame, on: id, now)
        return flush()
    }

    /// Time has passed; to be called when ``nextDeadline`` is reached.
    package mutating func tick(now: ContinuousClock.Instant) -> [Action] {
        for item in deferred.take(until: now) {
            switch item {
            case .acknowledge(let id, let requestID, let code, let body):
                acknowledge(requestID, code, body, on: id, now)
            case .end(let id, let code): end(id, code: code, now)
            }
        }
        return flush()
    }

    // MARK: Frames

    private mutating func process(
        _ frame: GatewayCodec.ClientFrame,
        on id: ConnectionID,
        _ now: ContinuousClock.Instant
    ) {
        let latency = drawLatency()
        var acknowledgedAt = now + latency
        var handledUntil = acknowledgedAt
        var aftermath: ConnectionFault?
        var isAnswered = true

        switch takeFrameFault(for: frame) {
        case nil: break
        case .ignore: return
        case .answer(let code):
            acknowledge(frame.requestID, code, nil, on: id, at: acknowledgedAt, now)
            return
        case .instead(let fault):
            apply(fault, to: id, now)
            return
        case .dropAcknowledgement: isAnswered = false
        case .delay(let duration):
            acknowledgedAt += duration
            handledUntil = acknowledgedAt
        case .delayAcknowledgement(let duration): acknowledgedAt += duration
        case .after(let fault):
            isAnswered = false
            aftermath = fault
        }

        answerBody = nil
        let code = handle(frame, on: id, until: handledUntil, now)
        if isAnswered { acknowledge(frame.requestID, code, answerBody, on: id, at: acknowledgedAt, now) }
        if frame.command == ClientCommand.subscribe.rawValue, code == .ok { displaceOthers(than: id, now) }
        if let aftermath { apply(aftermath, to: id, now) }
    }

    private mutating func handle(
        _ frame: GatewayCodec.ClientFrame,
        on id: ConnectionID,
        until handledUntil: ContinuousClock.Instant,
        _ now: ContinuousClock.Instant
    ) -> ServerCode {
        let command = ClientCommand(rawValue: frame.command)
        if command == .subscribe { return subscribe(frame, on: id, now) }
        guard case .subscribed(let bot) = connections[id]?.state else {
            violation(id, "\(frame.command.prefix(64)) while not subscribed", now)
            return .notSubscribed
        }
        switch command {
        case .subscribe, .ping: return .ok
        case .respond: return respond(frame, bot: bot, on: id, until: handledUntil, now)
        case .welcome: return welcome(frame, bot: bot, on: id, now)
        case .updateCard: return updateCard(frame, bot: bot, on: id, now)
        case .send: return send(frame, on: id, now)
        case .uploadInit: return uploadInit(frame, bot: bot, on: id, now)
        case .uploadChunk: return uploadChunk(frame, bot: bot, on: id, now)
        case .uploadFinish: return uploadFinish(frame, bot: bot, on: id, now)
        case nil:
            violation(id, "unknown command \(frame.command.prefix(64))", now)
            return .invalidMessageType
        }
    }

    private mutating func drawLatency() -> Duration {
        switch configuration.acknowledgementLatency {
        case .fixed(let duration): duration
        case .upTo(let duration): duration * Double.random(in: 0...1, using: &generator)
        }
    }

    // MARK: Actions

    private mutating func acknowledge(
        _ requestID: String,
        _ code: ServerCode,
        _ body: JSONValue?,
        on id: ConnectionID,
        at due: ContinuousClock.Instant,
        _ now: ContinuousClock.Instant
    ) {
        if due > now {
            deferred.add(.acknowledge(id, requestID: requestID, code: code, body: body), at: due)
        } else {
            acknowledge(requestID, code, body, on: id, now)
        }
    }

    private mutating func acknowledge(
        _ requestID: String,
        _ code: ServerCode,
        _ body: JSONValue?,
        on id: ConnectionID,
        _ now: ContinuousClock.Instant
    ) {
        guard transmit(codec.acknowledgement(of: requestID, code: code, body: body), on: id) else { return }
        observe(.acknowledged(id, requestID: requestID, code: code), now)
    }

    /// Sends, unless the connection is mute or ending.
    @discardableResult
    mutating func transmit(_ bytes: [UInt8], isText: Bool = true, on id: ConnectionID) -> Bool {
        guard let connection = connections[id], !connection.isMuted, !connection.isEnding else { return false }
        actions.append(.send(id, bytes, isText: isText))
        return true
    }

    /// Ends a connection; what the driver reports afterwards ends it in the books.
    mutating func end(_ id: ConnectionID, code: UInt16, _ now: ContinuousClock.Instant) {
        guard connections[id]?.isEnding == false else { return }
        connections[id]?.isEnding = true
        if case .subscribed(let bot) = connections[id]?.state { effective[bot] = nil }
        connections[id]?.state = .displaced
        deferred.remove { $0.connection == id }
        actions.append(code == 1_006 ? .abort(id) : .close(id, code: code, reason: ""))
    }

    mutating func observe(_ event: Observation.Event, _ now: ContinuousClock.Instant) {
        actions.append(.observe(Observation(at: now, event: event)))
    }

    mutating func violation(_ id: ConnectionID, _ text: String, _ now: ContinuousClock.Instant) {
        observe(.violation(id, text), now)
    }

    mutating func flush() -> [Action] {
        defer { actions = [] }
        return actions
    }

    /// Seconds since 1970.
    func unixTime(at now: ContinuousClock.Instant) -> Int {
        unixTime + Int((now - startedAt).components.seconds)
    }
}
