import BotCore
import BotFoundation
import GatewaySimulator

/// What a user has of an answer.
struct Sight: Sendable, CustomStringConvertible {
    /// The bubbles that answer the message.
    let bubbles: [Bubble]
    /// How often the whole text came: in the bubbles, all finished, or in a message of its own.
    let times: Int

    /// Whether the whole text came.
    var isWhole: Bool { times > 0 }
    /// Whether a bubble still looks as if more were to come.
    var isUnfinished: Bool { bubbles.contains { !$0.isFinished } }

    var description: String {
        let shown = bubbles.map { "…\($0.text.suffix(40))\($0.isFinished ? "" : " (unfinished)")" }
        return "whole \(times) times; bubbles \(shown)"
    }
}

extension Bench {
    /// What a user has of an answer that should be `text`, which no other answer is.
    func sight(of message: PushedMessage, _ text: String, claims outcome: Delivery? = nil) async throws -> Sight {
        let bubbles = await gateway.answer(to: message)
        let isWhole = !bubbles.isEmpty && bubbles.allSatisfy(\.isFinished) && bubbles.map(\.text).joined() == text
        // Messages of their own are counted by an observer, which may be a moment behind the verdict.
        let deadline = ContinuousClock.now + .seconds(1)
        while outcome?.claimsSuccess == true, !isWhole, pushes(text) == 0, .now < deadline {
            try await ContinuousClock().sleep(for: .milliseconds(2))
        }
        return Sight(bubbles: bubbles, times: pushes(text) + (isWhole ? 1 : 0))
    }

    private func pushes(_ text: String) -> Int { pushed.withLock { $0[text, default: 0] } }
}

extension Delivery {
    /// Whether it says that the user sees the answer, by whichever way.
    var claimsSuccess: Bool {
        switch self {
        case .refused, .unknown: false
        default: true
        }
    }
}
