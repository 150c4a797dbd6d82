import BotCore
import FoundationEssentials

/// Something that happened to the bot (`aibot_event_callback`).
struct EventCallback: Sendable, Hashable {
    let fields: CallbackFields
    let event: Event

    /// `event`. Open: an event this version does not know keeps its type.
    enum Event: Sendable, Hashable {
        /// A user opened the single chat for the first time today. A welcome is accepted within 5 s.
        case enterChat
        /// A user pressed something on a card. An update of the card is accepted within 5 s.
        case templateCard(CardAction)
        /// A user rated an answer.
        case feedback(Feedback)
        /// Another connection of this bot has subscribed: this one is no longer subscribed.
        case disconnected
        /// Undocumented: asks for the version of the client.
        case enterCheckUpdate
        /// Undocumented: the bot's right to documents changed; 1 create and edit them, 2 read those of members.
        case authChange([Int])
        /// Anything else, by its `eventtype`, which is empty if there is none.
        case unknown(type: String)
    }
}

extension EventCallback {
    /// The event without anything that is particular to this channel.
    ///
    /// - Parameter raw: The callback as received.
    func event(raw: [UInt8]) -> BotCore.Event {
        BotCore.Event(
            id: fields.messageID ?? "",
            kind: BotCore.Event.Kind(rawValue: event.type),
            conversation: fields.conversation,
            sender: fields.userID ?? "",
            raw: raw
        )
    }
}

extension EventCallback.Event {
    /// Its `eventtype`.
    var type: String {
        switch self {
        case .enterChat: "enter_chat"
        case .templateCard: "template_card_event"
        case .feedback: "feedback_event"
        case .disconnected: "disconnected_event"
        case .enterCheckUpdate: "enter_check_update"
        case .authChange: "auth_change_event"
        case .unknown(let type): type
        }
    }
}

extension EventCallback: Decodable {
    private enum Key: String, CodingKey { case event }

    init(from decoder: any Decoder) throws {
        fields = try CallbackFields(from: decoder)
        event = try decoder.container(keyedBy: Key.self).tolerant(Event.self, .event) ?? .unknown(type: "")
    }
}

extension EventCallback.Event: Decodable {
    private enum Key: String, CodingKey {
        case eventtype
        case templateCard = "template_card_event"
        case feedback = "feedback_event"
        case authChange = "auth_change_event"
    }

    private struct AuthChange: Decodable {
        let list: [Int]

        private enum Key: String, CodingKey { case list = "auth_list" }

        init(from decoder: any Decoder) throws {
            list = try decoder.container(keyedBy: Key.self).tolerantArray(of: Int.self, .list)
        }
    }

    /// What belongs to an event is under the event's name; some sources have it beside `eventtype` instead.
    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        func nestedOrFlat<Value: Decodable>(_ type: Value.Type, _ key: Key) throws -> Value {
            try container.tolerant(type, key) ?? Value(from: decoder)
        }
        switch container.tolerant(String.self, .eventtype) ?? "" {
        case "enter_chat": self = .enterChat
        case "template_card_event": self = .templateCard(try nestedOrFlat(CardActionBody.self, .templateCard).value)
        case "feedback_event": self = .feedback(try nestedOrFlat(FeedbackBody.self, .feedback).value)
        case "disconnected_event": self = .disconnected
        case "enter_check_update": self = .enterCheckUpdate
        case "auth_change_event": self = .authChange(try nestedOrFlat(AuthChange.self, .authChange).list)
        case let type: self = .unknown(type: type)
        }
    }
}

/// What a user pressed on a card, as the platform writes it.
private struct CardActionBody: Decodable {
    let value: CardAction

    private enum Key: String, CodingKey {
        case cardType = "card_type"
        case eventKey = "event_key"
        case taskID = "task_id"
        case items = "selected_items"
    }

    private struct Items: Decodable {
        let selections: [Selection]

        private enum Key: String, CodingKey { case item = "selected_item" }

        init(from decoder: any Decoder) throws {
            selections = try decoder.container(keyedBy: Key.self).tolerantArray(of: Selection.self, .item)
        }
    }

    private struct Selection: Decodable {
        let value: CardAction.Selection

        private enum Key: String, CodingKey {
            case questionKey = "question_key"
            case optionIDs = "option_ids"
        }

        private struct Options: Decodable {
            let ids: [String]

            private enum Key: String, CodingKey { case ids = "option_id" }

            init(from decoder: any Decoder) throws {
                ids = try decoder.container(keyedBy: Key.self).tolerantArray(of: String.self, .ids)
            }
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            value = CardAction.Selection(
                questionKey: container.tolerantString(.questionKey) ?? "",
                optionIDs: container.tolerant(Options.self, .optionIDs)?.ids ?? []
            )
        }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        value = CardAction(
            cardType: container.tolerantString(.cardType),
            key: container.tolerantString(.eventKey),
            taskID: container.tolerantString(.taskID),
            selections: container.tolerant(Items.self, .items)?.selections.map(\.value) ?? []
        )
    }
}

/// How a user rated an answer, as the platform writes it.
private struct FeedbackBody: Decodable {
    let value: Feedback

    private enum Key: String, CodingKey {
        case id, type, content
        case reasons = "inaccurate_reason_list"
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        value = Feedback(
            id: container.tolerantString(.id),
            verdict: container.tolerantInt(.type).map(Feedback.Verdict.init),
            content: container.tolerant(String.self, .content),
            reasons: container.tolerantArray(of: Int.self, .reasons).map(Feedback.Reason.init)
        )
    }
}
