/// Where a long connection stands, and what it has seen so far, at one moment.
package struct ConnectionSnapshot: Sendable, Hashable {
    /// Where it stands.
    package let state: ConnectionState
    /// Since when.
    package let stateSince: ContinuousClock.Instant
    /// Since when it is ready; `nil` if it is not.
    package internal(set) var readySince: ContinuousClock.Instant?
    /// When the last frame arrived, of whatever kind.
    package internal(set) var lastFrame: ContinuousClock.Instant?
    /// When a ping was last answered.
    package internal(set) var lastPong: ContinuousClock.Instant?
    /// How often a connection was attempted.
    package internal(set) var attempts = 0
    /// How many sends have no verdict yet, or hold back the next one of their `req_id`.
    package internal(set) var unsettled = 0
    /// Of those, how many wait for a connection or for the one before.
    package internal(set) var queued = 0
    /// Bytes that the socket has and has not passed on yet.
    package internal(set) var handedBytes = 0
    /// Requests to the callback address that were turned away, by HTTP status.
    package internal(set) var refusedCallbacks: [Int: Int] = [:]
    /// Whether the state that several processes share can be used; `nil` if there is none.
    package internal(set) var sharedStateWorks: Bool?
    /// How often it could not.
    package internal(set) var sharedStateFailures = 0
    /// The counters.
    package internal(set) var statistics = ConnectionStatistics()

    /// One in which nothing has happened yet.
    package init(_ state: ConnectionState, since: ContinuousClock.Instant) {
        self.state = state
        stateSince = since
    }
}
