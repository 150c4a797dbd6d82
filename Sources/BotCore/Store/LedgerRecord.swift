/// One thing that is written down as it changes. It does not queue changes: when the ledger writes, it is asked for what the store
/// does not know yet.
protocol LedgerRecord: Sendable {
    /// Its number in the store, where nothing else has it.
    ///
    /// - Parameter base: The highest number that the store held when it was opened. What belongs to this process counts from there.
    func number(after base: Int64) -> Int64
    /// What the store does not know yet. On the ledger's thread only.
    func change(after base: Int64) -> StateChange?
    /// The change was written.
    func wrote(_ change: StateChange)
    /// The change was certainly not written.
    func failed(_ change: StateChange)
    /// Whether it has ended and is not in the store at all.
    var isGone: Bool { get }
    /// The id that stays when it has ended; `nil` if there is none.
    var sighting: SavedState.Sighting? { get }
}

extension LedgerRecord {
    func failed(_ change: StateChange) {}
}
