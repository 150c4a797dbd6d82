/// One frame of an answer: what a bubble shows from now on.
public struct BubbleUpdate: Sendable, Hashable {
    /// Which bubble of the answer: 0, 1, 2, … An answer has more than one if it does not fit into one, or takes
    /// longer than one may stay open.
    public let bubble: Int
    /// All of the bubble's text so far. It replaces what the bubble showed; it is not what was added.
    public let text: String
    /// Whether this is the bubble's last update.
    public let isFinal: Bool
    /// What is shown above the text as the bot's thinking; empty to show that it thinks, `nil` for nothing. Only for a channel with
    /// ``ReplyCapabilities/thinkingMarkupBytes``.
    public let thinking: String?
    /// Comes back when the user rates the answer. It belongs to what opens the bubble; a channel leaves it out of what does not.
    public let feedbackID: String?

    /// Makes an update.
    public init(bubble: Int, text: String, isFinal: Bool, thinking: String? = nil, feedbackID: String? = nil) {
        self.bubble = bubble
        self.text = text
        self.isFinal = isFinal
        self.thinking = thinking
        self.feedbackID = feedbackID
    }
}
