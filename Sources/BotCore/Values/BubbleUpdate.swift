/// One frame of an answer: what a bubble shows from now on.
public struct BubbleUpdate: Sendable, Hashable {
    /// Which bubble of the answer: 0, 1, 2, … An answer has more than one if it does not fit into one, or takes
    /// longer than one may stay open.
    public let bubble: Int
    /// All of the bubble's text so far. It replaces what the bubble showed; it is not what was added.
    public let text: String
    /// Whether this is the bubble's last update.
    public let isFinal: Bool

    /// Makes an update.
    public init(bubble: Int, text: String, isFinal: Bool) {
        self.bubble = bubble
        self.text = text
        self.isFinal = isFinal
    }
}
