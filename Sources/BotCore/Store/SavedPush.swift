/// A message that is complete when it is sent, and about which the server has not said anything.
package struct SavedPush: Sendable, Hashable {
    /// Names the message in the store; later ones have higher numbers.
    package let number: Int64
    /// The message.
    package let message: OutboundMessage
    /// Where it goes.
    package let conversation: Conversation
    /// When it was to be sent: milliseconds since 1970.
    package let postedAt: Int64
    /// Whether it may have left: then the user may have it already.
    package var mayHaveArrived: Bool

    /// Names a message.
    package init(
        number: Int64,
        message: OutboundMessage,
        conversation: Conversation,
        postedAt: Int64,
        mayHaveArrived: Bool = false
    ) {
        self.number = number
        self.message = message
        self.conversation = conversation
        self.postedAt = postedAt
        self.mayHaveArrived = mayHaveArrived
    }
}
