package import BotFoundation

/// Brings messages to the handler and its answers back: duplicates out, one turn per conversation at a time, handlers on
/// threads of their own.
package final class Dispatcher: Sendable {
    private struct State {
        var machine: DispatcherMachine
        var hasRun = false
        /// How often there was no room, by what was full.
        var rejections: [Lanes<Turn>.Bound: Repetition] = [:]
    }

    private let handler: any BotHandler
    private let timeline: Timeline
    private let log: Log
    private let pool: ThreadPool
    private let state: Locked<State>
    /// Turns to start. Not bounded by itself: the lanes and the number of busy answers bound what is put in.
    private let turns: AsyncStream<Turn>
    private let starter: AsyncStream<Turn>.Continuation
    private let idle = Promise<Void>()
    private let answered = Promise<Void>()
    /// The time for handlers is over.
    private let expired = Promise<Void>()

    /// A dispatcher that keeps what it receives until ``run()`` is called.
    package init(
        handler: any BotHandler,
        configuration: DispatcherConfiguration = .init(),
        clock: any Clock<Duration> = ContinuousClock(),
        log: Log = .disabled
    ) {
        self.handler = handler
        self.log = log
        timeline = Timeline(clock)
        pool = ThreadPool(name: "bot-handler", maximumThreads: configuration.maximumHandlerThreads)
        state = Locked(State(machine: DispatcherMachine(configuration: configuration)))
        (turns, starter) = AsyncStream.makeStream(bufferingPolicy: .unbounded)
    }

    /// What it has done and is doing.
    package var statistics: DispatcherStatistics { state.withLock { $0.machine.statistics } }

    /// Takes other texts and times for what begins from now on. The bounds stay as they were.
    package func reload(_ configuration: DispatcherConfiguration) {
        state.withLock { $0.machine.configuration = configuration }
    }

    private var configuration: DispatcherConfiguration { state.withLock { $0.machine.configuration } }
}

// MARK: Intake

extension Dispatcher {
    /// Takes a message. Any thread; never blocks and never runs a handler on the caller's thread.
    ///
    /// A message that was received before is dropped. One for which there is no room is answered with
    /// ``DispatcherConfiguration/busyText``, and is not remembered, so that it counts if it is delivered again. So is one that
    /// comes after ``drain(deadline:)`` has begun, which is dropped.
    package func receive(_ message: Inbound, through channel: any ReplyChannel) {
        let now = timeline.now
        switch state.withLock({ $0.machine.admit(message, through: channel, now: now) }) {
        case .start(let turn):
            start(turn)
        case .queued:
            break
        case .duplicate:
            log(.debug, "a message was delivered again", Self.facts(message))
        case .refused:
            log(.notice, "a message came after the intake had stopped", Self.facts(message))
        case .rejected(let bound, let answer):
            let count = state.withLock { $0.rejections[bound, default: Repetition()].next(now: now) }
            let facts: KeyValuePairs<LogKey, String> = [
                .messageID: message.id, .conversation: message.conversation.id, .count: count.map(String.init) ?? "",
            ]
            log(count == nil ? .debug : .warning, bound.complaint, count == nil ? Self.facts(message) : facts)
            if let answer { start(answer) }
        }
    }

    private func start(_ turn: Turn) {
        var next: Turn? = turn
        while let turn = next {
            guard case .terminated = starter.yield(turn) else { return }
            // `run()` has ended. Its lane is emptied, so that the books say so.
            log(.notice, "a message came after the intake had stopped", Self.facts(turn.message))
            next = state.withLock { state in
                state.machine.answered()
                return state.machine.completed(turn, with: nil)
            }
        }
        announce()
    }

    private static func facts(_ message: Inbound) -> KeyValuePairs<LogKey, String> {
        [.messageID: message.id, .conversation: message.conversation.id]
    }
}

// MARK: Turns

