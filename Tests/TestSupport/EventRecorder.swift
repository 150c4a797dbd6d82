internal import BotFoundation

/// Records what happens, and lets a test wait for it without sleeping or polling.
package final class EventRecorder<Event: Sendable>: Sendable {
    private struct Waiter {
        let isMet: @Sendable ([Event]) -> Bool
        let continuation: CheckedContinuation<[Event], Never>
    }

    private struct State {
        var events: [Event] = []
        var waiters: [Int: Waiter] = [:]
        var nextID = 0
    }

    private let state = Locked(State())

    package init() {}

    /// What happened so far.
    package var events: [Event] { state.withLock { $0.events } }

    /// Records one event. Any thread.
    package func record(_ event: Event) {
        let (events, met) = state.withLock { state -> ([Event], [Waiter]) in
            state.events.append(event)
            let events = state.events
            let met = state.waiters.filter { $0.value.isMet(events) }
            for id in met.keys { state.waiters[id] = nil }
            return (events, met.sorted { $0.key < $1.key }.map(\.value))
        }
        for waiter in met { waiter.continuation.resume(returning: events) }
    }

    /// Waits until `isMet` holds for all that happened so far. In vain, it returns when its task is cancelled, which is what the
    /// time limit of a test does.
    @discardableResult
    package func wait(until isMet: @escaping @Sendable ([Event]) -> Bool) async -> [Event] {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let met = state.withLock { state -> [Event]? in
                    if Task.isCancelled || isMet(state.events) { return state.events }
                    state.waiters[id] = Waiter(isMet: isMet, continuation: continuation)
                    return nil
                }
                if let met { continuation.resume(returning: met) }
            }
        } onCancel: {
            let (waiter, events) = state.withLock { ($0.waiters.removeValue(forKey: id), $0.events) }
            waiter?.continuation.resume(returning: events)
        }
    }

    /// Waits for the first event for which `transform` gives a value.
    package func first<Value: Sendable>(_ transform: @escaping @Sendable (Event) -> Value?) async -> Value {
        let events = await wait { $0.contains { transform($0) != nil } }
        guard let value = events.lazy.compactMap(transform).first else { fatalError("what was waited for never came") }
        return value
    }
}
