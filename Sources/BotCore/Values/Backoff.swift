/// How long to wait before trying again: exponential, with jitter, so that many clients that were dropped together do not come
/// back together.
package struct Backoff: Sendable {
    /// Between which bounds the delay is random.
    package enum Jitter: Sendable, Hashable {
        /// From zero to the exponential bound: spreads clients best.
        case full
        /// From half of the bound to all of it: for what must not be tried soon.
        case equal
    }

    /// The bound of the first delay.
    package let base: Duration
    /// The bound never grows beyond this.
    package let cap: Duration
    /// No delay is shorter than this.
    package let floor: Duration
    /// How much of the bound is random.
    package let jitter: Jitter

    /// Times beyond `longest` and below zero are brought into range.
    package init(base: Duration, cap: Duration, floor: Duration = .zero, jitter: Jitter = .full) {
        self.jitter = jitter
        self.base = min(max(base, .nanoseconds(1)), Self.longest)
        self.cap = min(max(cap, self.base), Self.longest)
        self.floor = min(max(floor, .zero), self.cap)
    }

    /// Thirty years: a number of nanoseconds that fits into 64 bits.
    package static let longest = Duration.seconds(30 * 365 * 86_400)

    /// The delay after the given number of failures before this one.
    ///
    /// - Parameter attempt: 0 for the first retry. Any number is fine: the bound is capped before it can overflow.
    package func delay(attempt: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        var bound = base
        var remaining = attempt
        while remaining > 0, bound < cap {
            bound = min(bound * 2, cap)
            remaining -= 1
        }
        let parts = bound.components
        let nanoseconds = parts.seconds * 1_000_000_000 + parts.attoseconds / 1_000_000_000
        let least = jitter == .full ? 0 : nanoseconds / 2
        return max(floor, .nanoseconds(Int64.random(in: least...nanoseconds, using: &generator)))
    }
}
