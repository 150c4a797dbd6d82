package import BotFoundation

/// Brings messages to the handler and its answers back: duplicates out, one turn per conversation at a time, handlers on
/// threads of their own.
package final class Dispatcher: Sendable {
    struct State {
        var machine: DispatcherMachine
        var hasRun = false
        /// When everything is to have ended, the store too, if that is known.
        var endsBy: ContinuousClock.Instant?
        /// Gives the way back to who wrote what another process left.
        var resume: Resume?
        /// Takes the messages that another process left and that are no answers.
        var resend: (@Sendable ([SavedPush]) -> Void)?

        /// A turn as it was, and the way back to the user, if it is known.
        typealias Resume = @Sendable (SavedTurn) async -> (SavedTurn, any ReplyChannel)?
        /// How often there was no room, by what was full.
        var rejections: [Lanes<Turn>.Bound: Repetition] = [:]
        /// How often no thread was free.
        var shortages = Repetition()
    }

    private let handler: any BotHandler
    let timeline: Timeline
    /// What is owed, if it is written down.
    package let ledger: Ledger?
    let log: Log
    private let pool: ThreadPool
    let state: Locked<State>
    /// Turns to start. Not bounded by itself: the lanes and the number of busy answers bound what is put in.
    private let turns: AsyncStream<Turn>
    private let starter: AsyncStream<Turn>.Continuation
    private let idle = Promise<Void>()
    private let answered = Promise<Void>()
    /// The time for handlers is over.
    private let expired = Promise<Void>()
    /// No new messages are taken.
    private let stopped = Promise<Void>()

    /// A dispatcher that keeps what it receives until ``run()`` is called.
    ///
    /// - Parameters:
    ///   - store: Where what is owed is written down, so that another process can pay it; `nil` for nowhere.
    ///   - unixTime: Milliseconds since 1970.
    package init(
        handler: any BotHandler,
        configuration: DispatcherConfiguration = .init(),
        store: (any StateStore)? = nil,
        clock: any Clock<Duration> = ContinuousClock(),
        unixTime: @escaping @Sendable () -> Int64 = UnixTime.milliseconds,
        log: Log = .disabled
    ) {
        self.handler = handler
        self.log = log
        let timeline = Timeline(clock)
        self.timeline = timeline
        var window = Ledger.Window()
        window.capacity = configuration.duplicateCapacity
        window.timeToLive = configuration.duplicateTimeToLive
        ledger = store.map { Ledger($0, window: window, timeline: timeline, unixTime: unixTime, log: log) }
        pool = ThreadPool(name: "bot-handler", maximumThreads: configuration.maximumHandlerThreads)
        state = Locked(State(machine: DispatcherMachine(configuration: configuration)))
        (turns, starter) = AsyncStream.makeStream(bufferingPolicy: .unbounded)
    }

    /// What it has done and is doing.
    package var statistics: DispatcherStatistics {
        var statistics = state.withLock { $0.machine.statistics }
        statistics.storeFailures = ledger?.failures ?? 0
        return statistics
    }

    /// Takes other texts and times for what begins from now on. The bounds stay as they were.
    package func reload(_ configuration: DispatcherConfiguration) {
        state.withLock { $0.machine.configuration = configuration }
    }

    var configuration: DispatcherConfiguration { state.withLock { $0.machine.configuration } }
}

// MARK: Intake

