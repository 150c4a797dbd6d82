package import BotFoundation

/// Writes down what must survive the process, as it changes.
///
/// Nothing waits for the disk unless it asks to (``barrier()``), and all that has changed since the last write goes into the next one
/// together, each turn and each push once; of one that has come and gone meanwhile only the id. So what is pending is bounded by
/// their number, however slow the disk is. A store that fails never holds up an answer: what could not be written is tried again after
/// ``retryInterval``. What changes while the store has not been opened is written when it is.
package final class Ledger: Sendable {
    /// How many ids of messages are kept, and for how long.
    package struct Window: Sendable {
        package var capacity = DuplicateFilter.defaultCapacity
        package var timeToLive = DuplicateFilter.defaultTimeToLive

        package init() {}
    }

    private struct Batch {
        var records: [any LedgerRecord]
        var base: Int64
        var sightings: [String: Int64]
        var forgets: Bool
    }

    private struct State {
        /// Fulfilled when the attempt to open the store that is under way has ended.
        var opening: Promise<Void>?
        var isOpen = false
        /// What was found in it, until somebody takes it over.
        var found: SavedState?
        /// The highest number that was found.
        var base: Int64 = 0
        /// The number that was given last, counted from `base`.
        var lastNumber: Int64 = 0
        var dirty: [Int64: any LedgerRecord] = [:]
        var sightings: [String: Int64] = [:]
        /// Whether a thread writes, or is about to.
        var isWriting = false
        /// What is in the batch that is being written, and how many batches were.
        var underWay: Set<Int64> = []
        var batchesEnded = 0
        /// Fulfilled when the batch that is being written is, or the store fails.
        var current: Promise<Void>?
        /// The same for the batch after it.
        var next = Promise<Void>()
        var isFailing = false
        var retryAt: ContinuousClock.Instant?
        var latestNote: ContinuousClock.Instant?
        var forgetAt: ContinuousClock.Instant?
        var failures = 0
        var isClosed = false

        var isEmpty: Bool { dirty.isEmpty && sightings.isEmpty }

        mutating func endBatch() {
            underWay = []
            batchesEnded += 1
        }

        mutating func saw(_ sighting: SavedState.Sighting) {
            sightings[sighting.id] = max(sighting.at, sightings[sighting.id] ?? sighting.at)
        }

        /// Keeps the newest `capacity` ids if there are more than twice as many.
        mutating func boundSightings(_ capacity: Int) {
            guard sightings.count > 2 * capacity else { return }
            let newest = sightings.sorted { $0.value > $1.value }.prefix(capacity)
            sightings = Dictionary(uniqueKeysWithValues: newest.map { ($0.key, $0.value) })
        }
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
    /// A latch: something could not be written.
    private let failedWrites: AsyncStream<Void>
    private let failedWrite: AsyncStream<Void>.Continuation

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
        (failedWrites, failedWrite) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Whether what is noted is written.
    package var isHealthy: Bool { state.withLock { $0.isOpen && !$0.isFailing && !$0.isClosed } }

    /// Whether nothing more is written.
    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Whether the store still has to be opened, or what was found in it to be taken over.
    package var isToBeOpened: Bool { state.withLock { (!$0.isOpen || $0.found != nil) && !$0.isClosed } }

    /// How often writing failed.
    package var failures: Int { state.withLock { $0.failures } }

    /// Milliseconds since 1970.
    package var now: Int64 { unixTime() }
}

// MARK: - The callers' side

extension Ledger {
    /// Opens the store and gives what another process left in it, once; `nil` if that does not succeed now. It can be tried again: a
    /// store that could not be opened is in use by a process that is about to end, or on a disk that is not there yet.
    ///
    /// A disk that does not answer is waited for no longer than ``patience``; what is found later is for the next call.
    package func recover() async -> SavedState? {
        let (attempt, starts) = state.withLock { state -> (Promise<Void>?, Bool) in
            if state.isOpen || state.isClosed { return (nil, false) }
            if let attempt = state.opening { return (attempt, false) }
            let attempt = Promise<Void>()
            state.opening = attempt
            return (attempt, true)
        }
        if let attempt {
            if starts { pool.execute { self.open(attempt) } }
            let isInTime = await timeline.reaches(attempt, by: timeline.now + Self.patience)
            if !isInTime, !Task.isCancelled { fail("it takes longer than \(Self.patience / .seconds(1)) s to open") }
        }
        return state.withLock { state in
            defer { state.found = nil }
            return state.found
        }
    }

    private func open(_ attempt: Promise<Void>) {
        var starts = false
        do {
            let found = try state.withLock({ $0.isClosed }) ? nil : store.recover()
            if let found { starts = opened(found) }
        } catch {
            fail("\(error)")
        }
        state.withLock { $0.opening = nil }
        attempt.fulfill(())
        if starts { write() }
    }

    /// - Returns: Whether there is something to write.
    private func opened(_ found: SavedState) -> Bool {
        let numbers = found.turns.map(\.number) + found.pushes.map(\.number)
        let base = numbers.filter(SavedTurn.numbers.contains).max() ?? 0
        let starts = state.withLock { state in
            state.isOpen = true
            state.found = found
            state.base = base
            state.dirty = Dictionary(uniqueKeysWithValues: state.dirty.values.map { ($0.number(after: base), $0) })
            state.isWriting = !state.isEmpty
            return state.isWriting
        }
        succeed()
        return starts
    }

    /// A number for a turn or a push, higher than all before.
    func makeNumber() -> Int64 {
        state.withLock { state in
            state.lastNumber += 1
            return state.lastNumber
        }
    }

    /// The record of a message that is to be sent and answers nothing, or stands beside an answer; `nil` if nothing is written any
    /// more.
    ///
    /// - Parameter isBesideAnswer: Whether an answer waits until it is sent.
    package func record(
        of message: OutboundMessage,
        to conversation: Conversation,
        isBesideAnswer: Bool = false
    ) -> PushRecord? {
        guard !isClosed else { return nil }
        let push = SavedPush(number: makeNumber(), message: message, conversation: conversation, postedAt: now)
        return PushRecord(push, in: self, isBesideAnswer: isBesideAnswer)
    }

    /// Something about a turn or a push has changed.
    func touch(_ record: any LedgerRecord) {
        let batchesEnded = state.withLock { $0.batchesEnded }
        let isGone = record.isGone
        let capacity = window.capacity
        note { state in
            let number = record.number(after: state.base)
            // It is not gone if a batch opens it in the store, or has done so since it was asked.
            let isOpened = state.underWay.contains(number) || state.batchesEnded != batchesEnded
            guard isGone, !isOpened else { return state.dirty[number] = record }
            // However long the store does not take it, what has come and gone takes no room.
            state.dirty[number] = nil
            if let sighting = record.sighting { state.saw(sighting) }
            state.boundSightings(capacity)
        }
    }

    /// A message was seen, again.
    func saw(_ id: String) {
        guard !id.isEmpty else { return }
        let now = unixTime()
        note { $0.sightings[id] = now }
    }

    private func note(_ change: (inout State) -> Void = { _ in }) {
        let now = timeline.now
        let starts = state.withLock { state in
            guard !state.isClosed else { return false }
            change(&state)
            state.latestNote = now
            guard state.isOpen, !state.isWriting, Self.mayWrite(state, now) else { return false }
            state.isWriting = true
            return true
        }
        if starts { pool.execute { self.write() } }
    }

    /// Writes what could not be written as soon as it is time to try again. Until its task is cancelled; once.
    func retryFailures() async {
        for await _ in failedWrites {
            guard let retryAt = state.withLock({ $0.retryAt }) else { continue }
            do { try await timeline.sleep(until: retryAt) } catch { return }
            note()
        }
    }

    /// Returns when what was noted before is written, or is given up for now because the store fails or takes too long. At once
    /// in a cancelled task.
    ///
    /// - Parameter limit: How long it waits; less than ``patience`` says nothing about the store.
    package func barrier(within limit: Duration = Ledger.patience) async {
        let promise = state.withLock { state -> Promise<Void>? in
            if !state.isOpen || state.isFailing || state.isClosed { return nil }
            return state.isEmpty ? state.current : state.next
        }
        guard let promise, promise.current == nil else { return }
        let isInTime = await timeline.reaches(promise, by: timeline.now + limit)
        guard !isInTime, limit >= Self.patience, !Task.isCancelled else { return }
        fail("it takes longer than \(Self.patience / .seconds(1)) s")
    }

    /// Writes what is left and closes the store. Nothing that is noted later is written. A disk that does not answer is waited for
    /// no longer than `limit`.
    package func close(within limit: Duration = Ledger.patience) async {
        let done = Promise<Void>()
        pool.execute {
            self.state.withLock { $0.retryAt = nil }
            while !self.seal() { self.write() }
            done.fulfill(())
        }
        if await timeline.reaches(done, by: timeline.now + limit) { return }
        guard Task.isCancelled else { return log(.error, "the state was not saved whole: the disk does not answer") }
        // Nothing can be timed in a cancelled task; what was begun is a matter of milliseconds.
        await withCheckedContinuation { continuation in pool.execute { continuation.resume() } }
    }
}

// MARK: - The writer's side, one thread

extension Ledger {
    /// Closes the store, unless there is something that it still can be given.
    ///
    /// - Returns: Whether it is closed.
    private func seal() -> Bool {
        let now = timeline.now
        let (isSealed, isFirst, unwritten) = state.withLock { state -> (Bool, Bool, [Int64: any LedgerRecord]) in
            if state.isClosed { return (true, false, [:]) }
            if state.isOpen, !state.isEmpty, Self.mayWrite(state, now) { return (false, false, [:]) }
            state.isClosed = true
            defer { state.dirty = [:] }
            return (true, true, state.dirty)
        }
        if isFirst { store.close() }
        // Records hold their ledger: what is never written must not be held by it. Let go of here, not under the lock.
        _ = consume unwritten
        return isSealed
    }

    private static func mayWrite(_ state: State, _ now: ContinuousClock.Instant) -> Bool {
        state.retryAt.map { $0 <= now } ?? true
    }

    private func write() {
        while let batch = take() {
            let changes = batch.records.compactMap { record in
                record.change(after: batch.base).map { (record: record, change: $0) }
            }
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
                for (record, change) in changes { record.failed(change) }
                putBack(batch)
                fail("\(error)")
                continue
            }
            for (record, change) in changes { record.wrote(change) }
            state.withLock { $0.endBatch() }
            succeed()
        }
    }

    private func take() -> Batch? {
        let now = timeline.now
        return state.withLock { state in
            // A change that came after the time was read, and left its writing to this thread, is not to be overlooked.
            let now = max(now, state.latestNote ?? now)
            guard state.isOpen, !state.isClosed, !state.isEmpty, Self.mayWrite(state, now) else {
                state.isWriting = false
                return nil
            }
            let forgets = state.forgetAt.map { $0 <= now } ?? true
            if forgets { state.forgetAt = now + Self.forgetInterval }
            let batch = Batch(
                records: state.dirty.sorted { $0.key < $1.key }.map(\.value),
                base: state.base,
                sightings: state.sightings,
                forgets: forgets
            )
            state.underWay = Set(state.dirty.keys)
            state.dirty = [:]
            state.sightings = [:]
            state.current = state.next
            state.next = Promise()
            return batch
        }
    }

    private func putBack(_ batch: Batch) {
        // Of a turn that has come and gone in the meantime only the id is kept.
        let records = batch.records.map { (record: $0, isGone: $0.isGone) }
        let capacity = window.capacity
        let retryAt = timeline.now + Self.retryInterval
        state.withLock { state in
            for (id, at) in batch.sightings { state.saw(SavedState.Sighting(id: id, at: at)) }
            for (record, isGone) in records {
                let number = record.number(after: state.base)
                if isGone {
                    if let sighting = record.sighting { state.saw(sighting) }
                    state.dirty[number] = nil
                } else if state.dirty[number] == nil {
                    state.dirty[number] = record
                }
            }
            state.boundSightings(capacity)
            state.retryAt = retryAt
            state.endBatch()
        }
        failedWrite.yield()
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
