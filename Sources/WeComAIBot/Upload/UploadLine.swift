import BotCore
import BotFoundation

/// When uploads may begin, and which chunks may be on their way: those of all uploads of a connection stand in one line, first come,
/// first served. Of several uploads that wait to begin, any may be the next.
///
/// A chunk that is with the network can no longer be overtaken, wherever it waits there. So one goes at a time, and a second one
/// beside it only while chunks are acknowledged so fast that two of them delay nobody.
final class UploadLine: Sendable {
    /// Two chunks may be under way after one that took no longer than this from the hand-over to its acknowledgement.
    static let fast = Duration.milliseconds(500)
    /// The official Node SDK has two under way in a large upload, because the server takes no more.
    static let maximum = 2

    private struct State {
        var limit = 1
        var underway = 0
        var waiting: [(id: UInt64, promise: Promise<Void>)] = []
        var nextID: UInt64 = 0
        var budget = RateBudget(UploadRules.rate)

        /// Lets those in that may.
        mutating func admit() -> [Promise<Void>] {
            var admitted: [Promise<Void>] = []
            while underway < limit, !waiting.isEmpty {
                underway += 1
                admitted.append(waiting.removeFirst().promise)
            }
            return admitted
        }
    }

    private let state = Locked(State())
    /// Nothing is sent any more: nobody has to wait.
    let over = Promise<Void>()

    /// Counts an upload, if one may begin.
    ///
    /// - Returns: When one may; `nil` if it was counted.
    func begin(now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        state.withLock { state in
            if let due = state.budget.freeAt(now: now) { return due }
            state.budget.spend(now: now)
            return nil
        }
    }

    /// Waits for its turn. Whoever had it calls ``leave(after:)``.
    ///
    /// - Returns: false if the task was cancelled first: then it has no turn.
    func enter() async -> Bool {
        let promise = Promise<Void>()
        let (id, admitted) = state.withLock { state -> (UInt64, [Promise<Void>]) in
            state.nextID += 1
            state.waiting.append((state.nextID, promise))
            return (state.nextID, state.admit())
        }
        for promise in admitted { promise.fulfill(()) }
        if await promise.value() != nil { return true }
        let waited = state.withLock { state in
            let count = state.waiting.count
            state.waiting.removeAll { $0.id == id }
            return state.waiting.count < count
        }
        if !waited { leave(after: nil) }
        return false
    }

    /// The turn is over.
    ///
    /// - Parameter time: from the hand-over to the acknowledgement; nil if it says nothing about the chunks that follow.
    func leave(after time: Duration?) {
        let admitted = state.withLock { state -> [Promise<Void>] in
            state.underway -= 1
            state.limit = time.map { $0 <= Self.fast } ?? false ? Self.maximum : 1
            return state.admit()
        }
        for promise in admitted { promise.fulfill(()) }
    }

    /// How many may be on their way, and are, and wait.
    var figures: (limit: Int, underway: Int, waiting: Int) {
        state.withLock { ($0.limit, $0.underway, $0.waiting.count) }
    }
}
