import BotCore
import BotFoundation
import GatewaySimulator
import TestSupport
import Testing

@testable import WeComAIBot

/// The system before this one forgot a message after 300 s, and what was answered then went nowhere without a word.
@Suite(.timeLimit(.minutes(5)))
struct LateAnswerTests {
    private typealias Line = UploaderTests.Line

    private func channel(_ line: Line) async -> StreamReplyChannel {
        let pushed = await line.world.push("要很久", from: "zhang", in: nil)
        return StreamReplyChannel(
            connection: line.connection,
            requestID: RequestID(rawValue: pushed.requestID),
            conversation: Conversation(kind: .single, id: "zhang")
        )
    }

    /// What the user sees, in any way.
    private func texts(_ line: Line) -> [String] {
        line.world.observed.events.compactMap { event in
            switch event {
            case .updated(_, _, let bubble): bubble.text
            case .sent(_, _, let text): text
            default: nil
            }
        }
    }

    @Test(arguments: [Duration.seconds(301), .seconds(6 * 60 + 1), .seconds(23 * 3_600)])
    func anAnswerThatBeginsLateIsDelivered(age: Duration) async throws {
        try await Line.run { line in
            let channel = await channel(line)
            await line.world.advance(by: age)
            let delivery = await channel.send(BubbleUpdate(bubble: 0, text: "终于", isFinal: true))
            #expect(delivery == .delivered && texts(line) == ["终于"])
            #expect(await channel.send(.markdown("还有")) == .delivered)
            #expect(line.violations.isEmpty)
        }
    }

    @Test(arguments: [Duration.seconds(301), .seconds(6 * 60 + 1), .seconds(3_600)])
    func anAnswerThatEndsLateIsDeliveredWhole(age: Duration) async throws {
        try await Line.run { line in
            let channel = await channel(line)
            #expect(await channel.send(BubbleUpdate(bubble: 0, text: "我", isFinal: false)) == .delivered)
            await line.world.advance(by: age)
            let delivery = await channel.send(BubbleUpdate(bubble: 0, text: "我想好了", isFinal: true))
            #expect(delivery.isDelivered && texts(line).last == "我想好了")
        }
    }
}
