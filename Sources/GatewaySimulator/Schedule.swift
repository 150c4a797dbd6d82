/// What the machine does later, in order of time; in order of entry where times are equal.
struct Schedule<Item: Sendable>: Sendable {
    private var entries: [(due: ContinuousClock.Instant, item: Item)] = []

    /// When the first item is due.
    var next: ContinuousClock.Instant? { entries.first?.due }

    /// Adds an item.
    mutating func add(_ item: Item, at due: ContinuousClock.Instant) {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].due <= due { low = middle + 1 } else { high = middle }
        }
        entries.insert((due, item), at: low)
    }

    /// Takes out everything that is due.
    mutating func take(until now: ContinuousClock.Instant) -> [Item] {
        let count = entries.prefix { $0.due <= now }.count
        defer { entries.removeFirst(count) }
        return entries.prefix(count).map(\.item)
    }

    /// Forgets items.
    mutating func remove(where unwanted: (Item) -> Bool) {
        entries.removeAll { unwanted($0.item) }
    }
}
