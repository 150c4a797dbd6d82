/// Names a timer of an ``EventLoop``.
package struct TimerID: Sendable, Hashable {
    fileprivate let value: UInt64
}

/// Pending timers, earliest first; equal deadlines in the order of insertion. Insertion and removal cost O(log n): the
/// library's own timer list is linear, which is why only its first place is used, for the earliest deadline here.
struct TimerHeap: Sendable {
    private struct Entry {
        let deadline: ContinuousClock.Instant
        let id: TimerID
        let work: @Sendable () -> Void

        func isBefore(_ other: Entry) -> Bool {
            deadline != other.deadline ? deadline < other.deadline : id.value < other.id.value
        }
    }

    private var entries: [Entry] = []
    private var positions: [TimerID: Int] = [:]
    private var nextID: UInt64 = 0

    var count: Int { entries.count }

    /// The earliest deadline.
    var next: ContinuousClock.Instant? { entries.first?.deadline }

    mutating func insert(deadline: ContinuousClock.Instant, work: @escaping @Sendable () -> Void) -> TimerID {
        let id = TimerID(value: nextID)
        nextID += 1
        entries.append(Entry(deadline: deadline, id: id, work: work))
        positions[id] = entries.count - 1
        siftUp(from: entries.count - 1)
        return id
    }

    mutating func remove(_ id: TimerID) {
        guard let position = positions.removeValue(forKey: id) else { return }
        let last = entries.removeLast()
        guard position < entries.count else { return }
        entries[position] = last
        positions[last.id] = position
        siftDown(from: position)
        siftUp(from: position)
    }

    /// Forgets all of them. Their names are not used again.
    mutating func removeAll() {
        entries = []
        positions = [:]
    }

    /// Removes and returns the earliest timer, if its deadline has come.
    mutating func popDue(now: ContinuousClock.Instant) -> (@Sendable () -> Void)? {
        guard let first = entries.first, first.deadline <= now else { return nil }
        remove(first.id)
        return first.work
    }

    private mutating func siftUp(from start: Int) {
        var child = start
        while child > 0 {
            let parent = (child - 1) / 2
            guard entries[child].isBefore(entries[parent]) else { return }
            exchange(child, parent)
            child = parent
        }
    }

    private mutating func siftDown(from start: Int) {
        var parent = start
        while true {
            let left = 2 * parent + 1
            guard left < entries.count else { return }
            let right = left + 1
            let least = right < entries.count && entries[right].isBefore(entries[left]) ? right : left
            guard entries[least].isBefore(entries[parent]) else { return }
            exchange(parent, least)
            parent = least
        }
    }

    private mutating func exchange(_ a: Int, _ b: Int) {
        entries.swapAt(a, b)
        positions[entries[a].id] = a
        positions[entries[b].id] = b
    }
}
