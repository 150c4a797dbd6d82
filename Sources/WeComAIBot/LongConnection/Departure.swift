internal import BotCore

/// A request that leaves as soon as that is written down.
struct Departure: Sendable {
    /// How long a store may refuse that: long enough for a write that failed to be tried again.
    static let patience = Ledger.retryInterval + .seconds(1)

    let id: SendID
    /// The connection on which it leaves.
    let epoch: UInt64
    /// When that was asked for.
    let asked: ContinuousClock.Instant
}
