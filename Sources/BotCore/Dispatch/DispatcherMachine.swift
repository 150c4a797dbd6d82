/// The books of a ``Dispatcher``: which message starts, waits, or is turned away, and when everything has ended.
///
/// Legal phases: accepting → draining → expired.
struct DispatcherMachine: Sendable {
    /// What is done about a message.
    enum Admission {
        case start(Turn)
        case queued
        case duplicate
        /// There is no room for it; the turn, if there is one, says so to the user.
        case rejected(Lanes<Turn>.Bound, answer: Turn?)
        /// The intake has stopped; another process answers it.
        case kept
        /// The intake has stopped; the turn, if there is one, says so to the user.
        case refused(answer: Turn?)
    }

    /// What has been reached.
    enum Milestone: Sendable {
        /// The intake has stopped and nothing runs or waits.
        case idle
        /// The time for handlers is over and no answer is on its way.
        case answered
    }

    /// Whether a handler may start.
    enum Beginning {
        case start
        /// The time for handlers is over: its message stays with those that wait for the next process.
        case kept
        /// The time for handlers is over: its message has waited in vain.
        case rejected
    }

    private enum Phase: Int {
        case accepting, draining, expired
    }

    /// The bounds count from the beginning; everything else may change.
    var configuration: DispatcherConfiguration
    private var phase = Phase.accepting
    private var filter: DuplicateFilter
    private var lanes: Lanes<Turn>
    private var counts = DispatcherStatistics()
    private var busyReplies = 0
    /// Turns given out whose answer has not ended.
    private var openAnswers = 0
    /// Whether what waited when the time was over is kept for another process.
    private var keepsWaiting = false
    /// Handlers that wait for a thread, and since when none has got one.
    private var threadless = 0
    private var stalledSince: ContinuousClock.Instant?

    init(configuration: DispatcherConfiguration) {
        self.configuration = configuration
        filter = DuplicateFilter(
            capacity: configuration.duplicateCapacity,
            timeToLive: configuration.duplicateTimeToLive
        )
        lanes = Lanes(
            maximumWaitingPerConversation: configuration.maximumWaitingPerConversation,
            maximumTotal: configuration.maximumTotal,
            maximumWaitingBytes: configuration.maximumWaitingBytes
        )
    }

    var isAccepting: Bool { phase == .accepting }

    var statistics: DispatcherStatistics {
        var snapshot = counts
        snapshot.active = lanes.activeCount
        snapshot.queued = lanes.waitingCount
        snapshot.queuedBytes = lanes.waitingBytes
        snapshot.threadless = threadless
        snapshot.stalledSince = stalledSince
        return snapshot
    }

    /// What has been reached by now; none in normal operation.
    var milestones: [Milestone] {
        var reached: [Milestone] = []
        if phase != .accepting, lanes.activeCount == 0, busyReplies == 0 { reached.append(.idle) }
        if phase == .expired, openAnswers == 0 { reached.append(.answered) }
        return reached
    }

    /// A message came in.
    ///
    /// - Parameter canWait: Whether another process would find it where it is written down.
    mutating func admit(_ turn: Turn, now: ContinuousClock.Instant, canWait: Bool = false) -> Admission {
        let message = turn.message
        counts.received += 1
        guard !filter.isDuplicate(message.id, now: now) else {
            counts.duplicates += 1
            return .duplicate
        }
        guard phase == .accepting else { return late(turn, now: now, canWait: canWait) }
        switch lanes.add(turn, bytes: message.byteCount, to: message.conversation) {
        case .start:
            filter.insert(message.id, now: now)
            openAnswers += 1
            return .start(turn)
        case .queued:
            filter.insert(message.id, now: now)
            return .queued
        case .rejected(let bound):
            // Not remembered: if the platform delivers it again, there may be room.
            counts.rejected += 1
            return .rejected(bound, answer: busyAnswer(to: turn))
        }
    }

    /// A message came in after the intake had stopped.
    private mutating func late(_ turn: Turn, now: ContinuousClock.Instant, canWait: Bool) -> Admission {
        counts.refused += 1
        if canWait {
            filter.insert(turn.message.id, now: now)
            return .kept
        }
        // Nothing is begun any more when the time is over, or when everything has ended.
        let mayBegin = phase == .draining && !milestones.contains(.idle)
        return .refused(answer: mayBegin ? busyAnswer(to: turn) : nil)
    }

    /// Whether a message with this id came in.
    func knows(_ id: String) -> Bool { filter.contains(id) }

