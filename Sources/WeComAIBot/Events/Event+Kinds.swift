public import BotCore
internal import FoundationEssentials

extension Event.Kind {
    /// A user opened the single chat for the first time that day. If it is not answered, it does not come again that day.
    /// ``BotCore/EventReply/welcome(_:)-(String)`` answers it.
    public static let enterChat = Event.Kind(rawValue: "enter_chat")
    /// A user pressed something on a card; ``BotCore/Event/cardAction`` says what.
    /// ``BotCore/EventReply/update(_:for:)`` answers it.
    public static let cardAction = Event.Kind(rawValue: "template_card_event")
    /// A user rated an answer; ``BotCore/Event/feedback`` says how. It takes no answer.
    public static let feedback = Event.Kind(rawValue: "feedback_event")
    /// Undocumented: something asks for the version of the client.
    public static let checkUpdate = Event.Kind(rawValue: "enter_check_update")
    /// Undocumented: the bot's right to documents changed; ``BotCore/Event/documentRights`` says to what.
    public static let documentRightsChanged = Event.Kind(rawValue: "auth_change_event")
}

extension Event {
    /// What was pressed, if it is a ``Kind/cardAction``. Reads ``raw`` anew each time.
    public var cardAction: CardAction? {
        if case .templateCard(let action) = payload { action } else { nil }
    }

    /// The rating, if it is a ``Kind/feedback``. Reads ``raw`` anew each time.
    public var feedback: Feedback? {
        if case .feedback(let feedback) = payload { feedback } else { nil }
    }

    /// What the bot may do with documents from now on, if it is a ``Kind/documentRightsChanged``: 1 create and edit them, 2 read those
    /// of members. Undocumented. Reads ``raw`` anew each time.
    public var documentRights: [Int]? {
        if case .authChange(let rights) = payload { rights } else { nil }
    }

    private var payload: EventCallback.Event? {
        do {
            let received = try JSONDecoder().decode(ReceivedEvent.self, from: Data(raw))
            return received.event.type == kind.rawValue ? received.event : nil
        } catch {
            return nil  // made by somebody else
        }
    }
}

/// An event as the long connection brings it, in an envelope, or as the callback address does, without one.
private struct ReceivedEvent: Decodable {
    let event: EventCallback.Event

    private enum Key: String, CodingKey { case body }

    init(from decoder: any Decoder) throws {
        let body = try decoder.container(keyedBy: Key.self).tolerant(EventCallback.self, .body)
        event = try body?.event ?? EventCallback(from: decoder).event
    }
}
