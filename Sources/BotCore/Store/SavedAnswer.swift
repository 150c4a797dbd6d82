/// How far an answer has come: enough to finish it in another process.
package struct SavedAnswer: Sendable, Hashable {
    /// The bubble that ``handed`` belongs to, or else the one that ``text`` begins in.
    package var bubble = 0
    /// The final text of ``bubble`` that was given to the channel and has no verdict yet: the user may have it already.
    package var handed: String?
    /// The text that follows ``handed``, or else the text of ``bubble`` so far; what is in earlier bubbles is not in it.
    package var text = ""
    /// Whether the bubble that ``text`` begins in has shown something.
    package var isShown = false
    /// Whether ``handed`` and ``text`` are all that was to be said.
    package var isComplete = false

    /// An answer that was begun and says nothing yet.
    package init() {}

    /// An answer that has come this far.
    package init(bubble: Int, handed: String?, text: String, isShown: Bool, isComplete: Bool) {
        self.bubble = bubble
        self.handed = handed
        self.text = text
        self.isShown = isShown
        self.isComplete = isComplete
    }
}