    /// Messages were seen by another process.
    mutating func remember(_ sightings: [(id: String, seen: ContinuousClock.Instant)]) {
        filter.merge(sightings)
    }

    /// A turn was left by another process. Its message is not a new one, so it is not looked for among those that were seen.
    mutating func readmit(_ turn: Turn) -> Admission {
        guard phase == .accepting else { return .refused(answer: nil) }
        counts.recovered += 1
        switch lanes.add(turn, bytes: turn.message.byteCount, to: turn.message.conversation) {
        case .start:
            openAnswers += 1
            return .start(turn)
        case .queued: return .queued
        case .rejected(let bound):
            counts.rejected += 1
            return .rejected(bound, answer: nil)
        }
    }

    /// A turn that was given out is about to begin, and takes with it what waits and belongs to it.
    ///
    /// - Returns: The turn, and until when to wait for more; `nil` if it is to begin.
    mutating func gather(_ turn: Turn, now: ContinuousClock.Instant) -> (
        turn: Turn, waitsUntil: ContinuousClock.Instant?
    ) {
        let (merge, conversation) = (MessageMerge(window: configuration.mergeWindow), turn.message.conversation)
        var turn = turn
        while let next = lanes.takeNext(of: conversation, if: { merge.isNext($0, after: turn) }) {
            turn = merge.joined(turn, next)
        }
        guard phase == .accepting, let end = merge.end(of: turn), end > now, !lanes.hasWaiting(in: conversation) else {
            return (turn, nil)
        }
        return (turn, end)
    }

    /// The handler of a turn that was given out is about to start.
    func beginning() -> Beginning {
        phase == .expired ? keepsWaiting ? .kept : .rejected : .start
    }

    /// The answer of a turn that was given out has ended; its handler may still run.
    mutating func answered() {
        openAnswers -= 1
    }

    /// A turn that was given out has ended.
    ///
    /// - Returns: The turn to start in its place.
    mutating func completed(_ turn: Turn, with outcome: Delivery?) -> Turn? {
        if case .busy = turn.kind {
            busyReplies -= 1
            return nil
        }
        counts.merged += turn.earlier.count
        switch outcome {
        case .delivered: counts.delivered += 1
        case .redirected:
            counts.delivered += 1
            counts.redirected += 1
        case .refused: counts.undelivered += 1
        case .unknown: counts.unknown += 1
        case nil: counts.refused += 1
        }
        let next = lanes.finished(turn.message.conversation)
        if next != nil { openAnswers += 1 }
        return next
    }

    /// A handler is to begin as soon as there is a thread for it.
    mutating func handlerWaits(now: ContinuousClock.Instant) {
        if threadless == 0 { stalledSince = now }
        threadless += 1
    }

    /// A handler has got its thread.
    mutating func handlerBegins(now: ContinuousClock.Instant) {
        threadless -= 1
        stalledSince = threadless > 0 ? now : nil
    }

    mutating func handlerFailed() {
        counts.handlerFailures += 1
    }

    /// Takes no more messages.
    mutating func drain() {
        if phase == .accepting { phase = .draining }
    }

    /// The time for handlers is over: nothing more starts.
    ///
    /// - Parameter keepsWaiting: Whether what waits is kept for another process, which answers it.
    /// - Returns: What has waited in vain, and the answers that tell the users so.
    mutating func expire(keepsWaiting: Bool) -> (waiting: [Turn], answers: [Turn]) {
        phase = .expired
        self.keepsWaiting = keepsWaiting
        let waiting = lanes.removeAllWaiting()
        guard !keepsWaiting else { return (waiting, []) }
        counts.rejected += waiting.count
        var answers: [Turn] = []
        for turn in waiting {
            guard let answer = busyAnswer(to: turn) else { break }
            answers.append(answer)
        }
        return (waiting, answers)
    }

    /// A turn that was given out was not begun: nothing is left in its lane.
    ///
    /// - Returns: What tells the user so, if nobody else answers.
    mutating func abandoned(_ turn: Turn) -> Turn? {
        openAnswers -= 1
        _ = lanes.finished(turn.message.conversation)
        guard !keepsWaiting else { return nil }
        counts.rejected += 1 + turn.earlier.count
        return busyAnswer(to: turn)
    }

    private mutating func busyAnswer(to turn: Turn) -> Turn? {
        guard let text = configuration.busyText, busyReplies < configuration.maximumBusyReplies else { return nil }
        busyReplies += 1
        openAnswers += 1
        // It is not handled, and many may be under way: what it says need not be kept.
        return Turn(message: turn.message.withoutContent, channel: turn.channel, kind: .busy(text))
    }
}
