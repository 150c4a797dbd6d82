import GatewaySimulator
import TestSupport
import Testing

@testable import EchoBot
@testable import WeComBot

/// A story that has to end the same way in every mode: the same handler, and the same expectations.
struct ModeScenario: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let play: @Sendable (ModeStage) async throws -> Void

    init(_ name: String, play: @escaping @Sendable (ModeStage) async throws -> Void) {
        testDescription = name
        self.play = play
    }

    static let all: [ModeScenario] = [
        ModeScenario("a text in a single chat and one in a group") { stage in
            let single = await stage.push("你好 👩‍👩‍👧‍👦🇨🇳 e\u{301} é \"引号\" \\ / <b>")
            let group = await stage.push("@Bot 群里", in: "wrGROUP")
            #expect(await stage.sees(single) { $0.count > 10 } == "echo: 你好 👩‍👩‍👧‍👦🇨🇳 e\u{301} é \"引号\" \\ / <b>")
            #expect(await stage.sees(group) { $0.hasSuffix("群里") } == "echo: @Bot 群里")
            #expect(await stage.outcome(of: single) == .delivered)
            #expect(await stage.outcome(of: group) == .delivered)
            let handled = stage.handled.events
            #expect(handled.first { $0.id == single.messageID }?.conversation == Conversation(kind: .single, id: "张三"))
            #expect(
                handled.first { $0.id == group.messageID }?.conversation == Conversation(kind: .group, id: "wrGROUP")
            )
            #expect(handled.allSatisfy { $0.sender == "张三" && $0.kind == .text && !$0.raw.isEmpty })
        },
        ModeScenario("echo-bot: once, stream, echo") { stage in
            let once = await stage.push("!once 一次 👋🏽")
            #expect(await stage.sees(once) { $0.hasSuffix("👋🏽") } == "一次 👋🏽")
            #expect(await stage.outcome(of: once) == .delivered)
            let stream = await stage.push("!stream 20 40 标签")
            let chunks = (0..<20).map { "标签:\(fiveDigits($0));" }.joined()
            #expect(await stage.sees(stream) { $0.hasSuffix("00019;") } == chunks)
            #expect(await stage.outcome(of: stream) == .delivered)
            // What was seen on the way is always a beginning of the whole.
            for case .updated(stream.messageID, _, let bubble) in stage.far.observed.events {
                #expect(chunks.hasPrefix(bubble.text) || bubble.text == "<think></think>")
            }
            let echo = await stage.push("字")
            #expect(await stage.sees(echo) { $0.hasSuffix("字") } == "echo: 字")
        },
        ModeScenario("answers of 20,480 bytes and of one more") { stage in
            for count in [20_480, 20_481, 30_000] {
                let message = await stage.push("long \(count)", from: "user-\(count)")
                let text = ModeStage.text(bytes: count)
                #expect(await stage.sees(message) { $0.utf8.count >= count } == text)
                #expect(await stage.outcome(of: message).isDelivered)
            }
        },
        ModeScenario("images at the end of an answer: one, ten and one more, and none but images") { stage in
            let sums = try (0..<10).map { try BotBench.md5(ModeStage.image($0)) }
            for (count, text) in [(1, "看图"), (10, "看图"), (11, "看图：too-many")] {
                let message = await stage.push("images \(count)", from: "user-\(count)")
                #expect(await stage.sees(message) { $0.hasPrefix("看图") } == text)
                #expect(await stage.outcome(of: message) == .delivered)
                #expect(await stage.seesImages(min(count, 10), of: message) == Array(sums.prefix(count)))
            }
            let only = await stage.push("only images 2")
            #expect(await stage.seesImages(2, of: only) == Array(sums.prefix(2)))
            #expect(await stage.outcome(of: only) == .delivered)
        },
        ModeScenario("a slow handler") { stage in
            let message = await stage.push("slow")
            #expect(await stage.sees(message) { $0.hasSuffix("来") } == "慢慢来")
            #expect(await stage.outcome(of: message) == .delivered)
        },
        ModeScenario("a handler that throws apologises, and the next message is answered") { stage in
            let bad = await stage.push("throw")
            let good = await stage.push("!once 好")
            let text = await stage.sees(bad) { $0.hasSuffix(ModeStage.apology) }
            #expect(text.hasPrefix("一半，"))
            #expect(await stage.sees(good) { $0 == "好" } == "好")
        },
        ModeScenario("a message that is delivered twice is handled once") { stage in
            let message = await stage.push("!once 只答一次")
            await stage.sees(message) { $0 == "只答一次" }
            await stage.far.redeliver(message)
            let other = await stage.push("!once 另一条")
            await stage.sees(other) { $0 == "另一条" }
            #expect(await stage.outcome(of: other) == .delivered)
            #expect(stage.handled.events.map(\.id) == [message.messageID, other.messageID])
        },
        ModeScenario("messages of one chat come one after another, those of twenty at the same time") { stage in
            var messages: [PushedMessage] = []
            for chat in 0..<20 { messages.append(await stage.push("together", from: "user-\(chat)")) }
            for message in messages { #expect(await stage.sees(message) { $0.hasSuffix("来") } == "一起来") }
        },
    ]
}

@Suite(.timeLimit(.minutes(5)))
struct ModeScenarioTests {
    @Test(arguments: ModeScenario.all, BotMode.allCases)
    func plays(_ scenario: ModeScenario, in mode: BotMode) async throws {
        try await ModeStage.play(scenario, in: mode)
    }
}
