import GatewaySimulator
import WeComBot

/// One answer as its reader sees it.
struct Answer: Sendable {
    let turn: Script.Turn
    let messageID: String
    /// When the question went to the bot.
    let askedAt: ContinuousClock.Instant
    /// When the first frame of the answer was there.
    var firstAt: ContinuousClock.Instant?
    /// When the frame was there that changed it last.
    var changedAt: ContinuousClock.Instant
    /// What is shown, in the order in which it appeared.
    var bubbles: [Bubble] = []
    /// Whether the connection was reset while it was under way.
    var crossedReset = false
    /// What the handler was told; `nil` while it has not been told anything.
    var delivery: Delivery?

    init(_ turn: Script.Turn, messageID: String, askedAt: ContinuousClock.Instant) {
        self.turn = turn
        self.messageID = messageID
        self.askedAt = askedAt
        changedAt = askedAt
    }

    var text: String { bubbles.map(\.text).joined() }
    var frames: Int { bubbles.reduce(0) { $0 + $1.frames } }
    var bytes: Int { bubbles.reduce(0) { $0 + $1.text.utf8.count } }
    var isComplete: Bool { !bubbles.isEmpty && bubbles.allSatisfy(\.isFinished) }
    /// From the question to the first frame of the answer.
    var latency: Duration? { firstAt.map { $0 - askedAt } }
    /// From the question to the last frame so far.
    var length: Duration { changedAt - askedAt }

    /// Takes over what a frame changed.
    mutating func show(_ bubble: Bubble, at instant: ContinuousClock.Instant) {
        firstAt = firstAt ?? instant
        changedAt = instant
        if let index = bubbles.firstIndex(where: { $0.streamID == bubble.streamID }) {
            bubbles[index] = bubble
        } else {
            bubbles.append(bubble)
        }
    }

    /// What is wrong with it; `nil` if it arrived exactly as it was written, and the handler was told so.
    var fault: String? {
        let expected = Array(turn.answer.utf8)
        let actual = Array(text.utf8)
        if actual != expected {
            let same = zip(expected, actual).prefix { $0 == $1 }.count
            return """
                \(actual.count) bytes arrived, \(expected.count) were expected; they differ from byte \(same) on:
                  expected  \(Answer.excerpt(of: expected, around: same))
                  arrived   \(Answer.excerpt(of: actual, around: same))
                """
        }
        guard isComplete else { return "every byte arrived, but the bubble was never finished" }
        guard delivery == .delivered else {
            return "it arrived, but the handler was told: \(delivery.map { "\($0)" } ?? "nothing")"
        }
        return nil
    }

    private static func excerpt(of bytes: [UInt8], around offset: Int) -> String {
        let range = max(0, offset - 20)..<min(bytes.count, offset + 40)
        guard !range.isEmpty else { return "(nothing)" }
        let lines = String(decoding: bytes[range], as: UTF8.self).split(
            separator: "\n",
            omittingEmptySubsequences: false
        )
        // The range may have cut a character at either end.
        return "…" + lines.joined(separator: "⏎").split(separator: "\u{FFFD}").joined() + "…"
    }
}
