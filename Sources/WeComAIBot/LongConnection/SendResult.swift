internal import BotCore

/// How a send ended, with what an upload has to know of it.
struct SendResult: Sendable {
    let delivery: Delivery
    /// The acknowledgement of a frame that was delivered.
    let acknowledgement: [UInt8]?
    /// The number of the connection at that time.
    let connection: UInt64
    let at: ContinuousClock.Instant

    init(_ delivery: Delivery, _ acknowledgement: [UInt8]?, connection: UInt64, at: ContinuousClock.Instant) {
        self.delivery = delivery
        self.acknowledgement = acknowledgement
        self.connection = connection
        self.at = at
    }
}
