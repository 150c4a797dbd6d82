package import BotFoundation

/// Writes down what must survive the process, as it changes.
///
/// Nothing waits for the disk unless it asks to (``barrier()``), and all that has changed since the last write goes into the next one
/// together, each turn once. So what is pending is bounded by the number of turns, however slow the disk is. A store that
/// fails never holds up an answer: what could not be written is tried again with a later change.
package final class Ledger: Sendable {
    /// How many ids of messages are kept, and for how long.
    package struct Window: Sendable {
        package var capacity = DuplicateFilter.defaultCapacity
        package var timeToLive = DuplicateFilter.defaultTimeToLive

        package init() {}
    }

    private struct Batch {
        var records: [TurnRecord]
        var sightings: [String: Int64]
        var forgets: Bool
    }

    private struct State {
        var dirty: [Int64: TurnRecord] = [:]
        var sightings: [String: Int64] = [:]
        /// Whether a thread writes, or is about to.
        var isWriting = false
        /// Fulfilled when the batch that is being written is, or the store fails.
        var current: Promise<Void>?
        /// The same for the batch after it.
        var next = Promise<Void>()
        var isFailing = false
        var retryAt: ContinuousClock.Instant?
        var forgetAt: ContinuousClock.Instant?
        var failures = 0
        var isClosed = false

        var isEmpty: Bool { dirty.isEmpty && sightings.isEmpty }
    }

    /// How long a write may take before answers no longer wait for it.
    package static let patience = Duration.seconds(5)
    /// How long after a failure the store is left alone.
    package static let retryInterval = Duration.seconds(5)
    /// The time between two rounds of forgetting ids.
    package static let forgetInterval = Duration.seconds(60)

    private let store: any StateStore
    private let window: Window
    private let timeline: Timeline
    private let unixTime: @Sendable () -> Int64
    private let log: Log
    private let pool = ThreadPool(name: "bot-store", maximumThreads: 1)
    private let state = Locked(State())

    /// A ledger of `store`, which only this calls.
    ///
    /// - Parameter unixTime: Milliseconds since 1970.
    package init(
        _ store: any StateStore,
        window: Window = .init(),
        timeline: Timeline,
        unixTime: @escaping @Sendable () -> Int64,
        log: Log = .disabled
    ) {
        self.store = store
        self.window = window
        self.timeline = timeline
        self.unixTime = unixTime
        self.log = log
    }

    /// Whether what is noted is written.
    package var isHealthy: Bool { state.withLock { !$0.isFailing && !$0.isClosed } }

    /// How often writing failed.
    package var failures: Int { state.withLock { $0.failures } }

    /// Milliseconds since 1970.
    package var now: Int64 { unixTime() }
}

// MARK: - The callers' side

extension Ledger {
    /// What another process left; `nil` if the store cannot be used. Then it is not used at all: what is in it has not been seen.
    package func recover() async -> SavedState? {
        await withCheckedContinuation { continuation in
            pool.execute { continuation.resume(returning: self.open()) }
        }
    }

    private func open() -> SavedState? {
        do {
            return try store.recover()
        } catch {
            log(.error, "a restart will forget what is under way: \(error)")
            store.close()
            state.withLock { state in
                state.failures += 1
                state.isClosed = true
            }
            return nil
        }
    }

    /// Something about a turn has changed.
    func touch(_ record: TurnRecord) {
        note { $0.dirty[record.number] = record }
    }

    /// A message was seen, again.
    func saw(_ id: String) {
        guard !id.isEmpty else { return }
        let now = unixTime()
        note { $0.sightings[id] = now }
    }

    private func note(_ change: (inout State) -> Void) {
        let now = timeline.now
        let starts = state.withLock { state in
            guard !state.isClosed else { return false }
            change(&state)
            guard !state.isWriting, Self.mayWrite(state, now) else { return false }
            state.isWriting = true
            return true
        }
        if starts { pool.execute { self.write() } }
    }

    /// Returns when what was noted before is written, or is given up for now because the store fails or takes too long. At once
    /// in a cancelled task.
    func barrier() async {
        let promise = state.withLock { state -> Promise<Void>? in
            if state.isFailing || state.isClosed { return nil }
            return state.isEmpty ? state.current : state.next
        }
        guard let promise, promise.current == nil else { return }
        let isInTime = await timeline.reaches(promise, by: timeline.now + Self.patience)
        if !isInTime, !Task.isCancelled { fail("it takes longer than \(Self.patience / .seconds(1)) s") }
    }

