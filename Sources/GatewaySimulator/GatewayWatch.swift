/// Who watches a gateway. Belongs to its actor; each waiter leaves the table before it is resumed, so none is resumed twice.
struct GatewayWatch {
    /// Somebody who waits.
    enum Waiter {
        case observation(@Sendable (Observation) -> Bool, CheckedContinuation<Observation, any Error>)
        case answer(
            messageID: String,
            @Sendable ([Bubble]) -> Bool,
            CheckedContinuation<[Bubble], any Error>
        )

        func fail(_ error: any Error) {
            switch self {
            case .observation(_, let continuation): continuation.resume(throwing: error)
            case .answer(_, _, let continuation): continuation.resume(throwing: error)
            }
        }
    }

    /// The latest observations, oldest first.
    private(set) var history: [Observation] = []
    /// How many there have been.
    private(set) var count = 0
    private var waiters: [Int: Waiter] = [:]
    /// Which waiters an observation may concern: those of one message, or (under `nil`) those that look at everything.
    private var concerned: [String?: Set<Int>] = [:]
    private var streams: [Int: AsyncStream<Observation>.Continuation] = [:]
    private var nextID = 0

    /// How many wait.
    var waiting: Int { waiters.count }

    mutating func makeID() -> Int {
        defer { nextID += 1 }
        return nextID
    }

    mutating func add(_ waiter: Waiter, id: Int) {
        waiters[id] = waiter
        concerned[Self.topic(of: waiter), default: []].insert(id)
    }

    mutating func add(_ stream: AsyncStream<Observation>.Continuation) -> Int {
        let id = makeID()
        streams[id] = stream
        return id
    }

    mutating func removeStream(_ id: Int) {
        streams[id] = nil
    }

    /// Fails a waiter, if it still waits.
    mutating func fail(_ id: Int, _ error: any Error) {
        remove(id)?.fail(error)
    }

    /// Fails every waiter and finishes every stream.
    mutating func end(_ error: any Error) {
        let (waiters, streams) = (waiters, streams)
        self.waiters = [:]
        self.concerned = [:]
        self.streams = [:]
        for waiter in waiters.values { waiter.fail(error) }
        for stream in streams.values { stream.finish() }
    }

    /// Keeps an observation, and tells everybody it concerns.
    mutating func publish(_ observation: Observation, answer: (String) -> [Bubble]) {
        history.append(observation)
        count += 1
        // In halves, so that the list is not shifted for each observation.
        if history.count > 2 * Gateway.keptObservations { history.removeFirst(Gateway.keptObservations) }
        for stream in streams.values { stream.yield(observation) }
        for id in concerned[nil] ?? [] {
            guard case .observation(let fits, let continuation) = waiters[id], fits(observation) else { continue }
            remove(id)
            continuation.resume(returning: observation)
        }
        guard case .updated(let messageID, _, _) = observation.event, let ids = concerned[messageID] else { return }
        let bubbles = answer(messageID)
        for id in ids {
            guard case .answer(_, let isEnough, let continuation) = waiters[id], isEnough(bubbles) else { continue }
            remove(id)
            continuation.resume(returning: bubbles)
        }
    }

    @discardableResult
    private mutating func remove(_ id: Int) -> Waiter? {
        guard let waiter = waiters.removeValue(forKey: id) else { return nil }
        let topic = Self.topic(of: waiter)
        concerned[topic]?.remove(id)
        if concerned[topic]?.isEmpty == true { concerned[topic] = nil }
        return waiter
    }

    private static func topic(of waiter: Waiter) -> String? {
        switch waiter {
        case .observation: nil
        case .answer(let messageID, _, _): messageID
        }
    }
}
