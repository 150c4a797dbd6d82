/// Something an operator may want to know: the driver logs and counts it.
enum Incident: Sendable, Hashable {
    /// The socket did not open in time.
    case connectTimedOut
    /// The subscribe was not answered in time.
    case subscribeTimedOut
    /// The subscribe was answered with an error that passes by itself.
    case subscribeRefused(ErrorCode, message: String)
    /// The subscribe was answered with: these credentials are wrong.
    case credentialsRejected(ErrorCode, message: String)
    /// Another connection of this bot has subscribed; so many times since it last held its place for long.
    case displaced(times: Int)
    /// That happened so many times that two processes must be fighting over the place. Once per fight.
    case displacementWar(times: Int)
    /// The server says that this connection is not subscribed (any more).
    case subscriptionLost
    /// Nothing arrived after a ping.
    case heartbeatLost
    /// Things arrive, but none of the last pings was answered, nor anything else that was written.
    case heartbeatUnanswered
    /// A ping was answered with an error: a sign of life all the same.
    case heartbeatRefused(ErrorCode)
    /// So many were that the connection is replaced.
    case heartbeatsRefused(ErrorCode)
    /// The connection ended, and nobody had asked for it.
    case connectionLost(reason: String)
    /// An acknowledgement came after its request had been given up.
    case lateAcknowledgement(RequestID, ErrorCode)
    /// An acknowledgement came that answers nothing that is on its way.
    case unknownAcknowledgement(RequestID, ErrorCode)
    /// A frame's acknowledgement never came; the next one of its `req_id` goes.
    case acknowledgementMissing(RequestID)
    /// So many frames stayed without acknowledgement that the connection is replaced.
    case tooManyUnanswered
    /// A frame was refused for a reason that passes, such as errcode 6000, and is sent again.
    case conflict(RequestID, ErrorCode)
    /// The server throttled a frame.
    case throttled(RequestID, ErrorCode)
    /// A request waits until its conversation may be written to again.
    case paced(RequestID)
    /// An intermediate update was left out, because its conversation may not be written to.
    case skipped(RequestID)
    /// So many conversations are active that some share a budget.
    case budgetsShared
    /// A request waited until it was too late to send it.
    case requestTooOld(RequestID)
    /// A request was refused because too many are unsettled.
    case queueFull(RequestID)
    /// A request came with a `SendID` that another one has: a mistake of the caller.
    case duplicateSend(SendID)
}