    /// Writes what is left and closes the store. Nothing that is noted later is written.
    package func close() async {
        await withCheckedContinuation { continuation in
            pool.execute {
                self.state.withLock { $0.retryAt = nil }
                self.write()
                let isFirst = self.state.withLock { state in
                    defer { state.isClosed = true }
                    return !state.isClosed
                }
                if isFirst { self.store.close() }
                continuation.resume()
            }
        }
    }
}

// MARK: - The writer's side, one thread

extension Ledger {
    private static func mayWrite(_ state: State, _ now: ContinuousClock.Instant) -> Bool {
        state.retryAt.map { $0 <= now } ?? true
    }

    private func write() {
        while let batch = take() {
            let changes = batch.records.compactMap { record in record.change().map { (record: record, change: $0) } }
            var all = batch.sightings.sorted { ($0.value, $0.key) < ($1.value, $1.key) }
                .map { StateChange.seen(id: $0.key, at: $0.value) }
            all += changes.map(\.change)
            if batch.forgets {
                let age = window.timeToLive.milliseconds
                all.append(.forget(before: unixTime() - age, keeping: window.capacity))
            }
            do {
                if !all.isEmpty { try store.record(all) }
            } catch {
                putBack(batch)
                fail("\(error)")
                continue
            }
            for (record, change) in changes { record.wrote(change) }
            succeed()
        }
    }

    private func take() -> Batch? {
        let now = timeline.now
        return state.withLock { state in
            guard !state.isClosed, !state.isEmpty, Self.mayWrite(state, now) else {
                state.isWriting = false
                return nil
            }
            let forgets = state.forgetAt.map { $0 <= now } ?? true
            if forgets { state.forgetAt = now + Self.forgetInterval }
            let batch = Batch(
                records: state.dirty.values.sorted { $0.number < $1.number },
                sightings: state.sightings,
                forgets: forgets
            )
            state.dirty = [:]
            state.sightings = [:]
            state.current = state.next
            state.next = Promise()
            return batch
        }
    }

    private func putBack(_ batch: Batch) {
        // Of a turn that has come and gone in the meantime only the id is kept.
        let remnants = batch.records.map { (record: $0, remnant: $0.remnant) }
        let capacity = window.capacity
        let retryAt = timeline.now + Self.retryInterval
        state.withLock { state in
            state.sightings.merge(batch.sightings) { max($0, $1) }
            for (record, remnant) in remnants {
                if case .seen(let id, let at) = remnant {
                    state.sightings[id] = max(at, state.sightings[id] ?? at)
                    state.dirty[record.number] = nil
                } else if state.dirty[record.number] == nil {
                    state.dirty[record.number] = record
                }
            }
            if state.sightings.count > 2 * capacity {
                let newest = state.sightings.sorted { $0.value > $1.value }.prefix(capacity)
                state.sightings = Dictionary(uniqueKeysWithValues: newest.map { ($0.key, $0.value) })
            }
            state.retryAt = retryAt
        }
    }

    private func fail(_ reason: String) {
        let (isNews, waited) = state.withLock { state in
            defer { state.isFailing = true }
            state.failures += 1
            let waited = [state.current, state.next]
            state.current = nil
            // Whoever comes when the store works again waits for a write of then.
            state.next = Promise()
            return (!state.isFailing, waited)
        }
        if isNews {
            log(
                .error,
                "the state cannot be saved; the bot goes on answering, but a restart now could forget or repeat: \(reason)"
            )
        }
        for promise in waited { promise?.fulfill(()) }
    }

    private func succeed() {
        let (wasFailing, promise) = state.withLock { state in
            defer {
                state.isFailing = false
                state.retryAt = nil
                state.current = nil
            }
            return (state.isFailing, state.current)
        }
        if wasFailing { log(.notice, "the state is saved again") }
        promise?.fulfill(())
    }
}

extension Duration {
    /// Whole milliseconds.
    var milliseconds: Int64 { components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000 }
}
