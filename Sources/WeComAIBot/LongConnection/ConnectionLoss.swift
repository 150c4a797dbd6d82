/// Why a connection ended that nobody had asked to end, or did not come about. Having been displaced is counted by itself.
public enum ConnectionLoss: String, Sendable, Hashable, CaseIterable {
    /// The server or the network ended it, or there was no way to the server.
    case ended
    /// The socket did not open in time.
    case connectTimedOut = "connect_timed_out"
    /// The subscribe was not answered in time.
    case subscribeTimedOut = "subscribe_timed_out"
    /// The subscribe was refused with an error that passes by itself.
    case subscribeRefused = "subscribe_refused"
    /// The server said that the bot's id or secret is wrong.
    case credentialsRejected = "credentials_rejected"
    /// Nothing arrived after a heartbeat.
    case heartbeatLost = "heartbeat_lost"
    /// Things arrived, but two heartbeats in a row stayed without an answer, and everything else that was written.
    case heartbeatUnanswered = "heartbeat_unanswered"
    /// The server refused two heartbeats in a row, or one because the bot's id or secret is wrong.
    case heartbeatRefused = "heartbeat_refused"
    /// The server said that the connection is not subscribed (any more).
    case subscriptionLost = "subscription_lost"
    /// Too many frames stayed without acknowledgement.
    case tooManyUnanswered = "too_many_unanswered"
}
