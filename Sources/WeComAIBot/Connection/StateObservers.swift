internal import BotFoundation

/// Everybody who wants to know of each change of a connection's state.
final class StateObservers: Sendable {
    private struct State {
        var current = ConnectionState.idle
        var observers: [UInt64: AsyncStream<ConnectionState>.Continuation] = [:]
        var next: UInt64 = 0
    }

    private let state = Locked(State())

    /// How many there are.
    var count: Int { state.withLock { $0.observers.count } }

    /// Tells them; `stopped` is the last that they are told.
    func enter(_ new: ConnectionState) {
        let ended = state.withLock { state in
            state.current = new
            for observer in state.observers.values { observer.yield(new) }
            guard new == .stopped else { return [UInt64: AsyncStream<ConnectionState>.Continuation]() }
            defer { state.observers = [:] }
            return state.observers
        }
        // Not under the lock: each tells that it has ended.
        for observer in ended.values { observer.finish() }
    }

    /// The present state, and from then on every change; it ends after `stopped`. A reader that falls 256 changes behind loses the
    /// oldest ones, never the latest.
    func states() -> AsyncStream<ConnectionState> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: ConnectionState.self,
            bufferingPolicy: .bufferingNewest(256)
        )
        let id = state.withLock { state -> UInt64? in
            continuation.yield(state.current)
            guard state.current != .stopped else { return nil }
            state.next += 1
            state.observers[state.next] = continuation
            return state.next
        }
        guard let id else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in self?.state.withLock { $0.observers[id] = nil } }
        return stream
    }
}
