internal import BotCore
internal import BotFoundation

/// Lets other processes know of the streams of one, and this one of theirs, through a store.
///
/// Nobody who answers waits for the store for longer than ``patience``, and after a failure nobody waits at all until
/// ``retryInterval`` has passed; then one tries. What could not be told is told when it works again.
final class SharedStreams: Sendable {
    /// What is known of a stream of another process.
    enum Reading: Sendable {
        case found(SharedStream)
        /// It is nowhere.
        case lost
        /// That cannot be said now.
        case unknown(reason: String)
    }

    /// An end of another process's stream that the platform was told here.
    private struct End {
        let id: String
        let told: ContinuousClock.Instant
        /// Whether the store has not been told since.
        var isNew = true
    }

    private struct State {
        var isFailing = false
        var failures = 0
        var retryAt: ContinuousClock.Instant?
        /// Whether the store may have forgotten something.
        var mayHaveForgotten = false
        /// Whether it is time to ask.
        var isAsking = true
        /// Streams of other processes whose end was told here, and when: said for a while, because a store that is started again
        /// forgets it before the owner has asked.
        var ends: [End] = []
        /// Streams that are not there: since when, and when they were looked for last.
        var missing: [String: (since: ContinuousClock.Instant, last: ContinuousClock.Instant)] = [:]
    }

    /// How long whoever answers waits for the store.
    static let patience = Duration.seconds(1)
    /// How long what is told may take: images are large.
    private static let longPatience = Duration.seconds(10)
    /// How long after a failure the store is left alone.
    static let retryInterval = Duration.seconds(1)
    /// How often the owner of a stream asks whether others were asked for it. The platform asks about once a second.
    static let interval = Duration.seconds(1)
    /// For how long a message is claimed whose stream is not told yet: a process that dies in between is not waited for.
    static let claimTime = Duration.seconds(10)
    /// A stream that is not in the store is believed lost after that long: a store that was started again is told of it until then.
    static let disbelief = Duration.seconds(5)
    /// How many streams are remembered that belong to others.
    private static let maximumRemembered = 1_024

    /// Whom it stands for where a claim is not a stream's.
    let process = String(UInt64.random(in: .min ... .max), radix: 36)
    private let store: any SharedStreamStore
    private let timeline: Timeline
    private let log: Log
    /// What is told goes in order.
    private let writer = ThreadPool(name: "bot-shared", maximumThreads: 1)
    private let readers = ThreadPool(name: "bot-shared", maximumThreads: 4)
    private let state = Locked(State())
    /// A latch: there is something to tell, or to ask.
    private let wakes: AsyncStream<Void>
    private let waker: AsyncStream<Void>.Continuation

