/// What an ``EventDispatcher`` has done so far, and what it is doing.
package struct EventStatistics: Sendable, Hashable {
    /// Events that came in, including those counted in the next two.
    package var received = 0
    /// Events that had been seen before; nothing was done about them.
    package var duplicates = 0
    /// Events for which there was no room, or that came when the intake had stopped.
    package var dropped = 0
    /// Handlers that threw.
    package var failures = 0
    /// Handlers that run now.
    package var running = 0

    /// Nothing yet.
    package init() {}
}
