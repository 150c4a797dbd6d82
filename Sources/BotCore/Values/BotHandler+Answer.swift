private import BotFoundation

extension BotHandler {
    /// Handles one message without a bot, for tests of a handler: the whole answer, as the user would have it in the end.
    ///
    /// Nothing is sent, and the text may be of any length; thinking and images are not part of it. `await reply.send(_:)` gives
    /// ``Delivery/delivered``, unless the message has a problem, and `await reply.finish()` gives ``Delivery/delivered``, or a refusal
    /// if the text is blank, no message was sent and no image attached.
    ///
    /// - Throws: What the handler throws; a bot would end the answer with an apology.
    public func answer(to message: Inbound) async throws -> String {
        let channel = AnswerChannel()
        let stream = ReplyStream(capabilities: channel.capabilities)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await stream.run(through: channel, timeline: Timeline(ContinuousClock())) }
            defer { stream.end() }
            try await handle(message, reply: Reply(stream, through: channel))
            stream.end()
            try await group.waitForAll()
            return channel.text.withLock { $0 }
        }
    }
}

/// Keeps the last update of an answer that fits into one bubble.
private struct AnswerChannel: ReplyChannel {
    let text = Locked("")

    /// Far more than any answer.
    var capabilities: ReplyCapabilities { ReplyCapabilities(maximumBytes: 1 << 40, streams: false) }

    func send(_ update: BubbleUpdate) async -> Delivery {
        text.withLock { $0 = update.text }
        return .delivered
    }

    func send(_ message: OutboundMessage) async -> Delivery { .delivered }
    func attach(_ image: AttachedImage) {}
    func sendImages() async -> Delivery? { .delivered }
}
