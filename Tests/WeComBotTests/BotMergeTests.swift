import BotFoundation
import GatewaySimulator
import TestSupport
import Testing

@testable import WeComBot

/// What the app has cut reaches the handler as one, in either mode, and every bubble ends.
@Suite(.timeLimit(.minutes(5)))
struct BotMergeTests {
    @Test func inWebhookModeTheBubblesOfTheFirstPartsSayWhereTheAnswerIs() async throws {
        let far = try await CallbackEnd { $0.mergeWindow = .seconds(2) }
        let handled = EventRecorder<Inbound>()
        let bot = try Bot(configuration: far.configuration, log: .disabled)
        let running = Task {
            try await bot.run(handlesSignals: false) { message, reply in
                handled.record(message)
                await reply.finish("答：\(message.text)")
            }
        }
        try await bot.isReached()
        var messages: [PushedMessage] = []
        for text in ["很长的", "文字👋🏽"] {
            let message = far.push(text, from: "u", in: nil)
            messages.append(message)
            // Each comes by itself: the next only when this one has its bubble.
            await far.observed.wait {
                $0.contains { if case .updated(message.messageID, _, _) = $0 { true } else { false } }
            }
        }
        for message in messages { await far.observed.wait { $0.seen(message).isFinished } }
        // A machine that stands still for two seconds between them has answered each alone.
        if handled.events.count == 1 {
            #expect(handled.events.map(\.text) == ["很长的\n文字👋🏽"])
            #expect(far.observed.events.seen(messages[0]).text.contains("Answered together with the next message"))
            #expect(far.observed.events.seen(messages[1]).text == "答：很长的\n文字👋🏽")
        }
        bot.stop()
        try await running.value
        await far.end()
        for case .violation(_, let text) in far.observed.events { Issue.record("a rule was broken: \(text)") }
    }

    @Test func overTheLongConnectionTheNewestIsAnsweredAndAReloadTurnsItOff() async throws {
        let bench = try await BotBench { $0.mergeWindow = .seconds(2) }
        let handled = EventRecorder<Inbound>()
        try await bench.run { message, reply in
            handled.record(message)
            await reply.finish("答：\(message.text)")
        } _: { bot in
            try await bench.gateway.waitForSubscription()
            let first = await bench.gateway.pushText(from: "u", in: "wrGROUP", "一")
            let second = await bench.gateway.pushText(from: "u", in: "wrGROUP", "二")
            _ = try await bench.gateway.waitForAnswer(to: second)
            if handled.events.count == 1 {
                #expect(try await bench.gateway.waitForAnswer(to: second) == "答：一\n二")
                #expect(await bench.gateway.answer(to: first).isEmpty)
                var snapshot = await bot.snapshot()
                while snapshot.openTurns > 0 { snapshot = await bot.snapshot() }
                #expect(snapshot.messages == 2 && snapshot.merged == 1 && snapshot.answers.delivered == 1)
                #expect(snapshot.metrics.contains("wecom_bot_messages_merged_total 1"))
            }
            var configuration = bench.configuration
            configuration.mergeWindow = .zero
            try await bot.reload(configuration)
            for text in ["三", "四"] {
                let message = await bench.gateway.pushText(from: "u", in: "wrGROUP", text)
                #expect(try await bench.gateway.waitForAnswer(to: message) == "答：\(text)")
            }
        }
    }
}
