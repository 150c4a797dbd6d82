/// What a ``Dispatcher`` has done so far, and what it is doing.
package struct DispatcherStatistics: Sendable, Hashable {
    /// Messages that came in, including those counted in the next three.
    package var received = 0
    /// Messages that had been seen before; nothing was done about them.
    package var duplicates = 0
    /// Messages for which there was no room.
    package var rejected = 0
    /// Messages that came after the intake had stopped.
    package var refused = 0

    /// Messages that were handled as parts of the next one.
    package var merged = 0
    /// Turns that another process had left, and that were taken over.
    package var recovered = 0
    /// How often the state could not be saved.
    package var storeFailures = 0

    /// Turns that run now.
    package var active = 0
    /// Messages that wait for their turn.
    package var queued = 0
    /// How many bytes those have.
    package var queuedBytes = 0

    /// Turns whose handler has no thread yet.
    package var threadless = 0
    /// Since when there are such turns and no handler has begun; `nil` if there are none.
    package var stalledSince: ContinuousClock.Instant?

    /// Turns that have ended with a delivered answer.
    package var delivered = 0
    /// Those of them whose answer came another way than it was begun.
    package var redirected = 0
    /// Turns that have ended with an answer that was refused, or was empty.
    package var undelivered = 0
    /// Turns that have ended with an answer nobody knows the fate of.
    package var unknown = 0
    /// Handlers that threw.
    package var handlerFailures = 0

    /// Nothing yet.
    package init() {}
}
