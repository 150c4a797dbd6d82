import BotCore

/// Requests of which it is written down, before they leave, that they may have arrived.
extension RequestTable {
    /// The first of its lane could go. It keeps its place, and is counted now, so that no more are asked for than may go.
    mutating func askToDepart(_ id: SendID, _ entry: Entry, now: Instant, into actions: inout [Action]) {
        guard entry.departure == .none else { return }
        pay(id, entry, now: now, into: &actions)
        entries[id]?.departure = .asked
        actions.append(.record(id, .departing))
    }

    /// It is written down: it goes.
    mutating func depart(_ id: SendID, now: Instant, into actions: inout [Action]) {
        guard let entry = entries[id], entry.departure == .asked else { return }
        entries[id]?.departure = .allowed
        advance(entry.request.requestID, now: now, into: &actions)
    }

    /// Nobody can have seen it, and it waits again.
    mutating func standsWaiting(_ id: SendID, into actions: inout [Action]) {
        guard let entry = entries[id], entry.departure != .none else { return }
        entries[id]?.departure = .none
        actions.append(.record(id, .waiting))
    }

    /// The connection has ended: what was not yet handed over waits for the next one.
    mutating func callBack(into actions: inout [Action]) {
        let asked = entries.filter { $0.value.stage == .queued && $0.value.departure != .none }
        for (id, entry) in asked.sorted(by: { $0.value.sequence < $1.value.sequence }) {
            refund(id, entry)
            standsWaiting(id, into: &actions)
        }
    }
}
