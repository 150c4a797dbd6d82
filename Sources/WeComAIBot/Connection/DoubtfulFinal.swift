/// A final update whose waiter was told that its fate is not known, and whose slot is free again.
///
/// A connection that is half open takes frames and answers none. Until something proves that the server still reads, what was
/// written may have gone nowhere.
struct DoubtfulFinal<Waiter: Sendable>: Sendable {
    let id: SendID
    let entry: RequestEntry<Waiter>
    let writtenAt: ContinuousClock.Instant
}

extension RequestTable {
    /// How many connections in a row may have been dead. A server that answers no frame at all is not asked for ever.
    private static var maximumDoubts: Int { 3 }

    /// A written frame is given up: a final update is remembered until the connection is known to have been alive then.
    mutating func doubt(_ id: SendID, _ entry: Entry, writtenAt: Instant) {
        guard entry.request.kind == .finalUpdate, !isProven(writtenAt), entry.doubts < Self.maximumDoubts else {
            return
        }
        if doubtful.count >= configuration.maximumRequests { doubtful.removeFirst() }
        doubtful.append(DoubtfulFinal(id: id, entry: entry, writtenAt: writtenAt))
    }

    /// The server answered something that was handed over at `instant`: it has read all that was written before. Of what was written
    /// at that very moment, which of the two was first is not known.
    mutating func proved(until instant: Instant) {
        provenUntil = instant
        doubtful.removeAll { $0.writtenAt < instant }
    }

    func isProven(_ writtenAt: Instant) -> Bool { provenUntil.map { writtenAt < $0 } ?? false }

    /// The connection has ended: what is in doubt goes again, before anything newer of its `req_id`.
    mutating func requeueDoubtful() {
        for final in doubtful.reversed() {
            var entry = final.entry
            entry.stage = .queued
            entry.mayHaveArrived = true
            entry.doubts += 1
            entries[final.id] = entry
            deadlines.set(entry.validUntil, for: final.id)
            lanes[entry.request.requestID, default: RequestLane()].queue.insert(final.id, at: 0)
        }
        doubtful = []
        provenUntil = nil
    }
}
