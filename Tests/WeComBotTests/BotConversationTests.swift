import BotFoundation
import GatewaySimulator
import TestSupport
import Testing

@testable import WeComBot

/// A bot at work, through the public API, over TLS.
@Suite(.timeLimit(.minutes(10)))
struct BotConversationTests {
    struct Broken: Error, CustomStringConvertible { let description: String }

    @Test func everyMessageIsAnsweredWhereItWasWritten() async throws {
        let bench = try await BotBench()
        let observations = await bench.gateway.observations()
        try await bench.run(BotBench.echo) { bot in
            try await bench.gateway.waitForSubscription()
            let single = await bench.gateway.pushText(from: "李四", "你好👋🏽 e\u{301}")
            let group = await bench.gateway.pushText(from: "李四", in: "wrGROUP", "@Bot 群聊")
            #expect(try await bench.gateway.waitForAnswer(to: single) == "echo: 你好👋🏽 e\u{301}")
            #expect(try await bench.gateway.waitForAnswer(to: group) == "echo: @Bot 群聊")
            bot.stop()
            var names: [String] = []
            for await state in bot.states { names.append(String("\(state)".prefix { $0 != "(" })) }
            #expect(names == ["idle", "connecting", "subscribing", "ready", "closing", "stopped"])
        }
        #expect(await BotBench.violations(observations).isEmpty)
        #expect(bench.text(from: .warning).isEmpty)
        #expect(!bench.text(from: .debug).contains { $0.contains("你好") || $0.contains("群聊") })
    }

    @Test func aHandlerThatThrowsApologisesAndTheNextMessageIsAnswered() async throws {
        let bench = try await BotBench { $0.apologyText = "抱歉，出错了。" }
        try await bench.run { message, reply in
            await reply.write("echo: ")
            if message.text == "坏" { throw Broken(description: "cannot answer 坏, which nobody may read") }
            await reply.write(message.text)
        } _: { _ in
            try await bench.gateway.waitForSubscription()
            let bad = await bench.gateway.pushText(from: "u", "坏")
            let good = await bench.gateway.pushText(from: "u", "好")
            let answer = try await bench.gateway.waitForAnswer(to: bad)
            #expect(answer.hasPrefix("echo: ") && answer.hasSuffix("抱歉，出错了。"))
            #expect(try await bench.gateway.waitForAnswer(to: good) == "echo: 好")
        }
        let errors = bench.text(from: .error)
        #expect(errors.count == 1)
        #expect(errors.first?.contains("Broken") == true)
        #expect(errors.first?.contains("nobody may read") == false)
    }

    @Test func aHandlerThatBlocksItsThreadHarmsNobodyElse() async throws {
        let bench = try await BotBench()
        let gate = ThreadGate()
        try await bench.run { message, reply in
            if message.text == "block" { gate.pass() }
            await reply.write("echo: \(message.text)")
        } _: { _ in
            try await bench.gateway.waitForSubscription()
            let blocked = await bench.gateway.pushText(from: "blocked", "block")
            let behind = await bench.gateway.pushText(from: "blocked", "behind")
            for number in 0..<10 {
                let other = await bench.gateway.pushText(from: "other", "\(number)")
                #expect(try await bench.gateway.waitForAnswer(to: other) == "echo: \(number)")
            }
            try await bench.gateway.waitForObservation {
                if case .received(_, "ping", _, _) = $0.event { true } else { false }
            }
            #expect(await bench.gateway.answer(to: blocked).isEmpty)
            #expect(await bench.gateway.answer(to: behind).isEmpty)
            gate.open()
            #expect(try await bench.gateway.waitForAnswer(to: blocked) == "echo: block")
            #expect(try await bench.gateway.waitForAnswer(to: behind) == "echo: behind")
        }
    }

    @Test func twoBotsOfOneProcessDoNotMix() async throws {
        let service = GatewayConfiguration(credentials: [
            "first": Secret(BotBench.secret), "second": Secret(BotBench.secret),
        ])
        let bench = try await BotBench(service) { $0.botID = "first" }
        var other = bench.configuration
        other.botID = "second"
        let second = try Bot(configuration: other, log: .disabled)
        let running = Task {
            try await second.run(handlesSignals: false) { message, reply in await reply.write("second: \(message.text)")
            }
        }
        try await bench.run(BotBench.echo) { _ in
            try await bench.gateway.waitForSubscription(of: "first")
            try await bench.gateway.waitForSubscription(of: "second")
            let one = await bench.gateway.pushText(from: "u", "甲", to: "first")
            let two = await bench.gateway.pushText(from: "u", "乙", to: "second")
            #expect(try await bench.gateway.waitForAnswer(to: two) == "second: 乙")
            #expect(try await bench.gateway.waitForAnswer(to: one) == "echo: 甲")
            second.stop()
            try await running.value
            let alone = await bench.gateway.pushText(from: "u", "丙", to: "first")
            #expect(try await bench.gateway.waitForAnswer(to: alone) == "echo: 丙")
        }
    }

    @Test func aSecondProcessWithTheSameBotIsSaidOnce() async throws {
        let bench = try await BotBench()
        try await bench.run(BotBench.echo) { _ in
            try await bench.gateway.waitForSubscription()
            let usurper = try Bot(configuration: bench.configuration, log: .disabled)
            let running = Task { try await usurper.run(handlesSignals: false) { _, _ in } }
            let line = await bench.line(from: .warning, with: "displaced")
            #expect(line.contains("another connection uses this bot"))
            #expect(line.contains("retry_in="))
            usurper.stop()
            try await running.value
        }
        #expect(bench.text(from: .warning).count == 1)
    }
}
