/// Where a long connection stands.
///
/// `ready` is the only state in which messages arrive and answers leave. In every other state but `closing` and `stopped`,
/// answers are kept and leave after the next successful subscribe.
public enum ConnectionState: Sendable, Hashable {
    /// Not started. Next: `connecting`, `stopped`.
    case idle
    /// Resolving, connecting, TLS, upgrade; after a change of the configuration, also while the connection before it closes.
    /// Next: `subscribing`, `waiting`, `closing`, `stopped`.
    case connecting
    /// The socket is open and the subscribe is on its way; an open socket is not yet a subscribed one.
    /// Next: `ready`, `waiting`, `credentialsRejected`, `displaced`, `connecting`, `closing`.
    case subscribing
    /// Subscribed. Next: `waiting`, `displaced`, `connecting`, `closing`.
    case ready
    /// The connection ended or never came about; the next attempt is at `retryAt`. When the network comes up, or the machine has
    /// slept, that is said anew and sooner. Next: `connecting`, `waiting`, `stopped`.
    case waiting(retryAt: ContinuousClock.Instant, reason: String)
    /// Another connection of the same bot took the place, the first time at `since`; the next attempt to take it back is at
    /// `retryAt`, which is `nil` if there is none. Next: `connecting`, `stopped`.
    case displaced(since: ContinuousClock.Instant, retryAt: ContinuousClock.Instant?)
    /// The server says that the bot's id or secret is wrong, the first time at `since`. Somebody has to correct the
    /// configuration; it is tried again at `retryAt` all the same. Next: `connecting`, `stopped`.
    case credentialsRejected(since: ContinuousClock.Instant, retryAt: ContinuousClock.Instant, code: ErrorCode)
    /// Stopped by the owner; the close handshake is going on. Next: `stopped`.
    case closing
    /// Stopped for good. Next: none.
    case stopped
}