extension Dispatcher {
    /// Takes a message. Any thread; never blocks and never runs a handler on the caller's thread.
    ///
    /// A message that was received before is dropped. One for which there is no room is answered with
    /// ``DispatcherConfiguration/busyText``, and is not remembered, so that it counts if it is delivered again. One that comes after
    /// the intake has stopped is written down for the next process; where that is not possible, it is one for which there is no room.
    package func receive(_ message: Inbound, through channel: any ReplyChannel) {
        let now = timeline.now
        let (route, receivedAt) = ledger.map { (channel.route, $0.now) } ?? (nil, 0)
        let canWait = route != nil && ledger?.isHealthy == true
        let (admission, record) = state.withLock { state in
            let record = ledger.map { ledger in
                let number = ledger.makeNumber()
                let turn = SavedTurn(number: number, message: message, route: route, receivedAt: receivedAt)
                return TurnRecord(turn, in: ledger)
            }
            let turn = Turn(message: message, channel: channel, record: record, arrived: now)
            return (state.machine.admit(turn, now: now, canWait: canWait), record)
        }
        switch admission {
        case .start(let turn):
            record?.advance()
            start(turn)
        case .queued:
            record?.advance()
        case .duplicate:
            ledger?.saw(message.id)
            channel.dropped(saying: nil)
            log(.debug, "a message was delivered again", Self.facts(message))
        case .kept:
            record?.advance()
            log(.notice, "a message came after the intake had stopped; the next start answers it", Self.facts(message))
        case .refused(let answer):
            log(.notice, "a message came after the intake had stopped", Self.facts(message))
            if let answer { start(answer) }
        case .rejected(let bound, let answer):
            let count = state.withLock { $0.rejections[bound, default: Repetition()].next(now: now) }
            let facts: KeyValuePairs<LogKey, String> = [
                .messageID: message.id, .conversation: message.conversation.id, .count: count.map(String.init) ?? "",
            ]
            log(count == nil ? .debug : .warning, bound.complaint, count == nil ? Self.facts(message) : facts)
            if let answer { start(answer) } else { channel.dropped(saying: configuration.busyText) }
        }
    }

    func start(_ turn: Turn) {
        var next: Turn? = turn
        while let turn = next {
            guard case .terminated = starter.yield(turn) else { return }
            // `run()` has ended. Its lane is emptied, so that the books say so.
            log(.notice, "a message came when everything had ended", Self.facts(turn.message))
            next = state.withLock { state in
                state.machine.answered()
                return state.machine.completed(turn, with: nil)
            }
        }
        announce()
    }

    static func facts(_ message: Inbound) -> KeyValuePairs<LogKey, String> {
        [.messageID: message.id, .conversation: message.conversation.id]
    }
}

// MARK: Turns