extension Dispatcher {
    /// Runs turns until everything has ended after ``drain(deadline:)``, or until its task is cancelled, which gives answers no
    /// time to end well. It cannot return before every handler has. Calling it twice is a programming error.
    @concurrent package func run() async {
        let isFirst = state.withLock { state in
            defer { state.hasRun = true }
            return !state.hasRun
        }
        precondition(isFirst, "Dispatcher.run() was called twice")

        await withDiscardingTaskGroup { group in
            for await turn in turns {
                group.addTask { await self.perform(turn) }
            }
        }
        starter.finish()
        idle.fulfill(())
        answered.fulfill(())
    }

    private func perform(_ turn: Turn) async {
        let stream = ReplyStream(
            capabilities: turn.channel.capabilities,
            configuration: configuration.stream,
            log: log
        )
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await stream.run(through: turn.channel, timeline: self.timeline)
                self.state.withLock { $0.machine.answered() }
                self.announce()
            }
            switch turn.kind {
            case .busy(let text):
                stream.end(with: text)
            case .handled:
                await supervise(turn.message, stream)
            }
        }
        switch stream.outcome {
        case .refused(let reason):
            log(.notice, "an answer was not delivered: \(reason)", Self.facts(turn.message))
        case .unknown(let reason):
            log(.notice, "an answer may not have been delivered: \(reason)", Self.facts(turn.message))
        case .delivered, nil: break
        }
        let next = state.withLock { $0.machine.completed(turn, with: stream.outcome) }
        if let next { start(next) }
        announce()
    }

    /// Returns when the handler has. The handler is cancelled when the time is over.
    private func supervise(_ message: Inbound, _ stream: ReplyStream) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask(executorPreference: pool) { await self.handle(message, stream) }
            group.addTask { _ = await self.expired.value() }
            await group.next()
            // If the handler has returned or failed, this is too late to have an effect.
            stream.cancel()
            group.cancelAll()
        }
    }

    /// Runs on a thread of the pool: the handler may block it.
    private func handle(_ message: Inbound, _ stream: ReplyStream) async {
        do {
            try await handler.handle(message, reply: Reply(stream))
            stream.end()
        } catch  where Task.isCancelled {
            stream.cancel()
        } catch {
            state.withLock { $0.machine.handlerFailed() }
            // The error's text may quote the message, so only its type is logged at this level.
            log(.error, "the handler failed: \(type(of: error))", Self.facts(message))
            log(.trace, "the handler failed: \(error)", Self.facts(message))
            stream.fail(apology: configuration.apology)
        }
    }
}

// MARK: Shutdown

extension Dispatcher {
    /// Stops the intake and lets turns end, those that wait as well.
    ///
    /// When `deadline` has passed, or the calling task is cancelled, handlers are cancelled, their answers end with the text
    /// they have, and messages that still wait are answered with ``DispatcherConfiguration/busyText``. Returns when all of that
    /// has its verdict, at the latest ``DispatcherConfiguration/drainGrace`` after the deadline; a handler that ignores its
    /// cancellation does not hold it up. May be called more than once.
    @concurrent package func drain(deadline: Duration) async {
        let start = timeline.now
        state.withLock { $0.machine.drain() }
        announce()
        if await reaches(idle, by: start + deadline) { return }

        expire()
        if await !reaches(answered, by: timeline.now + configuration.drainGrace) {
            log(.warning, "answers were still on their way when the time to shut down was over")
        }
    }

    private func expire() {
        let (dropped, answers) = state.withLock { $0.machine.expire() }
        expired.fulfill(())
        if dropped > 0 {
            log(.warning, "messages that waited for their turn were not answered", [.count: String(dropped)])
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

    /// Whether the promise is fulfilled in time. Not if the task is cancelled.
    private func reaches(_ promise: Promise<Void>, by deadline: ContinuousClock.Instant) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { await promise.value() != nil }
            group.addTask { [timeline] in
                do { try await timeline.sleep(until: deadline) } catch { return false }  // the promise came first
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
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
