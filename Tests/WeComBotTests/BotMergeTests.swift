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
        // A machine that stands still for two seconds between two of them has answered each alone.
        var isMerged = false
        for attempt in 1...5 where !isMerged {
            var messages: [PushedMessage] = []
            for text in ["很长的", "文字👋🏽"] {
                let message = far.push(text, from: "u\(attempt)", in: nil)
                messages.append(message)
                // Each comes by itself: the next only when this one has its bubble.
                await far.observed.wait {
                    $0.contains { if case .updated(message.messageID, _, _) = $0 { true } else { false } }
                }
            }
            for message in messages { await far.observed.wait { $0.seen(message).isFinished } }
            isMerged = handled.events.last?.text == "很长的\n文字👋🏽"
            guard isMerged else { continue }
            #expect(far.observed.events.seen(messages[0]).text.contains("Answered together with the next message"))
            #expect(far.observed.events.seen(messages[1]).text == "答：很长的\n文字👋🏽")
            #expect(handled.events.count == 2 * attempt - 1)
        }
        #expect(isMerged)
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
            // A machine that stands still for two seconds between two of them has answered each alone.
            var attempts = 0
            while handled.events.last?.text != "一\n二", attempts < 5 {
                attempts += 1
                let first = await bench.gateway.pushText(from: "u", in: "wrGROUP", "一")
                let second = await bench.gateway.pushText(from: "u", in: "wrGROUP", "二")
                let answer = try await bench.gateway.waitForAnswer(to: second)
                guard handled.events.last?.text == "一\n二" else { continue }
                #expect(answer == "答：一\n二")
                #expect(await bench.gateway.answer(to: first).isEmpty)
            }
            var snapshot = await bot.snapshot()
            while snapshot.openTurns > 0 { snapshot = await bot.snapshot() }
            #expect(snapshot.messages == 2 * attempts && snapshot.merged == 1)
            #expect(snapshot.answers.delivered == 2 * attempts - 1)
            #expect(snapshot.metrics.contains("wecom_bot_messages_merged_total 1"))
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
