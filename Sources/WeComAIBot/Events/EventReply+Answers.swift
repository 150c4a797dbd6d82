public import BotCore

extension EventReply {
    /// Greets the user who opened the chat, within 5 s of ``BotCore/Event/Kind/enterChat``.
    @discardableResult
    public func welcome(_ text: String) async -> Delivery {
        await answer(.text(text))
    }

    /// Greets the user who opened the chat with a card, within 5 s of ``BotCore/Event/Kind/enterChat``.
    @discardableResult
    public func welcome(_ card: TemplateCard) async -> Delivery {
        await answer(.card(card))
    }

    /// Replaces the card on which something was pressed, within 5 s of ``BotCore/Event/Kind/cardAction``.
    ///
    /// The card is shown whole as it is given here: what was shown before is not kept.
    ///
    /// - Parameters:
    ///   - card: With the task id of the card that it replaces; without one, it gets that.
    ///   - users: Who sees the new card; everybody who has the old one, unless given.
    @discardableResult
    public func update(_ card: TemplateCard, for users: [String]? = nil) async -> Delivery {
        guard let action = event.cardAction else {
            return .refused(.init("an event of kind \(event.kind.rawValue) has no card to be updated"))
        }
        guard let taskID = action.taskID, !taskID.isEmpty else {
            return .refused(.init("the press does not say on which card it was (task_id), so that none can be updated"))
        }
        var card = card
        card.taskID = card.taskID ?? taskID
        guard card.taskID == taskID else {
            return .refused(.init("the task id of an update is not the one of the card that was pressed"))
        }
        return await answer(.update(card, for: users))
    }
}