extension Dispatcher {
    /// Runs turns until everything has ended after ``drain(deadline:)``, or until its task is cancelled, which gives answers no
    /// time to end well. It cannot return before every handler has. Calling it twice is a programming error.
    ///
    /// - Parameter closesStore: Whether the store is closed then; otherwise ``closeStore()`` is to be called, when nothing that is
    ///   written down can change any more.
    @concurrent package func run(closesStore: Bool = true) async {
        let isFirst = state.withLock { state in
            defer { state.hasRun = true }
            return !state.hasRun
        }
        precondition(isFirst, "Dispatcher.run() was called twice")

        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.recoverLater() }
            group.addTask { await self.ledger?.retryFailures() }
            await withDiscardingTaskGroup { group in
                for await turn in turns {
                    group.addTask { await self.perform(turn) }
                }
            }
            group.cancelAll()
        }
        starter.finish()
        // They hold the channel, which holds this. Not let go of under the lock.
        _ = state.withLock { state in
            defer { (state.resume, state.resend) = (nil, nil) }
            return (state.resume, state.resend)
        }
        if closesStore { await closeStore() }
        idle.fulfill(())
        answered.fulfill(())
    }

    /// Writes what is left, and closes the store.
    package func closeStore() async {
        let rest = state.withLock { $0.endsBy }.map { $0 - timeline.now } ?? Ledger.patience
        await ledger?.close(within: min(max(rest, Self.leastClosingTime), Ledger.patience))
    }

    private func perform(_ turn: Turn) async {
        let turn = await gathered(turn)
        let begun: SavedAnswer? = if case .resumed(let answer) = turn.kind { answer } else { nil }
        let stream = ReplyStream(
            capabilities: turn.channel.capabilities,
            configuration: configuration.stream,
            resuming: begun ?? .init(),
            record: turn.record,
            log: log
        )
        // From here on the handler counts as started, even if the process dies: it runs at most once.
        await turn.record?.start(stream)
        if case .handled = turn.kind, await isTooLate(turn) { return }
        await closeParts(of: turn)
        switch turn.kind {
        // It has ended before any of it is sent.
        case .busy(let text): stream.end(with: text)
        case .resumed(let answer) where answer.isComplete: stream.end()
        case .resumed: stream.fail(apology: configuration.interruptedText)
        case .handled: break
        }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await stream.run(through: turn.channel, timeline: self.timeline)
                self.settle(turn, stream)
                self.state.withLock { $0.machine.answered() }
                self.announce()
            }
            if case .handled = turn.kind { await supervise(turn, stream) }
        }
        let next = state.withLock { $0.machine.completed(turn, with: stream.outcome) }
        if let next { start(next) }
        announce()
    }

    /// Whether the time for handlers was over before this one's could start. Then its message is one of those that wait.
    private func isTooLate(_ turn: Turn) async -> Bool {
        switch state.withLock({ $0.machine.beginning() }) {
        case .start:
            return false
        case .kept:
            turn.record?.waitAgain()
            log(.notice, "a message that waits is answered after the next start", Self.facts(turn.message))
        case .rejected:
            for turn in [turn] + turn.earlier { turn.record?.close() }
            for part in turn.earlier { part.channel.dropped(saying: configuration.busyText) }
            log(.warning, "a message that waited for its turn was not answered", Self.facts(turn.message))
        }
        if let answer = state.withLock({ $0.machine.abandoned(turn) }) { await perform(answer) }
        announce()
        return true
    }

    /// Waits for what belongs to the message, if that is wanted.
    private func gathered(_ turn: Turn) async -> Turn {
        var turn = turn
        while true {
            let (present, now) = (turn, timeline.now)
            let waitsUntil: ContinuousClock.Instant?
            (turn, waitsUntil) = state.withLock { $0.machine.gather(present, now: now) }
            guard let waitsUntil, !Task.isCancelled else { return turn }
            _ = await timeline.reaches(stopped, by: waitsUntil)
        }
    }

    /// The handler is about to get all parts of a message: only the last of them has an answer, in this process and the next. Before, a
    /// restart finds each as it came.
    private func closeParts(of turn: Turn) async {
        guard !turn.earlier.isEmpty else { return }
        for part in turn.earlier {
            part.record?.close()
            part.channel.dropped(saying: configuration.mergedText)
        }
        log(
            .debug,
            "messages that came together are handled as one",
            [
                .messageID: turn.message.id, .conversation: turn.message.conversation.id,
                .count: "\(turn.earlier.count + 1)",
            ]
        )
        await ledger?.barrier()
    }

    /// The answer has its verdict.
    private func settle(_ turn: Turn, _ stream: ReplyStream) {
        guard let outcome = stream.outcome else { return }
        let isEnding = Task.isCancelled || state.withLock { !$0.machine.isAccepting }
        if isEnding, let record = turn.record, stream.isOwed {
            record.leave()
            log(.notice, "the next start sends an answer that could not be sent", Self.facts(turn.message))
            return
        }
        turn.record?.close()
        let what = turn.isRecovered ? "an answer from before the start" : "an answer"
        switch outcome {
        case .redirected(let reason):
            log(.notice, "\(what) was delivered another way than it was begun: \(reason)", Self.facts(turn.message))
        case .refused(let reason):
            log(.notice, "\(what) was not delivered: \(reason)", Self.facts(turn.message))
        case .unknown(let reason):
            log(.notice, "\(what) may not have been delivered: \(reason)", Self.facts(turn.message))
        case .delivered:
            if turn.isRecovered { log(.info, "\(what) was delivered", Self.facts(turn.message)) }
        }
    }

    /// Returns when the handler has. The handler is cancelled when the time is over.
    private func supervise(_ turn: Turn, _ stream: ReplyStream) async {
        let begun = Promise<Void>()
        let now = timeline.now
        state.withLock { $0.machine.handlerWaits(now: now) }
        async let _ = complain(ofNoThreadFor: turn, until: begun)
        await withTaskGroup(of: Void.self) { group in
            group.addTask(executorPreference: pool) {
                let now = self.timeline.now
                self.state.withLock { $0.machine.handlerBegins(now: now) }
                begun.fulfill(())
                await self.handle(turn, stream)
            }
            group.addTask { _ = await self.expired.value() }
            await group.next()
            // If the handler has returned or failed, this is too late to have an effect.
            stream.cancel(notice: configuration.interruptedText)
            group.cancelAll()
        }
    }

    /// How long the store may take to be closed even if everything ends late.
    private static let leastClosingTime = Duration.seconds(1)
    /// How long a turn may wait for a thread before that is worth a line: a burst of messages is over by then.
    package static let threadPatience = Duration.seconds(1)

    private func complain(ofNoThreadFor turn: Turn, until begun: Promise<Void>) async {
        guard pool.isExhausted, begun.current == nil else { return }
        if await timeline.reaches(begun, by: timeline.now + Self.threadPatience) || Task.isCancelled { return }
        let now = timeline.now
        guard let count = state.withLock({ $0.shortages.next(now: now) }) else { return }
        log(
            .warning,
            "a message waits for a thread: handlers block all \(pool.maximumThreads) of them",
            [.messageID: turn.message.id, .conversation: turn.message.conversation.id, .count: String(count)]
        )
    }

    /// Runs on a thread of the pool: the handler may block it.
    private func handle(_ turn: Turn, _ stream: ReplyStream) async {
        do {
            try await handler.handle(turn.message, reply: Reply(stream, through: turn.channel))
            stream.end()
        } catch  where Task.isCancelled {
            stream.cancel(notice: configuration.interruptedText)
        } catch {
            state.withLock { $0.machine.handlerFailed() }
            // The error's text may quote the message, so only its type is logged at this level.
            log(.error, "the handler failed: \(type(of: error))", Self.facts(turn.message))
            log(.trace, "the handler failed: \(error)", Self.facts(turn.message))
            stream.fail(apology: configuration.apology)
        }
    }
}

