internal import BotCore
internal import BotFoundation

/// What the answers at one callback address share: the bubbles that the platform asks for, and the other ways.
final class WebhookAnswers: Sendable {
    private struct State {
        var streams: WebhookStreams<Promise<Void>>
        /// How many last updates have no verdict yet.
        var underWay = 0
        var statistics = ConnectionStatistics()
        var lastCallback: ContinuousClock.Instant?
        var refusals: [Int: Int] = [:]
        /// The same by what the log says of them; of the first that there were.
        var complaints: [String: Int] = [:]
        /// The responses to events, and the ids of those in order.
        var events: [String: (response: WebhookEventResponse, came: ContinuousClock.Instant)] = [:]
        var eventOrder = Queue<String>()
        /// Nobody will ask any more.
        var isOver = false
    }

    /// How many complaints are told apart: some carry a number.
    private static let maximumComplaints = 64
    /// For how long an event that is delivered again is known, and of how many. The platform tries for some 20 s.
    static let eventMemory = (time: Duration.seconds(60), count: 1_024)

    let timeline: Timeline
    let fallback: WebhookFallback
    /// The streams of other processes, if there are any.
    let shared: SharedStreams?
    private let state: Locked<State>
    /// Nobody will ask any more.
    private let ended = Promise<Void>()
    /// After the end, the last update has its verdict.
    private let settled = Promise<Void>()

    init(
        _ configuration: WebhookStreamConfiguration,
        timeline: Timeline,
        fallback: WebhookFallback,
        shared: SharedStreams? = nil
    ) {
        self.timeline = timeline
        self.fallback = fallback
        self.shared = shared
        var streams = WebhookStreams<Promise<Void>>(configuration)
        if shared != nil { streams.beginSharing() }
        state = Locked(State(streams: streams))
    }

    /// Changes or reads the streams, at the present time.
    func withStreams<Result: Sendable>(
        _ body: @Sendable (inout WebhookStreams<Promise<Void>>, ContinuousClock.Instant) -> Result
    ) -> Result {
        let now = timeline.now
        let (result, isToTell) = state.withLock { (body(&$0.streams, now), $0.streams.hasUnshared) }
        if isToTell { shared?.wake() }
        return result
    }

    // MARK: Numbers

    /// What happened so far, and what is going on.
    func fill(_ snapshot: inout ConnectionSnapshot) {
        state.withLock { state in
            snapshot.lastFrame = state.lastCallback
            snapshot.unsettled = state.streams.openCount
            snapshot.queued = state.underWay
            snapshot.statistics = state.statistics
            snapshot.refusedCallbacks = state.refusals
        }
        guard let health = shared?.health else { return }
        (snapshot.sharedStateWorks, snapshot.sharedStateFailures) = (health.isWorking, health.failures)
    }

    /// A callback that is the platform's.
    func sawCallback() {
        let now = timeline.now
        state.withLock { $0.lastCallback = now }
    }

    func count(_ change: @Sendable (inout ConnectionStatistics) -> Void) {
        state.withLock { change(&$0.statistics) }
    }

    /// A request was turned away.
    ///
    /// - Returns: How many were for the same reason.
    func refused(_ failure: WebhookFailure) -> Int {
        state.withLock { state in
            let count = state.refusals[failure.status.rawValue, default: 0] + 1
            state.refusals[failure.status.rawValue] = count
            let isKnown = state.complaints[failure.message] != nil
            guard isKnown || state.complaints.count < Self.maximumComplaints else { return count }
            state.complaints[failure.message, default: 0] += 1
            return state.complaints[failure.message, default: 0]
        }
    }

    // MARK: Events

    /// Whether an event was delivered to this process before.
    func knows(event id: String) -> Bool { state.withLock { $0.events[id] != nil } }

    /// The response to an event, and whether it was delivered before.
    func response(toEvent id: String, now: ContinuousClock.Instant) -> (WebhookEventResponse, isKnown: Bool) {
        state.withLock { state in
            while let oldest = state.eventOrder.first, let event = state.events[oldest],
                state.events.count >= Self.eventMemory.count || event.came + Self.eventMemory.time <= now
            {
                state.events[oldest] = nil
                _ = state.eventOrder.popFirst()
            }
            if let known = state.events[id] { return (known.response, true) }
            let response = WebhookEventResponse()
            if !id.isEmpty {
                state.events[id] = (response, now)
                state.eventOrder.append(id)
            }
            return (response, false)
        }
    }

    // MARK: Other processes

    /// What other processes are to be told, and asked.
    ///
    /// - Parameter again: Whether they are to be told everything once more.
    func takeUpdates(again: Bool, asking: Bool) -> [SharedStreamUpdate] {
        let now = timeline.now
        return state.withLock { state in
            if again { state.streams.shareAgain() }
            return state.streams.takeUpdates(asking: asking, now: now)
        }
    }

    /// This is where streams stand with all the processes.
    func learn(_ statuses: [(id: String, status: SharedStreamStatus?)]) {
        let now = timeline.now
        let told = state.withLock { state in
            statuses.compactMap { state.streams.learn($0.status, of: $0.id, now: now) }
        }
        for waiter in told { waiter.fulfill(()) }
    }

    /// Takes a complete text back that is to go another way. ``release(_:)`` is to follow.
    ///
    /// - Returns: Where it stands then; `nil` if there are no other processes.
    func hold(_ id: String) async -> WebhookStreams<Promise<Void>>.Standing? {
        guard let shared else { return nil }
        let (standing, patience) = withStreams { ($0.hold(id, now: $1), $0.patience(with: id, now: $1)) }
        guard case .unwatched = standing else { return standing }
        guard let status = await shared.hold(id, unlessAskedWithin: patience) else {
            return withStreams { streams, _ in streams.untaken(id, standing) }
        }
        learn([(id, status)])
        return withStreams { streams, now in streams.hold(id, now: now) }
    }

    /// It is on another way, or on none.
    func release(_ id: String) { withStreams { streams, _ in streams.release(id) } }

    // MARK: Last updates

    /// Sends a last update; the end waits for it.
    func deliver(_ send: () async -> Delivery) async -> Delivery {
        state.withLock { $0.underWay += 1 }
        let delivery = await send()
        let isLast = state.withLock { state in
            state.underWay -= 1
            state.statistics.settled(delivery)
            return state.underWay == 0 && state.isOver
        }
        if isLast { settled.fulfill(()) }
        return delivery
    }

    /// Returns when the text was fetched, at the deadline, at the end, or when the task is cancelled.
    func wait(for fetched: Promise<Void>, until deadline: ContinuousClock.Instant) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { _ = await fetched.value() }
            group.addTask { _ = await self.ended.value() }
            group.addTask {
                do { try await self.timeline.sleep(until: deadline) } catch { return }  // it was fetched, or cancelled
            }
            await group.next()
            group.cancelAll()
        }
    }

    /// Nobody will ask any more: what waits to be fetched goes another way. Returns when everything has its verdict, at the latest
    /// after `patience`.
    func end(patience: Duration) async {
        let isIdle = state.withLock { state in
            state.streams.end()
            state.isOver = true
            return state.underWay == 0
        }
        ended.fulfill(())
        if isIdle { settled.fulfill(()) }
        _ = await timeline.reaches(settled, by: timeline.now + patience)
    }
}
