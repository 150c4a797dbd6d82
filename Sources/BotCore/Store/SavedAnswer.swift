/// How far an answer has come: enough to finish it in another process.
package struct SavedAnswer: Sendable, Hashable {
    /// The final text of a bubble about which the server has not said anything.
    package struct Final: Sendable, Hashable {
        /// The bubble that it is of.
        package var bubble: Int
        /// All of it.
        package var text: String
        /// Whether it may have left: then the user may have it already.
        package var mayHaveArrived: Bool

        /// Names a final text.
        package init(bubble: Int, text: String, mayHaveArrived: Bool) {
            self.bubble = bubble
            self.text = text
            self.mayHaveArrived = mayHaveArrived
        }
    }

    /// Final texts that the server said nothing about, in the order of their bubbles. They come before ``text``.
    package var finals: [Final] = []
    /// The bubble that ``text`` begins in.
    package var bubble = 0
    /// What ``bubble`` holds so far and what follows it; what is in earlier bubbles is not in it.
    package var text = ""
    /// Whether ``bubble`` has shown something.
    package var isShown = false
    /// Whether ``finals`` and ``text`` are all that was to be said.
    package var isComplete = false
    /// The way back to the user, in the words of the channel, if it has become another than ``SavedTurn/route``.
    package var route: String?

    /// An answer that was begun and says nothing yet.
    package init() {}

    /// An answer that has come this far.
    package init(
        finals: [Final] = [],
        bubble: Int,
        text: String,
        isShown: Bool,
        isComplete: Bool,
        route: String? = nil
    ) {
        self.finals = finals
        self.bubble = bubble
        self.text = text
        self.isShown = isShown
        self.isComplete = isComplete
        self.route = route
    }

    /// The bubbles whose final text the user may have already.
    package var repeatedBubbles: Set<Int> { Set(finals.filter(\.mayHaveArrived).map(\.bubble)) }
}
