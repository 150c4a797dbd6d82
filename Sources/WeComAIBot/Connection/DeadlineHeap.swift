/// The deadlines of many things, the earliest at hand. Each key has one deadline at most; setting it anew moves it.
struct DeadlineHeap<Key: Hashable & Sendable>: Sendable {
    private var heap: [(deadline: ContinuousClock.Instant, key: Key)] = []
    private var positions: [Key: Int] = [:]

    /// The earliest deadline and whose it is.
    var first: (deadline: ContinuousClock.Instant, key: Key)? { heap.first }

    /// The number of keys that have one.
    var count: Int { heap.count }

    /// Sets or moves the deadline of a key; `nil` takes it away.
    mutating func set(_ deadline: ContinuousClock.Instant?, for key: Key) {
        guard let deadline else { return remove(key) }
        let index: Int
        if let known = positions[key] {
            index = known
            heap[index].deadline = deadline
        } else {
            index = heap.count
            heap.append((deadline, key))
            positions[key] = index
        }
        siftDown(siftUp(index))
    }

    /// Takes the deadline of a key away, if it has one.
    mutating func remove(_ key: Key) {
        guard let index = positions.removeValue(forKey: key) else { return }
        let last = heap.removeLast()
        guard index < heap.count else { return }
        heap[index] = last
        positions[last.key] = index
        siftDown(siftUp(index))
    }

    mutating func removeAll() {
        heap.removeAll()
        positions.removeAll()
    }

    private mutating func siftUp(_ start: Int) -> Int {
        var index = start
        while index > 0, heap[index].deadline < heap[(index - 1) / 2].deadline {
            swap(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
        return index
    }

    private mutating func siftDown(_ start: Int) {
        var index = start
        while true {
            var smallest = index
            for child in [2 * index + 1, 2 * index + 2] where child < heap.count {
                if heap[child].deadline < heap[smallest].deadline { smallest = child }
            }
            guard smallest != index else { return }
            swap(index, smallest)
            index = smallest
        }
    }

    private mutating func swap(_ first: Int, _ second: Int) {
        heap.swapAt(first, second)
        positions[heap[first].key] = first
        positions[heap[second].key] = second
    }
}
