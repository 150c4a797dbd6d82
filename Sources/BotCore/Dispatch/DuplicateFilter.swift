/// Remembers the ids of the messages that were seen lately. The platform repeats a callback it believes lost, with the same id.
///
/// Bounded in number, forgetting the id that was seen longest ago, in bytes, and in time. Each operation costs O(1).
package struct DuplicateFilter: Sendable {
    /// Ten minutes, as in the official clients.
    package static let defaultTimeToLive = Duration.seconds(600)

    /// 8,192 ids: several minutes of a busy bot.
    package static let defaultCapacity = 8_192

    private struct Entry {
        var id: String
        var seen: ContinuousClock.Instant
        var older: Int
        var newer: Int
    }

    private static let none = -1

    /// The longest id that is kept as it is, in bytes; those of the platform have about 30.
    private static let maximumIDBytes = 128

    private let capacity: Int
    private let timeToLive: Duration
    private var slots: [String: Int] = [:]
    /// A list from `oldest` to `newest`, linked by index; a free slot is not in it.
    private var entries: [Entry] = []
    private var free: [Int] = []
    private var oldest = none
    private var newest = none

    /// - Parameters:
    ///   - capacity: How many ids are remembered; at least 1.
    ///   - timeToLive: For how long after it was last seen. At exactly this age an id is forgotten.
    package init(capacity: Int = defaultCapacity, timeToLive: Duration = defaultTimeToLive) {
        self.capacity = max(1, capacity)
        self.timeToLive = timeToLive
    }

    /// How many ids are remembered.
    package var count: Int { slots.count }

    /// How many bytes they have.
    var keptBytes: Int { slots.keys.reduce(0) { $0 + $1.utf8.count } }

    /// Whether `id` is remembered.
    func contains(_ id: String) -> Bool { slots[Self.key(id)] != nil }

    /// Remembers what was seen before and elsewhere. It costs as much as all that is remembered.
    mutating func merge(_ sightings: [(id: String, seen: ContinuousClock.Instant)]) {
        let old = sightings.filter { !$0.id.isEmpty }.map { (key: Self.key($0.id), seen: $0.seen) }
        let present = slots.map { (key: $0.key, seen: entries[$0.value].seen) }
        self = DuplicateFilter(capacity: capacity, timeToLive: timeToLive)
        for sighting in (old + present).sorted(by: { $0.seen < $1.seen }) { insert(key: sighting.key, now: sighting.seen) }
    }

    /// Whether `id` was seen lately. If so, it counts as seen again now. An empty id never was.
    package mutating func isDuplicate(_ id: String, now: ContinuousClock.Instant) -> Bool {
        expire(now: now)
        let key = Self.key(id)
        guard slots[key] != nil else { return false }
        insert(key: key, now: now)
        return true
    }

    /// Remembers `id`. An empty one says nothing and is not remembered.
    package mutating func insert(_ id: String, now: ContinuousClock.Instant) {
        guard !id.isEmpty else { return }
        insert(key: Self.key(id), now: now)
    }

    /// What is kept of an id: all of it, or, of one that is too long, its length and 128 bits that depend on all of it and on a
    /// secret of this process.
    private static func key(_ id: String) -> String {
        guard id.utf8.count > maximumIDBytes else { return id }
        let hashes = (0..<2).map { number in
            var hasher = Hasher()
            hasher.combine(number)
            hasher.combine(id)
            return hasher.finalize()
        }
        return "\(id.utf8.count) bytes, \(hashes)"
    }

    private mutating func insert(key id: String, now: ContinuousClock.Instant) {
        if let slot = slots[id] {
            unlink(slot)
            link(slot, seen: now)
            return
        }
        if slots.count == capacity { forget(oldest) }
        let entry = Entry(id: id, seen: now, older: Self.none, newer: Self.none)
        if let slot = free.popLast() {
            entries[slot] = entry
            slots[id] = slot
        } else {
            slots[id] = entries.count
            entries.append(entry)
        }
        if let slot = slots[id] { link(slot, seen: now) }
    }

    private mutating func expire(now: ContinuousClock.Instant) {
        while oldest != Self.none, entries[oldest].seen.duration(to: now) >= timeToLive { forget(oldest) }
    }

    private mutating func forget(_ slot: Int) {
        unlink(slot)
        slots[entries[slot].id] = nil
        entries[slot].id = ""
        free.append(slot)
    }

    private mutating func link(_ slot: Int, seen: ContinuousClock.Instant) {
        entries[slot].seen = seen
        entries[slot].older = newest
        entries[slot].newer = Self.none
        if newest == Self.none { oldest = slot } else { entries[newest].newer = slot }
        newest = slot
    }

    private mutating func unlink(_ slot: Int) {
        let (older, newer) = (entries[slot].older, entries[slot].newer)
        if older == Self.none { oldest = newer } else { entries[older].newer = newer }
        if newer == Self.none { newest = older } else { entries[newer].older = older }
    }
}
