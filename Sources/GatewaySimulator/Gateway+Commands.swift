extension Gateway {
    // MARK: Users

    /// A user says something to a bot. See ``GatewayMachine/pushText(from:in:_:to:now:)``.
    @discardableResult
    package func pushText(
        from user: String,
        in chat: String? = nil,
        _ text: String,
        to bot: String? = nil
    ) -> PushedMessage {
        let result = machine.pushText(from: user, in: chat, text, to: bot, now: .now)
        run(result.actions)
        return result.message
    }

    /// A user sends a message of any type. See ``GatewayMachine/push(from:in:type:_:to:now:)``.
    @discardableResult
    package func push(
        from user: String,
        in chat: String? = nil,
        type: String,
        _ content: [String: JSONValue],
        to bot: String? = nil
    ) -> PushedMessage {
        let result = machine.push(from: user, in: chat, type: type, content, to: bot, now: .now)
        run(result.actions)
        return result.message
    }

    /// Something happens that is no message.
    @discardableResult
    package func pushEvent(
        _ event: SimulatedEvent,
        from user: String,
        in chat: String? = nil,
        to bot: String? = nil
    ) -> PushedMessage {
        let result = machine.pushEvent(event, from: user, in: chat, to: bot, now: .now)
        run(result.actions)
        return result.message
    }

    /// Sends bytes as they are.
    package func pushRaw(_ bytes: [UInt8], isText: Bool = true, to bot: String? = nil) {
        run(machine.pushRaw(bytes, isText: isText, to: bot, now: .now))
    }

    /// What the user has seen of the answer so far.
    package func answer(to message: PushedMessage) -> [Bubble] { machine.answer(to: message.messageID) }

    /// What was uploaded under that id.
    package func media(_ id: String) -> ReceivedMedia? { machine.media[id] }

    /// The body of the frame that answered an event; `nil` while there is none.
    package func answer(toEvent message: PushedMessage) -> JSONValue? { machine.answer(toEvent: message.messageID) }

    // MARK: Faults

    /// Makes something go wrong, now or when the time comes.
    package func inject(_ fault: Fault, bot: String? = nil) { run(machine.inject(fault, bot: bot, now: .now)) }

    /// Makes something go wrong with one connection, now.
    package func inject(_ fault: ConnectionFault, on connection: ConnectionID) {
        run(machine.inject(fault, on: connection, now: .now))
    }

    /// Forgets every fault that has not happened yet.
    package func clearFaults() { machine.clearFaults() }
}