// MARK: Shutdown

extension Dispatcher {
    /// Stops the intake: what comes now is not handled, and what is owed when its verdict comes is left for the next process. Any
    /// thread; never blocks.
    package func stopIntake() {
        state.withLock { $0.machine.drain() }
        stopped.fulfill(())
        announce()
    }

    /// Stops the intake and lets turns end, those that wait as well.
    ///
    /// When `deadline` has passed, or the calling task is cancelled, handlers are cancelled, their answers end with the text
    /// they have, and messages that still wait are left in the store for the next process or, without a store, answered with
    /// ``DispatcherConfiguration/busyText``. Returns when all of that has its verdict, at the latest `grace` after the deadline; a
    /// handler that ignores its cancellation does not hold it up. May be called more than once.
    ///
    /// - Parameter grace: With the deadline, it is also until when ``run()`` waits for the store when everything has ended.
    @concurrent package func drain(deadline: Duration, grace: Duration = .seconds(5)) async {
        let start = timeline.now
        state.withLock { state in
            let end = start + deadline + grace
            state.endsBy = max(end, state.endsBy ?? end)
        }
        stopIntake()
        if await timeline.reaches(idle, by: start + deadline) { return }

        expire()
        let end = timeline.now + grace
        if await !timeline.reaches(answered, by: end) {
            log(.warning, "answers were still on their way when the time to shut down was over")
        }
        let rest = end - timeline.now
        if rest > .zero { await ledger?.barrier(within: min(rest, Ledger.patience)) }
    }

    private func expire() {
        let isKept = ledger?.isHealthy == true
        let (waiting, answers) = state.withLock { $0.machine.expire(keepsWaiting: isKept) }
        expired.fulfill(())
        if !waiting.isEmpty, isKept {
            log(.notice, "messages that wait are answered after the next start", [.count: String(waiting.count)])
        } else if !waiting.isEmpty {
            // What the store has of them is not for the next process: they are told to ask again.
            for turn in waiting { turn.record?.close() }
            log(.warning, "messages that waited for their turn were not answered", [.count: String(waiting.count)])
        }
        for answer in answers { start(answer) }
        starter.finish()
        announce()
    }

    private func announce() {
        for milestone in state.withLock({ $0.machine.milestones }) {
            switch milestone {
            case .idle:
                starter.finish()
                idle.fulfill(())
            case .answered:
                answered.fulfill(())
            }
        }
    }
}

extension Lanes.Bound {
    /// What to say of a message that met it.
    fileprivate var complaint: String {
        switch self {
        case .conversation: "too many messages wait in a conversation"
        case .total: "too many messages wait"
        case .bytes: "the messages that wait take too much memory"
        }
    }
}
