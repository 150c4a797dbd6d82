/// Decides which of many equal lines of a log are worth writing: the first, the second, the fourth, the eighth …, each with the
/// count, so that a night of the same trouble is a handful of lines and nothing is hidden. After an hour without it, it is news
/// again.
package struct Repetition: Sendable, Hashable {
    /// After so long without it, it is counted anew.
    package static let quiet = Duration.seconds(3600)

    private var count = 0
    private var last: ContinuousClock.Instant?

    /// Nothing has happened yet.
    package init() {}

    /// It has happened once more.
    ///
    /// - Returns: How often it has now, if that is worth a line.
    package mutating func next(now: ContinuousClock.Instant) -> Int? {
        if let last, now - last >= Self.quiet { count = 0 }
        last = now
        count += 1
        return count & (count - 1) == 0 ? count : nil
    }
}
