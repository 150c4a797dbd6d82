/// A callback the simulator made, and what was answered to it.
struct Callback: Sendable {
    /// What it was, which decides which command may answer it.
    enum Kind: Sendable, Hashable {
        case message
        case event(SimulatedEvent)
    }

    let pushed: PushedMessage
    let bot: String
    let kind: Kind
    let frame: [UInt8]
    let pushedAt: ContinuousClock.Instant
    /// The connection it went to.
    let connection: ConnectionID?
    /// The answer so far.
    var bubbles: [Bubble] = []
    /// What an event was answered with.
    var answer: JSONValue?
    /// Until when a frame of this `req_id` is being handled, and for whom.
    var busy: (connection: ConnectionID, until: ContinuousClock.Instant)?
}
