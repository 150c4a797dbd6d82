/// An event the service reports.
package enum SimulatedEvent: Sendable, Hashable {
    /// The user opened the single chat for the first time today.
    case enterChat
    /// The user pressed a button of a card, and had chosen these options, by question.
    case templateCard(cardType: String, eventKey: String, taskID: String, selected: [String: [String]] = [:])
    /// The user rated an answer: 1 good, 2 bad, 3 withdrawn (official doc 101027).
    case feedback(id: String, type: Int)
    /// Anything else, with its payload under its own name.
    case other(String, JSONValue)

    /// `event.eventtype`.
    package var type: String {
        switch self {
        case .enterChat: "enter_chat"
        case .templateCard: "template_card_event"
        case .feedback: "feedback_event"
        case .other(let type, _): type
        }
    }

    /// `event`.
    var body: JSONValue {
        var members: [String: JSONValue] = ["eventtype": .string(type)]
        switch self {
        case .enterChat: break
        case .templateCard(let cardType, let eventKey, let taskID, let selected):
            var action: [String: JSONValue] = [
                "card_type": .string(cardType), "event_key": .string(eventKey), "task_id": .string(taskID),
            ]
            let items = selected.sorted { $0.key < $1.key }.map { question, options -> JSONValue in
                [
                    "question_key": .string(question),
                    "option_ids": ["option_id": .array(options.map { .string($0) })],
                ]
            }
            if !items.isEmpty { action["selected_items"] = ["selected_item": .array(items)] }
            members[type] = .object(action)
        case .feedback(let id, let rating):
            members[type] = ["id": .string(id), "type": .integer(rating)]
        case .other(_, let payload):
            members[type] = payload
        }
        return .object(members)
    }
}
