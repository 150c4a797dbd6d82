internal import BotCore
internal import BotFoundation

/// Lets so many in at a time; others wait in the order in which they came.
final class DownloadSlots: Sendable {
    private enum Waiter {
        case waiting(CheckedContinuation<Bool, Never>)
        /// Cancelled before it had begun to wait.
        case cancelled
    }

    private struct State {
        var free: Int
        var waiters: [UInt64: Waiter] = [:]
        var queue = Queue<UInt64>()
        var nextID: UInt64 = 0
    }

    private let state: Locked<State>

    init(_ count: Int) {
        state = Locked(State(free: max(1, count)))
    }

    /// How many wait.
    var waiting: Int { state.withLock { $0.waiters.count } }

    /// Takes a slot, when there is one.
    ///
    /// - Throws: ``MediaError/Code/cancelled`` if the task is cancelled first; no slot is taken then.
    func acquire() async throws(MediaError) {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        let isIn = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let result = state.withLock { state -> Bool? in
                    if state.waiters.removeValue(forKey: id) != nil { return false }
                    if state.free > 0 {
                        state.free -= 1
                        return true
                    }
                    state.waiters[id] = .waiting(continuation)
                    state.queue.append(id)
                    return nil
                }
                if let result { continuation.resume(returning: result) }
            }
        } onCancel: {
            let waiter = state.withLock { state -> Waiter? in
                if let waiter = state.waiters.removeValue(forKey: id) { return waiter }
                state.waiters[id] = .cancelled
                return nil
            }
            if case .waiting(let continuation) = waiter { continuation.resume(returning: false) }
        }
        // A cancellation that came after the slot was taken has left a mark.
        state.withLock { $0.waiters[id] = nil }
        guard isIn else { throw .cancelled }
    }

    /// Gives a slot back, to the one who waits longest.
    func release() {
        let next = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            while let id = state.queue.popFirst() {
                if case .waiting(let continuation) = state.waiters.removeValue(forKey: id) { return continuation }
            }
            state.free += 1
            return nil
        }
        next?.resume(returning: true)
    }
}
