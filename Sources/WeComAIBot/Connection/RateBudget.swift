import BotCore
import BotFoundation

/// What a conversation has sent within the last minute and the last hour, and so how much more it may send.
///
/// Both windows slide, so that the limits hold for every 60 seconds and every hour, however they are cut. Counting costs O(1),
/// spread over the calls; the memory is bounded by the limits.
struct RateBudget: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// The newest moments at which something was sent; never more than the window allows, because older ones matter only if
    /// there is room again before they are too old to count: one of these is taken back, or more is allowed.
    private struct Window: Sendable {
        let length: Duration
        var limit: Int { didSet { refill() } }
        var sent = Queue<Instant>()
        /// How many were left out of them though they may still count, and when the newest of those was sent.
        private var leftOut = 0
        private var newestLeftOut: Instant?

        init(length: Duration, limit: Int) {
            self.length = length
            self.limit = limit
        }

        mutating func left(now: Instant) -> Int {
            while let first = sent.first, first + length <= now {
                _ = sent.popFirst()
                leftOut = 0  // they are older still
            }
            return max(0, limit - sent.count)
        }

        mutating func spend(now: Instant) {
            if left(now: now) <= 0, let first = sent.popFirst() {
                leftOut += 1
                newestLeftOut = first
            }
            sent.append(now)
        }

        mutating func takeBack(spentAt instant: Instant) {
            var (rest, isTaken) = (Queue<Instant>(), false)
            while let next = sent.popFirst() {
                if next == instant, !isTaken { isTaken = true } else { rest.append(next) }
            }
            sent = rest
            refill()
        }

        /// Counts what was left out where there is room for it again, as if all of it were as new as the newest: so never too
        /// little.
        private mutating func refill() {
            guard leftOut > 0, sent.count < limit, let newestLeftOut else { return }
            var all = Queue<Instant>()
            while leftOut > 0, all.count + sent.count < limit {
                all.append(newestLeftOut)
                leftOut -= 1
            }
            while let next = sent.popFirst() { all.append(next) }
            sent = all
        }

        /// When there is room, after ``left(now:)``.
        var freeAt: Instant? { sent.count < limit ? nil : sent.first.map { $0 + length } }
    }

    /// How much longer than the server's windows ours are: not every frame takes the same time to get there.
    static let slack = Duration.seconds(1)
    static let minute = Duration.seconds(60) + slack
    static let hour = Duration.seconds(3_600) + slack

    private var lastMinute: Window
    private var lastHour: Window
    /// Until then the server takes nothing.
    private var throttledUntil: Instant?

    /// Nothing was sent yet. Limits below 1 count as 1.
    init(_ limits: RateLimits) {
        lastMinute = Window(length: Self.minute, limit: max(1, limits.perMinute))
        lastHour = Window(length: Self.hour, limit: max(1, limits.perHour))
    }

    /// Other limits from now on; what was sent counts on.
    mutating func change(_ limits: RateLimits) {
        lastMinute.limit = max(1, limits.perMinute)
        lastHour.limit = max(1, limits.perHour)
    }

    /// How many may be sent within the minute and the hour that end now. A server that throttles leaves none.
    mutating func left(now: Instant) -> (minute: Int, hour: Int) {
        let minute = lastMinute.left(now: now)
        return (isThrottled(now: now) ? 0 : minute, lastHour.left(now: now))
    }

    /// When one may be sent; nil means now.
    ///
    /// - Parameter isRepeat: whether it was throttled before: what the windows say counts for it, and no longer that it was.
    mutating func freeAt(isRepeat: Bool = false, now: Instant) -> Instant? {
        _ = (lastMinute.left(now: now), lastHour.left(now: now))
        let pause = isRepeat || !isThrottled(now: now) ? nil : throttledUntil
        return [lastMinute.freeAt, lastHour.freeAt, pause].compactMap(\.self).max()
    }

    /// Whether the server throttles.
    func isThrottled(now: Instant) -> Bool { throttledUntil.map { now < $0 } ?? false }

    /// Counts one, whether there was room for it or not.
    mutating func spend(now: Instant) {
        lastMinute.spend(now: now)
        lastHour.spend(now: now)
    }

    /// Uncounts one that was counted then, if it still counts. Costs O(limit).
    mutating func takeBack(spentAt instant: Instant) {
        lastMinute.takeBack(spentAt: instant)
        lastHour.takeBack(spentAt: instant)
    }

    /// The server said that it is enough: this minute is used up.
    mutating func throttle(now: Instant) {
        throttledUntil = now + Self.minute
    }

    /// Until when anything of it matters, if nothing is added.
    func end(now: Instant) -> Instant {
        max(throttledUntil ?? now, now + Self.hour)
    }
}
