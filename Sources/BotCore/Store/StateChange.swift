/// One thing to write down. Writing it twice is the same as writing it once.
package enum StateChange: Sendable {
    /// A message was taken: the turn, and its id among the ids that were seen.
    case opened(SavedTurn)
    /// The answer of a turn has come this far.
    case answered(turn: Int64, SavedAnswer)
    /// Nothing is owed for a turn any more. Its message's id stays.
    case closed(turn: Int64)
    /// A message that is complete when it is sent waits to be, or is about to leave.
    case posted(SavedPush)
    /// Such a message is about to leave, or waits again because nobody can have seen it.
    case marked(push: Int64, mayHaveArrived: Bool)
    /// Such a message has its verdict.
    case settled(push: Int64)
    /// A message with this id was seen at a time, in milliseconds since 1970.
    case seen(id: String, at: Int64)
    /// Ids that were last seen before a time, and all but the newest `keeping`, are no longer of use.
    case forget(before: Int64, keeping: Int)
}
