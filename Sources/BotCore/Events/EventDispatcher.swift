package import BotFoundation

/// Brings events to the handler: duplicates out, in order within a conversation, on threads of their own.
///
/// An event does not wait for the messages of its conversation, nor for their threads: it can be answered for seconds only. Nothing of
/// it is kept for another process, for the same reason.
package final class EventDispatcher: Sendable {
    private struct Turn: Sendable {
        let event: Event
        let channel: any EventChannel

        /// Whose order it keeps.
        var lane: Conversation { event.conversation ?? Conversation(kind: .single, id: event.sender) }
    }

    private struct State {
        var filter: DuplicateFilter
        var lanes: Lanes<Turn>
        var statistics = EventStatistics()
        var isAccepting = true
        var rejections = Repetition()
    }

    private let handler: any BotHandler
    private let configuration: EventDispatcherConfiguration
    private let timeline: Timeline
    private let log: Log
    private let pool: ThreadPool
    private let state: Locked<State>
    /// Events to begin with. Not bounded by itself: the lanes bound what is put in.
    private let turns: AsyncStream<Turn>
    private let starter: AsyncStream<Turn>.Continuation
    private let idle = Promise<Void>()
    /// The time for handlers is over.
    private let expired = Promise<Void>()

    /// A dispatcher that keeps what it receives until ``run()`` is called.
    package init(
        handler: any BotHandler,
        configuration: EventDispatcherConfiguration = .init(),
        clock: any Clock<Duration> = ContinuousClock(),
        log: Log = .disabled
    ) {
        self.handler = handler
        self.configuration = configuration
        self.log = log
        timeline = Timeline(clock)
        pool = ThreadPool(name: "bot-event", maximumThreads: configuration.maximumHandlerThreads)
        let filter = DuplicateFilter(
            capacity: configuration.duplicateCapacity,
            timeToLive: configuration.duplicateTimeToLive
        )
        let lanes = Lanes<Turn>(
            maximumWaitingPerConversation: configuration.maximumWaitingPerConversation,
            maximumTotal: configuration.maximumTotal,
            maximumWaitingBytes: configuration.maximumWaitingBytes
        )
        state = Locked(State(filter: filter, lanes: lanes))
        (turns, starter) = AsyncStream.makeStream(bufferingPolicy: .unbounded)
    }

    /// What it has done and is doing.
    package var statistics: EventStatistics { state.withLock { $0.statistics } }

    /// Takes an event. Any thread; never blocks and never runs a handler on the caller's thread.
    ///
    /// An event that was received before is dropped. So is one for which there is no room, and one that comes after
    /// ``drain(deadline:)`` has begun; those are not remembered.
    package func receive(_ event: Event, through channel: any EventChannel) {
        let now = timeline.now
        let turn = Turn(event: event, channel: channel)
        let (starts, complaint) = state.withLock { state -> (Bool, (Log.Level, String)?) in
            state.statistics.received += 1
            guard state.isAccepting else {
                state.statistics.dropped += 1
                return (false, (.debug, "an event came after the intake had stopped"))
            }
            guard !state.filter.isDuplicate(event.id, now: now) else {
                state.statistics.duplicates += 1
                return (false, (.debug, "an event was delivered again"))
            }
            // What runs beyond its time no longer counts in the lanes.
            let hasRoom = state.statistics.running < configuration.maximumTotal
            switch hasRoom ? state.lanes.add(turn, bytes: event.raw.count, to: turn.lane) : .rejected(.total) {
            case .start:
                state.filter.insert(event.id, now: now)
                state.statistics.running += 1
                return (true, nil)
            case .queued:
                state.filter.insert(event.id, now: now)
                return (false, nil)
            case .rejected:
                state.statistics.dropped += 1
                let isSaid = state.rejections.next(now: now) != nil
                return (false, (isSaid ? .warning : .debug, "too many events wait; one is dropped"))
            }
        }
        if let (level, message) = complaint { log(level, message, Self.facts(event)) }
        if starts { starter.yield(turn) }
    }

    private static func facts(_ event: Event) -> KeyValuePairs<LogKey, String> {
        [.messageID: event.id, .conversation: event.conversation?.id ?? "", .reason: event.kind.rawValue]
    }
}

// MARK: Handlers

extension EventDispatcher {
    /// Runs handlers until everything has ended after ``drain(deadline:)``, or until its task is cancelled. It cannot return before
    /// every handler has. Once.
    @concurrent package func run() async {
        await withDiscardingTaskGroup { group in
            for await turn in turns {
                group.addTask { await self.perform(turn) }
            }
        }
        state.withLock { $0.isAccepting = false }
        starter.finish()
        idle.fulfill(())
    }

    private func perform(_ turn: Turn) async {
        let done = Promise<Void>()
        // The next of the conversation begins when this has ended, or has had its time.
        async let succession: Void = succeed(turn, when: done)
        await withTaskGroup(of: Void.self) { group in
            group.addTask(executorPreference: pool) { await self.handle(turn) }
            group.addTask { _ = await self.expired.value() }
            await group.next()
            group.cancelAll()
        }
        state.withLock { $0.statistics.running -= 1 }
        done.fulfill(())
        await succession
        announce()
    }

    private func succeed(_ turn: Turn, when done: Promise<Void>) async {
        if await !timeline.reaches(done, by: timeline.now + configuration.patience), !Task.isCancelled {
            log(
                .notice,
                "the handler of an event takes long; the next of its conversation begins",
                Self.facts(turn.event)
            )
        }
        let next = state.withLock { state in
            let next = state.lanes.finished(turn.lane)
            if next != nil { state.statistics.running += 1 }
            return next
        }
        guard let next else { return }
        // `run()` may have been cancelled: then nothing begins any more.
        if case .terminated = starter.yield(next) { state.withLock { $0.statistics.running -= 1 } }
    }

    /// Runs on a thread of the pool: the handler may block it.
    private func handle(_ turn: Turn) async {
        do {
            try await handler.handle(turn.event, reply: EventReply(turn.event, through: turn.channel, log: log))
        } catch  where Task.isCancelled {
            log(.debug, "the handler of an event was cancelled", Self.facts(turn.event))
        } catch {
            state.withLock { $0.statistics.failures += 1 }
            // The error's text may quote the event, so only its type is logged at this level.
            log(.error, "the handler of an event failed: \(type(of: error))", Self.facts(turn.event))
            log(.trace, "the handler of an event failed: \(error)", Self.facts(turn.event))
        }
    }
}

// MARK: Shutdown

extension EventDispatcher {
    /// Stops the intake and lets handlers end, those of events that wait as well.
    ///
    /// When `deadline` has passed, or the calling task is cancelled, handlers are cancelled and events that still wait are dropped.
    /// May be called more than once.
    @concurrent package func drain(deadline: Duration) async {
        let start = timeline.now
        state.withLock { $0.isAccepting = false }
        announce()
        if await timeline.reaches(idle, by: start + deadline) { return }
        let waiting = state.withLock { state in
            let waiting = state.lanes.removeAllWaiting()
            state.statistics.dropped += waiting.count
            return waiting
        }
        if !waiting.isEmpty {
            log(.notice, "events that waited were not handled", [.count: String(waiting.count)])
        }
        expired.fulfill(())
        starter.finish()
    }

    private func announce() {
        let isIdle = state.withLock { state in
            !state.isAccepting && state.lanes.activeCount == 0 && state.statistics.running == 0
        }
        guard isIdle else { return }
        starter.finish()
        idle.fulfill(())
    }
}
