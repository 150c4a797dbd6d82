/// A message that was taken and not yet settled.
package struct SavedTurn: Sendable {
    /// Names the turn in the store; turns that came later have higher numbers.
    package let number: Int64
    /// The message.
    package let message: Inbound
    /// Where the answer goes, in the words of the channel (``ReplyChannel/route``); `nil` if it cannot be found again.
    package let route: String?
    /// When the message was taken: milliseconds since 1970.
    package let receivedAt: Int64
    /// How far the answer has come; `nil` while the handler has not been started.
    package var answer: SavedAnswer?

    /// The numbers that are accepted. Far from where counting on would overflow.
    package static let numbers: ClosedRange<Int64> = 1...(1 << 53)

    /// Names a turn.
    package init(number: Int64, message: Inbound, route: String?, receivedAt: Int64, answer: SavedAnswer? = nil) {
        self.number = number
        self.message = message
        self.route = route
        self.receivedAt = receivedAt
        self.answer = answer
    }
}
