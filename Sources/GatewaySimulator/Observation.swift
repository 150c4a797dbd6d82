/// One connection to the simulator, numbered from 1 in the order of arrival.
package struct ConnectionID: RawRepresentable, Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The number.
    package let rawValue: Int

    /// Wraps a number.
    package init(rawValue: Int) { self.rawValue = rawValue }
    /// `#1`.
    package var description: String { "#\(rawValue)" }
    /// Orders by arrival.
    package static func < (left: ConnectionID, right: ConnectionID) -> Bool { left.rawValue < right.rawValue }
}

/// Something the far side saw or did. Never carries a secret.
package struct Observation: Sendable, Hashable, CustomStringConvertible {
    /// What it was.
    package enum Event: Sendable, Hashable {
        /// A WebSocket connection was opened.
        case opened(ConnectionID)
        /// It ended, whoever ended it; 1006 when there was no close frame.
        case closed(ConnectionID, code: UInt16)
        /// It subscribed as this bot.
        case subscribed(ConnectionID, bot: String)
        /// A newer connection of the same bot took its place.
        case displaced(ConnectionID)
        /// A well-formed frame arrived. `command` may be one that does not exist.
        case received(ConnectionID, command: String, requestID: String, bytes: Int)
        /// The verdict on a frame was sent.
        case acknowledged(ConnectionID, requestID: String, code: ServerCode)
        /// A callback was sent to a bot.
        case pushed(ConnectionID, PushedMessage)
        /// A callback had nobody to go to: no connection of the bot was subscribed. It is not repeated later.
        case lost(PushedMessage)
        /// What the user sees of an answer changed.
        case updated(messageID: String, chat: String, bubble: Bubble)
        /// A message that answers no callback was accepted.
        case sent(chat: String, messageType: String, text: String)
        /// An event was answered (welcome message, card update).
        case eventAnswered(requestID: String, command: ClientCommand)
        /// An upload ended, and its media can be sent.
        case uploaded(ReceivedMedia)
        /// A chunk arrived that the service had already.
        case repeatedChunk(uploadID: String, index: Int)
        /// The client broke a rule.
        case violation(ConnectionID, String)
    }

    /// When, on the clock that drives the machine.
    package let at: ContinuousClock.Instant
    /// What.
    package let event: Event

    /// What, for people, in one line.
    package var description: String {
        switch event {
        case .opened(let id): "\(id) opened"
        case .closed(let id, let code): "\(id) closed \(code)"
        case .subscribed(let id, let bot): "\(id) subscribed as \(bot)"
        case .displaced(let id): "\(id) displaced"
        case .received(let id, let command, let requestID, let bytes): "\(id) → \(command) \(requestID) \(bytes) bytes"
        case .acknowledged(let id, let requestID, let code): "\(id) ← \(requestID) \(code)"
        case .pushed(let id, let message): "\(id) ← \(message.messageID) in \(message.chat)"
        case .lost(let message): "\(message.messageID) in \(message.chat) lost: nobody is subscribed"
        case .updated(let messageID, let chat, let bubble):
            "\(chat) sees, for \(messageID): \(bubble.text)\(bubble.isFinished ? "" : " …")"
        case .sent(let chat, let messageType, let text): "\(chat) gets \(messageType): \(text)"
        case .eventAnswered(let requestID, let command): "\(command.rawValue) for \(requestID) accepted"
        case .uploaded(let media): "\(media.type) \(media.name) of \(media.bytes) bytes is \(media.id)"
        case .repeatedChunk(let uploadID, let index): "chunk \(index) of \(uploadID) came again"
        case .violation(let id, let text): "\(id) broke a rule: \(text)"
        }
    }
}

/// A callback the simulator made.
package struct PushedMessage: Sendable, Hashable {
    /// `msgid`.
    package let messageID: String
    /// `headers.req_id`, which an answer has to carry.
    package let requestID: String
    /// The group's id, or the user's in a single chat.
    package let chat: String
}

/// One bubble of an answer, as the user sees it.
package struct Bubble: Sendable, Hashable {
    /// The stream it shows; `nil` for a message that came whole.
    package let streamID: String?
    /// `stream`, `markdown`, `template_card`, …
    package let messageType: String
    /// The text, whole.
    package internal(set) var text: String
    /// Whether it is complete.
    package internal(set) var isFinished: Bool
    /// How many accepted frames it took.
    package internal(set) var frames: Int
    /// When its first frame was accepted.
    package let startedAt: ContinuousClock.Instant
    /// What it shows that was uploaded.
    package internal(set) var mediaID: String?
    /// The images below the text.
    package internal(set) var images: [ShownImage] = []
}

/// An image that came with an answer.
package struct ShownImage: Sendable, Hashable {
    /// The MD5 of what would be in its file.
    package let md5: String
    /// How many bytes that has.
    package let bytes: Int
}
