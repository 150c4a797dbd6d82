/// A clock that runs many times as fast as time does, so that the pace of answers does not hold a sweep up. Not too many times:
/// an answer that takes six of its minutes is too old for its bubble.
struct FastClock: Clock {
    /// A moment.
    struct Instant: InstantProtocol {
        let offset: Duration
        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    let rate: Int
    private let origin = ContinuousClock.now

    init(rate: Int) { self.rate = rate }

    var now: Instant { Instant(offset: origin.duration(to: .now) * rate) }
    var minimumResolution: Duration { .nanoseconds(1) }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        try await ContinuousClock().sleep(until: origin + deadline.offset / rate)
    }
}
