package import BotCore
package import BotFoundation
package import LWSTransport

/// The long connection of one bot: it does what ``ConnectionMachine`` decides.
///
/// Lives on an event loop. Each event enters the machine, the mutation ends, and then the actions are carried out; nothing
/// here waits, and no code of a bot's author runs here.
package actor LongConnection {
    /// Takes a message, on the loop: it must not block.
    package typealias Receiver = @Sendable (Inbound, any ReplyChannel) -> Void
    /// Takes an event, on the loop: it must not block.
    package typealias EventReceiver = @Sendable (Event, any EventChannel) -> Void

    typealias Machine = ConnectionMachine<CheckedContinuation<SendResult, Never>>

    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.unownedExecutor }

    private var configuration: LongConnectionConfiguration
    private(set) var environment: any ConnectionEnvironment
    /// Until the end: what it holds may hold the connection, as a message that waits for its turn does.
    private var receiver: Receiver?
    private var eventReceiver: EventReceiver?
    /// What makes messages for handlers of what arrives.
    package private(set) var reader: InboundReader
    private var journal: ConnectionJournal
    private let codec = FrameCodec()
    private(set) var machine: Machine
    private var socket: (any FrameSocket)?
    private var alarm: (timer: TimerID, deadline: ContinuousClock.Instant)?
    private var nextSendID: UInt64 = 1
    /// Fulfilled while frames can go, and when none ever will again.
    private var passage = Promise<Void>()
    /// Called once, before anybody is told that nothing is sent any more.
    private var ending: (@Sendable () -> Void)?
    private let observers = StateObservers()
    private var ended: CheckedContinuation<Void, Never>?
    private var shutdownHandler: ShutdownHandlerID?
    private var hasRun = false
    /// Where what is pushed is written down, if it is.
    nonisolated let ledger: Ledger?
    nonisolated let log: Log
    /// The records of the sends that are under way, and those that are about to leave.
    var records: [SendID: PushRecord] = [:]
    var departing: [Departure] = []
    /// When those are looked at again that the store did not take.
    var departureRetry: TimerID?
    /// Whether the bot is ending: then who no longer waits for a message has not given it up.
    nonisolated let isLeaving = Locked(false)
    /// A latch: something is about to leave.
    nonisolated let (departures, departure) = AsyncStream.makeStream(
        of: Void.self,
        bufferingPolicy: .bufferingNewest(1)
    )
    var network = NetworkWatch()
    /// What another process left.
    nonisolated let (leftPushes, leftPush) = AsyncStream.makeStream(of: [SavedPush].self)
    /// The chunks of uploads that wait for their turn.
    nonisolated let uploads = UploadLine()
    /// The group webhook; it may be one that is configured nowhere.
    package nonisolated let groupWebhook: GroupWebhook

    /// A connection that connects when it is ``run()``.
    ///
    /// - Parameter ledger: Where what is pushed is written down, so that another process knows of it; `nil` for nowhere.
    /// - Parameter ending: Is called on the loop, once, when it ends or gives its place up for good: after that nothing is sent, and
    ///   nobody who waits for a verdict has been told so yet. It must not block.
    /// - Throws: ``LongConnectionError`` if the configuration cannot work.
    package init(
        _ configuration: LongConnectionConfiguration,
        on loop: EventLoop,
        ledger: Ledger? = nil,
        log: Log = .disabled,
        ending: (@Sendable () -> Void)? = nil,
        onEvent: @escaping EventReceiver = { _, _ in },
        receiver: @escaping Receiver
    ) throws(LongConnectionError) {
        let environment = LiveEnvironment(configuration, on: loop)
        try self.init(
            configuration,
            on: loop,
            environment: environment,
            ledger: ledger,
            log: log,
            ending: ending,
            onEvent: onEvent,
            receiver: receiver
        )
    }

    init(
        _ configuration: LongConnectionConfiguration,
        on loop: EventLoop,
        environment: any ConnectionEnvironment,
        seed: UInt64 = .random(in: .min ... .max),
        ledger: Ledger? = nil,
        log: Log = .disabled,
        ending: (@Sendable () -> Void)? = nil,
        onEvent: @escaping EventReceiver = { _, _ in },
        receiver: @escaping Receiver
    ) throws(LongConnectionError) {
        do throws(ConnectionConfigurationError) {
            machine = try Machine(configuration: configuration.machine, seed: seed)
        } catch {
            throw LongConnectionError(.invalidConfiguration, error.description)
        }
        self.loop = loop
        self.environment = environment
        self.receiver = receiver
        self.ending = ending
        self.ledger = ledger
        self.log = log
        eventReceiver = onEvent
        self.configuration = configuration
        groupWebhook = GroupWebhook(configuration.groupWebhook, on: loop)
        reader = InboundReader()
        reader.botName = configuration.botName
        reader.media = environment.media(configuration.media)
        journal = ConnectionJournal(log: log, configuration, now: .now)
    }

    // MARK: - The owner's side

    /// Connects, and stays connected until ``stop()`` or until the task is cancelled; returns when the connection has ended. Once.
    package func run() async {
        precondition(!hasRun, "a long connection runs once")
        hasRun = true
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.letDepart() }
            group.addTask { await self.sendLeftPushes() }
            await withTaskCancellationHandler {
                await withCheckedContinuation { start(until: $0) }
            } onCancel: {
                beginEnding()
                loop.execute { self.assumeIsolated { $0.stop() } }
            }
            group.cancelAll()
        }
    }

    /// Whether it has ended because another connection took the place and the policy is ``DisplacementPolicy/stop``.
    package var endedDisplaced: Bool { machine.endedDisplaced }

    private func start(until end: CheckedContinuation<Void, Never>) {
        guard machine.state != .stopped else { return end.resume() }
        ended = end
        // Between two connections nothing else would tell that the loop has ended.
        shutdownHandler = loop.assumeIsolated { loop in
            loop.onShutdown { [weak self] in self?.assumeIsolated { $0.stop() } }
        }
        let actions = machine.start(now: environment.now)
        perform(actions)
        if Task.isCancelled { stop() }
    }

    /// Ends it: whatever waits for a verdict is told at once, and the connection is closed with 1000.
    ///
    /// - Parameter limit: How long the close handshake may take, if that is less than the configuration says.
    package func stop(within limit: Duration? = nil) {
        if let limit {
            var hurried = configuration.machine
            hurried.closeDeadline = min(limit, hurried.closeDeadline)
            let actions = machine.change(to: hurried, movesElsewhere: false, now: environment.now)
            perform(actions)
        }
        let actions = machine.stop(now: environment.now)
        perform(actions)
    }

    /// Takes another configuration, at once. If the place or the credentials are others, the connection is closed with 1000 and
    /// made anew; answers that are not through go on the new one, as on any other. Everything else changes without touching it.
    ///
    /// - Parameter latest: gives the configuration when it is this call's turn, so that of many calls at once the last one counts.
    /// - Returns: Whether the connection is made anew.
    /// - Throws: ``LongConnectionError`` if it cannot work; nothing is changed then.
    @discardableResult
    package func reload(
        _ latest: @Sendable () -> LongConnectionConfiguration
    ) throws(LongConnectionError) -> Bool {
        let configuration = latest()
        let problems = configuration.machine.problems
        guard problems.isEmpty else {
            throw LongConnectionError(.invalidConfiguration, problems.joined(separator: "; "))
        }
        let movesElsewhere = !configuration.leadsToTheSamePlace(as: self.configuration)
        if configuration.media != self.configuration.media { reader.media = environment.media(configuration.media) }
        self.configuration = configuration
        if movesElsewhere { environment = environment.leading(to: configuration) }
        reader.botName = configuration.botName
        groupWebhook.reload(configuration.groupWebhook)
        journal.change(configuration)
        let actions = machine.change(
            to: configuration.machine,
            movesElsewhere: movesElsewhere,
            now: environment.now
        )
        perform(actions)
        return movesElsewhere
    }

    /// Where the connection stands.
    package var state: ConnectionState { machine.state }

    /// What happened so far, in numbers.
    package var statistics: ConnectionStatistics { journal.statistics }

    /// All of that, and how long it has been so.
    package func snapshot() -> ConnectionSnapshot {
        var snapshot = ConnectionSnapshot(machine.state, since: journal.stateSince)
        snapshot.readySince = machine.readySince
        snapshot.lastFrame = journal.lastFrame
        snapshot.lastPong = machine.lastPong
        snapshot.attempts = Int(clamping: machine.epoch)
        snapshot.unsettled = machine.requestCount
        snapshot.queued = machine.requests.queuedCount
        snapshot.handedBytes = machine.requests.room.bytes
        snapshot.statistics = journal.statistics
        return snapshot
    }

    /// How many sends have no verdict yet, or hold back the next one of their `req_id`.
    package var unsettled: Int { machine.requestCount }

    /// The present state, and from then on every change; it ends after `stopped`. A reader that falls 256 changes behind
    /// loses the oldest ones, never the latest.
    package func states() -> AsyncStream<ConnectionState> { observers.states() }

    /// What a conversation may still be sent, answers and pushes together.
    func remainingSends(in conversation: Conversation) -> SendBudget {
        machine.remainingSends(conversation, now: environment.now)
    }

    /// Whether a time has come.
    func isPast(_ instant: ContinuousClock.Instant) -> Bool { environment.now >= instant }

    /// How many read ``states()`` now.
    nonisolated var observerCount: Int { observers.count }

    /// Sends a frame and waits for its verdict. Cancelling the task ends the waiting, not the sending.
    func send(_ request: Request, record: PushRecord? = nil) async -> Delivery {
        await result(of: request, record: record).delivery
    }

    /// Sends a frame and waits for its verdict, and for what the acknowledgement says. Cancelling the task ends the waiting, not the
    /// sending.
    ///
    /// - Parameter record: Where it is written down, if the request is recorded.
    func result(of request: Request, record: PushRecord? = nil) async -> SendResult {
        let id = SendID(rawValue: nextSendID)
        nextSendID += 1
        records[id] = record
        defer { records[id] = nil }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { waiter in
                let actions = machine.send(request, id: id, waiter: waiter, now: environment.now)
                perform(actions)
                if Task.isCancelled { cancel(id) }
            }
        } onCancel: {
            loop.execute { self.assumeIsolated { $0.cancel(id) } }
        }
    }

    /// Waits for a connection that takes frames.
    ///
    /// - Returns: Whether there is one; not if it has ended or the task is cancelled.
    func takesFrames() async -> Bool {
        while machine.isOffline {
            guard await passage.value() != nil else { return false }
        }
        return !machine.isEnding
    }

    func cancel(_ id: SendID) {
        let actions = machine.cancel(id, now: environment.now)
        perform(actions)
    }

    /// The way to go on with an answer that another process has begun; `nil` if the turn's route makes no sense.
    package func channel(resuming turn: SavedTurn) -> (any ReplyChannel)? {
        groupWebhook.isOnlyWay
            ? GroupWebhookReplyChannel(resuming: turn, through: groupWebhook)
            : StreamReplyChannel(connection: self, resuming: turn, streamWindow: configuration.streamWindow)
    }

    // MARK: - The socket's side

    private func handle(_ event: WebSocketEvent, epoch: UInt64) {
        let now = environment.now
        let actions: [Machine.Action]
        switch event {
        case .opened: actions = machine.opened(epoch: epoch, now: now)
        case .message(let bytes, _): return handle(bytes, epoch: epoch, now: now)
        case .activity: actions = machine.alive(epoch: epoch, now: now)
        case .written(let ticket): actions = machine.written(Ticket(rawValue: ticket), epoch: epoch, now: now)
        case .drained: return
        case .closed(let closure):
            if epoch == machine.epoch { socket = nil }
            actions = machine.closed(epoch: epoch, reason: closure.summary, now: now)
        }
        perform(actions)
    }

    private func handle(_ bytes: [UInt8], epoch: UInt64, now: ContinuousClock.Instant) {
        journal.trace("in", bytes)
        guard epoch == machine.epoch else { return }
        journal.sawFrame(now: now)
        let frame: ServerFrame
        do throws(WireError) {
            frame = try codec.decode(bytes)
        } catch {
            journal.malformed(error, bytes: bytes.count)
            let actions = machine.alive(epoch: epoch, now: now)
            return perform(actions)
        }
        switch frame {
        case .acknowledgement(let answer):
            journal.acknowledged(answer.code)
            let actions = machine.acknowledged(
                answer.requestID,
                code: answer.code,
                message: configuration.secret.withheld(from: answer.message),
                epoch: epoch,
                now: now
            )
            perform(actions, after: answer)
        case .callback(let callback):
            let isDisplaced = if case .event(let event) = callback.body { event.event == .disconnected } else { false }
            let actions =
                isDisplaced
                ? machine.disconnectedEvent(epoch: epoch, now: now) : machine.alive(epoch: epoch, now: now)
            perform(actions)
            receive(callback, now: now)
        }
    }

    private func receive(_ callback: Callback, now: ContinuousClock.Instant) {
        // Nobody would answer what comes while it closes for good.
        guard !machine.isEnding else { return journal.unhandled(callback) }
        switch callback.body {
        case .message(let message):
            guard let requestID = callback.requestID else { return journal.unhandled(callback) }
            journal.received(message)
            let channel = StreamReplyChannel(
                connection: self,
                requestID: requestID,
                conversation: message.conversation,
                streamWindow: configuration.streamWindow,
                answerableUntil: now + configuration.machine.replyWindow
            )
            let way: any ReplyChannel =
                groupWebhook.isOnlyWay
                ? GroupWebhookReplyChannel(webhook: groupWebhook, route: channel.route) : channel
            receiver?(reader.inbound(message, at: now), way)
        case .event(let callbackEvent):
            // It is about this connection, which has acted on it.
            guard callbackEvent.event != .disconnected else { return journal.unhandled(callback) }
            let event = callbackEvent.event(raw: callback.raw)
            journal.received(event)
            let channel = LongConnectionEventChannel(
                connection: self,
                requestID: callback.requestID,
                event: event,
                validUntil: now + configuration.machine.eventWindow
            )
            eventReceiver?(event, channel)
        case .unknown:
            journal.unhandled(callback)
        }
    }

    // MARK: - Actions

    /// - Parameter answer: the acknowledgement that led to them: what is delivered now is so because of it.
    private func perform(_ actions: [Machine.Action], after answer: Acknowledgement? = nil) {
        if machine.isEnding {
            ending?()
            ending = nil
            uploads.over.fulfill(())
        }
        for action in actions {
            switch action {
            case .connect(let epoch):
                socket = environment.connect { [weak self] event in
                    self?.assumeIsolated { $0.handle(event, epoch: epoch) }
                }
            case .write(let write): self.write(write)
            case .close(_, let code, let reason): socket?.close(code: code, reason: reason)
            case .abort: socket?.abort()
            case .resolve(let waiter, let delivery):
                journal.settled(delivery)
                let acknowledgement = delivery == .delivered ? answer?.raw : nil
                waiter.resume(
                    returning: SendResult(delivery, acknowledgement, connection: machine.epoch, at: environment.now)
                )
            case .report(let incident): journal.report(incident, now: environment.now)
            case .record(let id, let standing): note(standing, of: id)
            case .state(let state): entered(state)
            }
        }
        if !machine.isOffline { passage.fulfill(()) } else if passage.current != nil { passage = Promise() }
        setAlarm()
    }

    /// It is written down that requests leave, as was asked for.
    func depart(_ written: [Departure]) {
        for departure in written {
            let actions = machine.depart(departure.id, epoch: departure.epoch, now: environment.now)
            perform(actions)
        }
    }

    /// - Parameter reason: for people.
    func networkCameUp(now: ContinuousClock.Instant, because reason: String) {
        let actions = machine.networkCameUp(now: now)
        guard !actions.isEmpty else { return }
        log(.info, "\(reason): trying again at once", [.bot: configuration.botID])
        perform(actions)
    }

    private func write(_ write: FrameWrite) {
        let priority: SendPriority =
            switch write.priority {
            case .high: .high
            case .normal: .normal
            case .low: .low
            }
        do {
            let bytes =
                switch write.content {
                case .request(let bytes): bytes
                case .ping: try codec.encode(.ping(write.requestID))
                case .subscribe:
                    try codec.encode(
                        .subscribe(
                            write.requestID,
                            botID: configuration.botID,
                            secret: configuration.secret
                        )
                    )
                }
            journal.trace("out", bytes)
            try socket?.send(bytes, priority: priority, ticket: write.ticket.rawValue)
        } catch {
            // The socket is closing: its end, which follows, settles what was on its way. (It is never given more than it can take.)
            journal.writeFailed(error)
            socket?.abort()
        }
    }

    private func entered(_ state: ConnectionState) {
        journal.entered(state, epoch: machine.epoch, now: environment.now)
        observers.enter(state)
        watchNetwork(in: state)
        guard state == .stopped else { return }
        if let departureRetry { environment.cancel(departureRetry) }
        receiver = nil
        eventReceiver = nil
        groupWebhook.end()
        if let shutdownHandler { loop.assumeIsolated { $0.forget(shutdownHandler) } }
        ended?.resume()
        ended = nil
    }

    /// Keeps one timer for the machine's next deadline. One that is armed for an earlier time is left alone: it finds nothing
    /// due, and is armed anew; that is cheaper than to move it with every frame.
    private func setAlarm() {
        guard let deadline = machine.nextDeadline else {
            if let alarm { environment.cancel(alarm.timer) }
            alarm = nil
            return
        }
        if let alarm {
            guard deadline < alarm.deadline else { return }
            environment.cancel(alarm.timer)
        }
        let timer = environment.schedule(at: deadline) { [weak self] in self?.assumeIsolated { $0.alarmWentOff() } }
        alarm = (timer, deadline)
    }

    private func alarmWentOff() {
        alarm = nil
        let now = environment.now
        // A byte that never became an event, such as a ping of the WebSocket protocol, counts as life too.
        if let silence = socket?.timeSinceLastByte, machine.isAwaitingLife(since: now - silence) {
            let actions = machine.alive(epoch: machine.epoch, now: now)
            perform(actions)
        }
        let actions = machine.tick(now: now)
        perform(actions)
    }
}

extension WebSocketClosure {
    /// In a few words, for logs; the peer's text is not in it.
    fileprivate var summary: String {
        if let error { return error.message }
        switch code {
        case 1005: return "the server closed the connection without a code"
        case 1006: return "the connection was lost without a close frame"
        default: return byPeer ? "the server closed the connection with code \(code)" : "closed with code \(code)"
        }
    }
}
