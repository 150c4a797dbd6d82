extension GatewayMachine {
    /// A user says something.
    ///
    /// - Parameters:
    ///   - user: who says it.
    ///   - chat: the group; `nil` for the single chat with the bot.
    ///   - text: what, verbatim. In a group the real service keeps the mention (`@Helper …`).
    ///   - bot: to whom; `nil` is allowed where only one bot exists.
    /// - Returns: the callback, and what to do. Nothing is sent when no connection of the bot is subscribed; the message
    ///   is then lost, as it is on the real service.
    package mutating func pushText(
        from user: String,
        in chat: String? = nil,
        _ text: String,
        to bot: String? = nil,
        now: ContinuousClock.Instant
    ) -> (message: PushedMessage, actions: [Action]) {
        push(from: user, in: chat, type: "text", ["text": ["content": .string(text)]], to: bot, now: now)
    }

    /// A user sends a message of any type; `content` is merged into the body.
    package mutating func push(
        from user: String,
        in chat: String? = nil,
        type: String,
        _ content: [String: JSONValue],
        to bot: String? = nil,
        now: ContinuousClock.Instant
    ) -> (message: PushedMessage, actions: [Action]) {
        let number = takeID()
        let messageID = "\(configuration.idPrefix)-msg-\(number)"
        let code = "\(configuration.idPrefix)-\(number)"
        var body = callbackBody(messageID, from: user, in: chat, to: bot, now)
        body["response_url"] = .string("https://gateway.invalid/cgi-bin/aibot/response?response_code=\(code)")
        body["msgtype"] = .string(type)
        body.merge(content) { _, new in new }
        return push(body, messageID, number, from: user, in: chat, kind: .message, to: bot, now)
    }

    /// Something happens that is no message.
    package mutating func pushEvent(
        _ event: SimulatedEvent,
        from user: String,
        in chat: String? = nil,
        to bot: String? = nil,
        now: ContinuousClock.Instant
    ) -> (message: PushedMessage, actions: [Action]) {
        let number = takeID()
        let messageID = "\(configuration.idPrefix)-event-\(number)"
        var body = callbackBody(messageID, from: user, in: chat, to: bot, now)
        body["msgtype"] = "event"
        body["event"] = event.body
        return push(body, messageID, number, from: user, in: chat, kind: .event(event), to: bot, now)
    }

    /// Sends bytes as they are to the subscribed connection of a bot (if none is, to the newest connection).
    package mutating func pushRaw(
        _ bytes: [UInt8],
        isText: Bool = true,
        to bot: String? = nil,
        now: ContinuousClock.Instant
    ) -> [Action] {
        if let id = target(of: bot) { transmit(bytes, isText: isText, on: id) }
        return flush()
    }

    private func callbackBody(
        _ messageID: String,
        from user: String,
        in chat: String?,
        to bot: String?,
        _ now: ContinuousClock.Instant
    ) -> [String: JSONValue] {
        var body: [String: JSONValue] = [
            "msgid": .string(messageID),
            "aibotid": .string(resolve(bot)),
            "chattype": chat == nil ? "single" : "group",
            "from": ["userid": .string(user)],
            "create_time": .integer(unixTime(at: now)),
        ]
        if let chat { body["chatid"] = .string(chat) }
        return body
    }

    private mutating func push(
        _ body: [String: JSONValue],
        _ messageID: String,
        _ number: Int,
        from user: String,
        in chat: String?,
        kind: Callback.Kind,
        to bot: String?,
        _ now: ContinuousClock.Instant
    ) -> (message: PushedMessage, actions: [Action]) {
        let requestID = "\(configuration.idPrefix)-req-\(number)"
        let message = PushedMessage(messageID: messageID, requestID: requestID, chat: chat ?? user)
        let bot = resolve(bot)
        let connection = effective[bot]
        let frame =
            kind == .message
            ? codec.messageCallback(requestID: requestID, body: .object(body))
            : codec.eventCallback(requestID: requestID, body: .object(body))
        remember(
            Callback(pushed: message, bot: bot, kind: kind, frame: frame, pushedAt: now, connection: connection)
        )
        if kind == .message { conversations[message.chat] = chat != nil }
        if let connection, transmit(frame, on: connection) {
            observe(.pushed(connection, message), now)
        } else {
            observe(.lost(message), now)
        }
        return (message, flush())
    }

    private mutating func remember(_ callback: Callback) {
        callbacks[callback.pushed.requestID] = callback
        requestIDs[callback.pushed.messageID] = callback.pushed.requestID
        callbackOrder.append(callback.pushed.requestID)
        while callbackOrder.count > configuration.rememberedCallbacks {
            guard let old = callbacks.removeValue(forKey: callbackOrder.removeFirst()) else { continue }
            requestIDs[old.pushed.messageID] = nil
            for case .some(let streamID) in old.bubbles.map(\.streamID) { streamIDs[streamID] = nil }
        }
    }

    /// The bot that is meant; where there is only one, it need not be named.
    func resolve(_ bot: String?) -> String {
        bot ?? configuration.credentials.keys.sorted().first ?? ""
    }

    /// The connection a fault is for.
    func target(of bot: String?) -> ConnectionID? {
        effective[resolve(bot)] ?? connections.filter { !$0.value.isEnding }.keys.max()
    }
}
