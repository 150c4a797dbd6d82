import BotCore

/// Whose budget a frame is paid from, and what for.
struct Charge: Sendable, Hashable {
    enum Item: Sendable, Hashable {
        /// An update of the stream with this id: the first one opens a bubble.
        case stream(String)
        /// A message of its own.
        case push
    }

    let conversation: Conversation
    let item: Item
}
