/// One message on its way through the dispatcher.
struct Turn: Sendable {
    enum Kind: Sendable {
        /// The handler answers; the turn holds its conversation's lane.
        case handled
        /// There was no room: this text answers, beside the lanes.
        case busy(String)
    }

    let message: Inbound
    let channel: any ReplyChannel
    var kind = Kind.handled
}
