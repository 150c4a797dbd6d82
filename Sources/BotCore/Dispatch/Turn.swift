/// One message on its way through the dispatcher.
struct Turn: Sendable {
    enum Kind: Sendable {
        /// The handler answers; the turn holds its conversation's lane.
        case handled
        /// An answer that another process has begun is brought to its end; holds the lane as well.
        case resumed(SavedAnswer)
        /// There was no room: this text answers, beside the lanes.
        case busy(String)
    }

    var message: Inbound
    let channel: any ReplyChannel
    var kind = Kind.handled
    /// Where it is written down, if it is.
    var record: TurnRecord?
    /// Whether it comes from before the start of this process.
    var isRecovered = false
    /// When its message came.
    var arrived: ContinuousClock.Instant?
    /// The parts of its message that came before the last, without their content; see ``MessageMerge``.
    var earlier: [Turn] = []
}
