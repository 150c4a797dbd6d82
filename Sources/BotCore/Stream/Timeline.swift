/// A clock seen as instants of the continuous clock, which is what machines count in. A test puts a manual clock behind it.
package struct Timeline: Sendable {
    private let current: @Sendable () -> ContinuousClock.Instant
    private let pause: @Sendable (ContinuousClock.Instant) async throws -> Void

    /// The time of `clock`; it and the continuous clock agree now, and differ by how fast `clock` runs.
    package init(_ clock: any Clock<Duration>) {
        self.init(opening: clock)
    }

    private init<Source: Clock<Duration>>(opening clock: Source) {
        let base = ContinuousClock.now
        let origin = clock.now
        current = { base + origin.duration(to: clock.now) }
        pause = { try await clock.sleep(until: origin.advanced(by: base.duration(to: $0)), tolerance: nil) }
    }

    /// The time.
    package var now: ContinuousClock.Instant { current() }

    /// Returns at `deadline`, or throws when the task is cancelled.
    package func sleep(until deadline: ContinuousClock.Instant) async throws {
        try await pause(deadline)
    }

    /// Whether the promise is fulfilled by then. Not if the task is cancelled.
    package func reaches(_ promise: Promise<Void>, by deadline: ContinuousClock.Instant) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { await promise.value() != nil }
            group.addTask {
                do { try await self.sleep(until: deadline) } catch { return false }  // the promise came first
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
    }
}
