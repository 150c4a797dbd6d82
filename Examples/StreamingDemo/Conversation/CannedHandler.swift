import WeComBot

/// Answers as a language model would: token by token, on a clock of its own.
struct CannedHandler: BotHandler {
    let script: Script
    let tempo: Tempo
    /// Is told how each answer ended.
    let report: @Sendable (_ messageID: String, _ delivery: Delivery) async -> Void

    func handle(_ message: Inbound, reply: Reply) async throws {
        guard let turn = script.turn(asking: message.text, in: message.conversation.id) else {
            await reply.finish("I only know the lines of this play.")
            return
        }
        let tokens = Script.tokens(of: turn.answer)
        let gap = tempo.time(turn.length) / tokens.count
        let start = ContinuousClock.now
        for (number, token) in tokens.enumerated() {
            try await ContinuousClock().sleep(until: start + gap * number)
            await reply.write(token)
        }
        await report(message.id, reply.finish())
    }
}
