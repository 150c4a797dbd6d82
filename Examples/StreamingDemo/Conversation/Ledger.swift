import GatewaySimulator
import WeComBot

/// Keeps the books of a conversation: turns what the gateway observes into events and figures.
///
/// Every figure comes from the far side of the connection: what arrived there, and when.
struct Ledger {
    /// Something worth showing.
    enum Event {
        /// The bot's own view of its connection changed.
        case state(ConnectionState)
        /// A question went to the bot.
        case asked(Answer)
        /// A frame changed what the reader of an answer sees.
        case updated(Answer)
        /// The connection ended without being asked to, while these answers were under way.
        case reset(during: [Answer])
        /// The bot is back, this long after.
        case healed(after: Duration)
        /// Something happened that should not: the demo will fail.
        case mishap(String)
    }

    private(set) var figures = Figures()
    private(set) var answers: [Answer] = []
    /// Asked, but not yet on its way.
    private var announced: [Script.Turn] = []
    private var resetAt: ContinuousClock.Instant?
    private var isClosing = false

    /// A question is about to be asked.
    mutating func announce(_ turn: Script.Turn) {
        announced.append(turn)
    }

    /// The handler was told how its answer ended.
    mutating func settle(_ messageID: String, _ delivery: Delivery) {
        change(messageID) { $0.delivery = delivery }
    }

    /// From now on the connection may end.
    mutating func close() {
        isClosing = true
    }

    /// The gateway observed something.
    mutating func observe(_ observation: Observation) -> Event? {
        let instant = observation.at
        switch observation.event {
        case .pushed(_, let message): return pushed(message, at: instant)
        case .updated(let messageID, _, let bubble):
            change(messageID) { $0.show(bubble, at: instant) }
            figures.latencies = answers.compactMap(\.latency).sorted()
            return answers.first { $0.messageID == messageID }.map(Event.updated)
        case .received(_, _, _, let bytes):
            figures.frames += 1
            figures.bytes += bytes
            return nil
        case .closed where !isClosing:
            let open = answers.filter { !$0.isComplete }
            for answer in open { change(answer.messageID) { $0.crossedReset = true } }
            figures.resets += 1
            resetAt = instant
            return .reset(during: open)
        case .subscribed:
            guard let resetAt else { return nil }
            self.resetAt = nil
            figures.healing.append(instant - resetAt)
            return .healed(after: instant - resetAt)
        case .lost(let message): return mishap("a message in \(message.chat) found no bot")
        case .violation(_, let text): return mishap("the bot broke a rule of the protocol: \(text)")
        case .displaced: return mishap("the connection was displaced")
        case .opened, .closed, .acknowledged, .sent, .eventAnswered, .uploaded, .repeatedChunk: return nil
        }
    }

    private mutating func pushed(_ message: PushedMessage, at instant: ContinuousClock.Instant) -> Event? {
        guard let index = announced.firstIndex(where: { $0.chat.id == message.chat }) else { return nil }
        let answer = Answer(announced.remove(at: index), messageID: message.messageID, askedAt: instant)
        answers.append(answer)
        return .asked(answer)
    }

    private mutating func mishap(_ text: String) -> Event {
        figures.mishaps.append(text)
        return .mishap(text)
    }

    private mutating func change(_ messageID: String, _ body: (inout Answer) -> Void) {
        guard let index = answers.firstIndex(where: { $0.messageID == messageID }) else { return }
        body(&answers[index])
    }
}