    init(_ store: any SharedStreamStore, timeline: Timeline, log: Log) {
        self.store = store
        self.timeline = timeline
        self.log = log
        (wakes, waker) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    static func claim(ofMessage id: String) -> String { "message:\(id)" }
    static func claim(ofEvent id: String) -> String { "event:\(id)" }

    /// Where the store is, for people.
    var name: String { store.name }
    /// Whether the store works, and how often it did not.
    var health: (isWorking: Bool, failures: Int) { state.withLock { (!$0.isFailing, $0.failures) } }

    // MARK: For whoever answers

    /// Claims what one process is to do. Also in a task that is cancelled, because whoever asked has gone: a claim of which nobody knows
    /// would keep a message from being answered.
    ///
    /// - Returns: Whose it is; `nil` if the store fails.
    func claim(_ name: String, for owner: String, isStream: Bool, lasting: Duration) async -> String? {
        await perform(on: readers, within: Self.patience, isCompleted: true) {
            try $0.claim(name, for: owner, isStream: isStream, lasting: lasting)
        }
    }

    /// Nothing comes of a claim. Also in a task that is cancelled.
    func release(_ name: String, of owner: String) async {
        await perform(on: readers, within: Self.patience, isCompleted: true, isUrgent: true) {
            try $0.release(name, of: owner)
        }
    }

    /// What a stream shows that is not known here.
    ///
    /// - Parameter window: After which it ends with what it has; `nil` to look at it only.
    func read(_ id: String, window: Duration?) async -> Reading {
        let answer = await perform(on: readers, within: Self.patience) { try $0.read(id, window: window) }
        guard let answer else { return .unknown(reason: "the shared state fails") }
        let now = timeline.now
        return state.withLock { state in
            if let stream = answer {
                state.missing[id] = nil
                return .found(stream)
            }
            if state.missing.count >= Self.maximumRemembered {
                state.missing = state.missing.filter { now < $0.value.last + Self.disbelief * 2 }
            }
            // What was not looked for between may have been there.
            guard let known = state.missing[id], now < known.last + Self.disbelief * 2 else {
                if state.missing.count < Self.maximumRemembered { state.missing[id] = (now, now) }
                return .unknown(reason: "the shared state does not have the stream yet")
            }
            state.missing[id] = (known.since, now)
            guard now >= known.since + Self.disbelief else {
                return .unknown(reason: "the shared state does not have the stream yet")
            }
            return .lost
        }
    }

    /// The platform was told the end of a stream of another process here.
    func ended(_ id: String) {
        let now = timeline.now
        state.withLock { state in
            if state.ends.count >= Self.maximumRemembered { state.ends.removeFirst() }
            state.ends.append(End(id: id, told: now))
        }
        wake()
    }

    /// Takes back a complete text that no other process was given.
    ///
    /// - Returns: Where the stream stands then; the outer `nil` if the store fails, the inner if it does not know the stream.
    func hold(_ id: String, unlessAskedWithin time: Duration) async -> SharedStreamStatus?? {
        // It stands in the writer's line, perhaps behind images; only this answer waits for it.
        let statuses = await perform(on: writer, within: Self.longPatience, isUrgent: true) {
            try $0.update([SharedStreamUpdate(id, .hold(unlessAskedWithin: time))])
        }
        return statuses.map { $0.first ?? nil }
    }

    // MARK: Telling and asking

    /// There is something to tell.
    func wake() { waker.yield() }

    /// Tells and asks until ``finish()``, or until its task is cancelled. Once.
    func run(_ answers: WebhookAnswers) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for await _ in self.wakes { await self.synchronise(answers, within: Self.longPatience) }
            }
            group.addTask {
                while true {
                    self.ask()
                    self.wake()
                    do { try await self.timeline.sleep(until: self.timeline.now + Self.interval) } catch { return }
                }
            }
            await group.next()
            group.cancelAll()
        }
        let store = store
        readers.execute { store.close() }
    }

    /// Others are asked about with what is told next.
    func ask() { state.withLock { $0.isAsking = true } }

    /// Tells what is left, and ends.
    func finish() { waker.finish() }

    /// Tells what is to be told, and learns what became of it.
    func synchronise(_ answers: WebhookAnswers, within limit: Duration = patience) async {
        let now = timeline.now
        let done: Void? = await perform(on: writer, within: limit) { store in
            let (isAsking, forgotten, ends) = self.state.withLock { state in
                defer { (state.isAsking, state.mayHaveForgotten) = (false, false) }
                // Said again once a second.
                let ends = state.isAsking ? state.ends : state.ends.filter(\.isNew)
                return (state.isAsking, state.mayHaveForgotten, ends)
            }
            let own = answers.takeUpdates(again: forgotten, asking: isAsking)
            let updates = own + ends.map { SharedStreamUpdate($0.id, .end) }
            guard isAsking || !updates.isEmpty else { return }
            let statuses = try store.update(updates)
            let told = Set(ends.map(\.id))
            self.state.withLock { state in
                // A store that has forgotten what it had learns of its streams after this.
                if !forgotten { state.ends.removeAll { !$0.isNew && $0.told + Self.disbelief <= now } }
                for index in state.ends.indices where told.contains(state.ends[index].id) {
                    state.ends[index].isNew = false
                }
            }
            answers.learn(Array(zip(own.map(\.id), statuses)))
        }
        if done == nil { state.withLock { $0.mayHaveForgotten = true } }
    }

    // MARK: The store

    /// What became of some work.
    private struct Outcome<Result: Sendable>: Sendable {
        var result: Result?
        var isOver = false
        var isAwaited = true
        var waiter: CheckedContinuation<Void, Never>?
    }

    /// Runs `work` on a thread.
    ///
    /// - Parameters:
    ///   - isCompleted: Whether a cancelled task waits for it, too.
    ///   - isUrgent: Whether it is tried although the store is left alone now.
    /// - Returns: Its result; `nil` if it fails, takes too long, or if the store is left alone now.
    @discardableResult
    private func perform<Result: Sendable>(
        on pool: ThreadPool,
        within limit: Duration,
        isCompleted: Bool = false,
        isUrgent: Bool = false,
        _ work: @escaping @Sendable (any SharedStreamStore) throws -> Result
    ) async -> Result? {
        guard mayTry() || isUrgent else { return nil }
        let outcome = Locked(Outcome<Result>())
        let done = Promise<Void>()
        pool.execute { [self] in
            defer {
                done.fulfill(())
                let waiter = outcome.withLock { outcome in
                    outcome.isOver = true
                    return outcome.waiter.take()
                }
                waiter?.resume()
            }
            guard outcome.withLock({ $0.isAwaited }) else { return }
            do {
                let result = try work(store)
                outcome.withLock { $0.result = result }
                succeed()
            } catch {
                fail("\(error)")
            }
        }
        let isInTime = await timeline.reaches(done, by: timeline.now + limit)
        if !isInTime {
            if !Task.isCancelled {
                fail("\(store.name) takes longer than \(limit / .seconds(1)) s")
            } else if isCompleted {
                await withCheckedContinuation { continuation in
                    let isOver = outcome.withLock { outcome in
                        if !outcome.isOver { outcome.waiter = continuation }
                        return outcome.isOver
                    }
                    if isOver { continuation.resume() }
                }
            }
        }
        return outcome.withLock { outcome in
            outcome.isAwaited = false
            return outcome.result
        }
    }

    private func mayTry() -> Bool {
        let now = timeline.now
        return state.withLock { state in
            guard let retryAt = state.retryAt else { return true }
            guard now >= retryAt else { return false }
            state.retryAt = now + Self.retryInterval  // one tries
            return true
        }
    }

    private func fail(_ reason: String) {
        let retryAt = timeline.now + Self.retryInterval
        let isNews = state.withLock { state in
            defer { state.isFailing = true }
            state.failures += 1
            state.retryAt = retryAt
            state.mayHaveForgotten = true
            return !state.isFailing
        }
        guard isNews else { return }
        log(
            .error,
            "the shared state fails; the bot goes on with its own answers, and turns away questions about those of others: \(reason)"
        )
    }

    private func succeed() {
        let wasFailing = state.withLock { state in
            defer { (state.isFailing, state.retryAt) = (false, nil) }
            return state.isFailing
        }
        guard wasFailing else { return }
        log(.notice, "the shared state works again")
        wake()
    }
}
