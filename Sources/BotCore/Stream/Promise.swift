import BotFoundation

/// A value that is set once and that any number of tasks may wait for.
package final class Promise<Value: Sendable>: Sendable {
    private enum Waiter {
        case waiting(CheckedContinuation<Value?, Never>)
        /// Cancelled before it had begun to wait.
        case cancelled
    }

    private struct State {
        var value: Value?
        var waiters: [Int: Waiter] = [:]
        var nextWaiter = 0
    }

    private let state = Locked(State())

    /// Not set yet.
    package init() {}

    /// The value, if it is set.
    package var current: Value? { state.withLock { $0.value } }

    /// Sets the value and resumes whoever waits. Only the first call has an effect.
    package func fulfill(_ value: Value) {
        let waiters = state.withLock { state -> [Waiter] in
            guard state.value == nil else { return [] }
            state.value = value
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for case .waiting(let continuation) in waiters { continuation.resume(returning: value) }
    }

    /// Waits for the value; `nil` if the waiting task is cancelled first. Every waiter is resumed exactly once.
    package func value() async -> Value? {
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let result = state.withLock { state -> Value?? in
                    if let value = state.value { return .some(value) }
                    if state.waiters.removeValue(forKey: id) != nil { return .some(nil) }
                    state.waiters[id] = .waiting(continuation)
                    return nil
                }
                if let result { continuation.resume(returning: result) }
            }
        } onCancel: {
            let waiter = state.withLock { state -> Waiter? in
                guard state.value == nil else { return nil }
                if let waiter = state.waiters.removeValue(forKey: id) { return waiter }
                state.waiters[id] = .cancelled
                return nil
            }
            if case .waiting(let continuation) = waiter { continuation.resume(returning: nil) }
        }
    }
}
