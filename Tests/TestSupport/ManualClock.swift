import BotFoundation

/// A clock that stands still until a test moves it.
package final class ManualClock: Clock, Sendable {
    /// A time since the clock was made.
    package struct Instant: InstantProtocol {
        package let offset: Duration

        package func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        package func duration(to other: Instant) -> Duration { other.offset - offset }
        package static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private enum Sleeper {
        case sleeping(until: Instant, CheckedContinuation<Void, any Error>)
        /// Cancelled before it had begun to sleep.
        case cancelled
    }

    private struct Watcher {
        let wanted: Int
        let continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var now = Instant(offset: .zero)
        var sleepers: [Int: Sleeper] = [:]
        var watchers: [Watcher] = []
        var nextID = 0

        var sleeping: Int { sleepers.values.count { if case .sleeping = $0 { true } else { false } } }

        /// Takes out the watchers that have what they want.
        mutating func satisfied() -> [Watcher] {
            let count = sleeping
            defer { watchers.removeAll { $0.wanted <= count } }
            return watchers.filter { $0.wanted <= count }
        }
    }

    private let state = Locked(State())

    package init() {}

    package var now: Instant { state.withLock { $0.now } }
    package var minimumResolution: Duration { .nanoseconds(1) }

    /// How many tasks sleep now.
    package var sleepers: Int { state.withLock { $0.sleeping } }

    /// Moves the time forward and wakes, in the order of their deadlines, those whose time has come.
    package func advance(by duration: Duration) {
        let woken = state.withLock { state in
            state.now = state.now.advanced(by: duration)
            var due: [(deadline: Instant, continuation: CheckedContinuation<Void, any Error>)] = []
            for (id, sleeper) in state.sleepers {
                guard case .sleeping(let deadline, let continuation) = sleeper, deadline <= state.now else { continue }
                due.append((deadline, continuation))
                state.sleepers[id] = nil
            }
            return due.sorted { $0.deadline < $1.deadline }.map(\.continuation)
        }
        for continuation in woken { continuation.resume() }
    }

    /// Returns when at least `count` tasks sleep on this clock, without polling.
    package func waitForSleepers(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let satisfied = state.withLock { state in
                state.watchers.append(Watcher(wanted: count, continuation: continuation))
                return state.satisfied()
            }
            for watcher in satisfied { watcher.continuation.resume() }
        }
    }

    package func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                enter(id, until: deadline, continuation)
            }
        } onCancel: {
            let sleeper = state.withLock { state -> Sleeper? in
                if let sleeper = state.sleepers.removeValue(forKey: id) { return sleeper }
                state.sleepers[id] = .cancelled
                return nil
            }
            if case .sleeping(_, let continuation) = sleeper { continuation.resume(throwing: CancellationError()) }
        }
    }

    private func enter(_ id: Int, until deadline: Instant, _ continuation: CheckedContinuation<Void, any Error>) {
        enum Outcome { case awake, cancelled, asleep([Watcher]) }
        let outcome = state.withLock { state -> Outcome in
            if state.sleepers.removeValue(forKey: id) != nil { return .cancelled }
            if deadline <= state.now { return .awake }
            state.sleepers[id] = .sleeping(until: deadline, continuation)
            return .asleep(state.satisfied())
        }
        switch outcome {
        case .awake: continuation.resume()
        case .cancelled: continuation.resume(throwing: CancellationError())
        case .asleep(let watchers): for watcher in watchers { watcher.continuation.resume() }
        }
    }
}
