internal import BotCore

/// A request that leaves as soon as that is written down.
struct Departure: Sendable {
    /// How long a store may refuse that: long enough for a write that failed to be tried again.
    static let patience = Ledger.retryInterval + .seconds(1)

    var id: SendID
    /// The connection on which it leaves.
    var epoch: UInt64
    /// When that was asked for.
    var asked: ContinuousClock.Instant
}
