/// What a user pressed on a card.
public struct CardAction: Sendable, Hashable {
    /// A question of the card and what was chosen.
    public struct Selection: Sendable, Hashable {
        /// The `question_key` of the checkbox or list.
        public let questionKey: String
        /// The ids of the options that were chosen.
        public let optionIDs: [String]

        /// Names a choice, for tests of a handler.
        public init(questionKey: String, optionIDs: [String]) {
            self.questionKey = questionKey
            self.optionIDs = optionIDs
        }
    }

    /// The kind of card, such as `button_interaction`.
    public let cardType: String?
    /// The key of the button, or of the entry of the menu.
    public let key: String?
    /// Which card: the ``TemplateCard/taskID`` that it was sent with.
    public let taskID: String?
    /// What was chosen, for cards with a checkbox or lists.
    public let selections: [Selection]

    /// Names what was pressed, for tests of a handler.
    public init(cardType: String? = nil, key: String?, taskID: String?, selections: [Selection] = []) {
        self.cardType = cardType
        self.key = key
        self.taskID = taskID
        self.selections = selections
    }
}
