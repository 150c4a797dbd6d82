extension GatewayMachine {
    /// `aibot_respond_welcome_msg`: only for `enter_chat`, once, in time.
    mutating func welcome(
        _ frame: GatewayCodec.ClientFrame,
        bot: String,
        on id: ConnectionID,
        _ now: ContinuousClock.Instant
    ) -> ServerCode {
        if let refusal = refuseEventAnswer(frame, bot: bot, on: id, now, to: { $0 == .enterChat }) { return refusal }
        switch frame.body?["msgtype"]?.string {
        case "text":
            guard content(of: frame.body?["text"]) != nil else { return invalid(frame, "no text content", id, now) }
        case "template_card":
            if let problem = CardRules.problem(in: frame.body?["template_card"]) {
                return invalid(frame, "card: \(problem)", id, now)
            }
        case nil: return invalid(frame, "no msgtype", id, now)
        default:
            violation(id, "\(frame.requestID): message type of a welcome", now)
            return .invalidMessageType
        }
        return answered(frame, .welcome, now)
    }

    /// `aibot_respond_update_msg`: only for `template_card_event`, once, in time, with the task's own id.
    mutating func updateCard(
        _ frame: GatewayCodec.ClientFrame,
        bot: String,
        on id: ConnectionID,
        _ now: ContinuousClock.Instant
    ) -> ServerCode {
        var task: String?
        let refusal = refuseEventAnswer(frame, bot: bot, on: id, now) { event in
            guard case .templateCard(_, _, let taskID, _) = event else { return false }
            task = taskID
            return true
        }
        if let refusal { return refusal }
        guard frame.body?["response_type"]?.string == "update_template_card" else {
            return invalid(frame, "response_type", id, now)
        }
        let card = frame.body?["template_card"]
        if let problem = CardRules.problem(in: card, isUpdate: true) {
            return invalid(frame, "card: \(problem)", id, now)
        }
        if let users = frame.body?["userids"] {
            guard case .array(let users) = users, users.allSatisfy({ $0.string?.isEmpty == false }) else {
                return invalid(frame, "userids", id, now)
            }
        }
        guard card?["task_id"]?.string == task else {
            return invalid(frame, "the task_id is not the callback's", id, now)
        }
        return answered(frame, .updateCard, now)
    }

    /// `aibot_send_msg`: a message that answers nothing.
    mutating func send(
        _ frame: GatewayCodec.ClientFrame,
        on id: ConnectionID,
        _ now: ContinuousClock.Instant
    ) -> ServerCode {
        guard let chat = frame.body?["chatid"]?.string, !chat.isEmpty else {
            return invalid(frame, "no chatid", id, now)
        }
        let isGroup: Bool?
        switch frame.body?["chat_type"] {
        case nil, .integer(0): isGroup = nil
        case .integer(1): isGroup = false
        case .integer(2): isGroup = true
        default: return invalid(frame, "chat_type", id, now)
        }
        guard let type = frame.body?["msgtype"]?.string else { return invalid(frame, "no msgtype", id, now) }
        var text = ""
        switch type {
        case "markdown":
            guard let content = content(of: frame.body?["markdown"]) else {
                return invalid(frame, "markdown content is missing, no string, or too long", id, now)
            }
            text = content
        case "template_card":
            if let problem = CardRules.problem(in: frame.body?[type]) {
                return invalid(frame, "card: \(problem)", id, now)
            }
        case "file", "image", "voice", "video":
            if let code = refuseMedia(type, in: frame, on: id, now) { return code }
        default:
            violation(id, "\(frame.requestID): message type \(type.prefix(64))", now)
            return .invalidMessageType
        }
        guard let conversation = conversations[chat], isGroup == nil || isGroup == conversation else {
            violation(id, "\(frame.requestID): a conversation of that type in which nobody has spoken", now)
            return .invalidChat
        }
        observe(.sent(chat: chat, messageType: type, text: text), now)
        return .ok
    }

    private mutating func refuseEventAnswer(
        _ frame: GatewayCodec.ClientFrame,
        bot: String,
        on id: ConnectionID,
        _ now: ContinuousClock.Instant,
        to isRight: (SimulatedEvent) -> Bool
    ) -> ServerCode? {
        guard
            let callback = answerable(frame, bot: bot, on: id), case .event(let event) = callback.kind,
            isRight(event), callback.answer == nil
        else {
            violation(id, "\(frame.command) for \(frame.requestID), which is no event it may answer", now)
            return .unknownRequest
        }
        return now - callback.pushedAt <= configuration.eventReplyWindow ? nil : .windowOver
    }

    private mutating func answered(
        _ frame: GatewayCodec.ClientFrame,
        _ command: ClientCommand,
        _ now: ContinuousClock.Instant
    ) -> ServerCode {
        callbacks[frame.requestID]?.answer = frame.body
        observe(.eventAnswered(requestID: frame.requestID, command: command), now)
        return .ok
    }

    private mutating func invalid(
        _ frame: GatewayCodec.ClientFrame,
        _ reason: String,
        _ id: ConnectionID,
        _ now: ContinuousClock.Instant
    ) -> ServerCode {
        violation(id, "\(frame.requestID): \(reason)", now)
        return .invalidParameter
    }
}
