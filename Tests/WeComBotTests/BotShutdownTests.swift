import BotFoundation
import GatewaySimulator
import Glibc
import TestSupport
import Testing

@testable import WeComBot

/// In what time a bot ends, whatever stands in its way.
@Suite(.timeLimit(.minutes(10)))
struct BotShutdownTests {
    /// Writes something and never ends by itself.
    private static let endless: BotBench.Handler = { _, reply in
        await reply.write("半句话")
        await Mailbox<Void>().next()
    }

    @Test func whatWaitsWhenItEndsIsNotSentAndThatIsSaid() async throws {
        let bench = try await BotBench()
        await bench.gateway.inject(.ignoreSubscribe(times: 100))
        try await bench.run(BotBench.echo) { bot in
            while await bot.snapshot().state != .subscribing { await Task.yield() }
            async let first = bot.push(.markdown("一"), to: Conversation(kind: .single, id: "u"))
            async let second = bot.push(.markdown("二"), to: Conversation(kind: .single, id: "v"))
            while await bot.snapshot().queuedFrames < 2 { await Task.yield() }
            bot.stop()
            for delivery in await [first, second] {
                if case .refused = delivery {} else { Issue.record("\(delivery)") }
            }
        }
        let notices = bench.text(from: .notice).filter { $0.contains("are not sent by this process") }
        #expect(notices.count == 1 && notices[0].contains("count=2"))
    }

    @Test func theFirstSignalOfAnEndingBegunOtherwiseIsNotTheSecond() async {
        await #expect(processExitsWith: .exitCode(7)) {
            alarm(60)
            let bench = try await BotBench()
            let bot = try bench.bot()
            let gate = Mailbox<Void>()
            async let run: Void = bot.run { _, reply in
                await reply.write("开头")
                await gate.next()
                await reply.write("，结尾")
            }
            try await bench.gateway.waitForSubscription()
            let message = await bench.gateway.pushText(from: "u", "说完再走")
            try await bench.gateway.waitForBubbles(of: message) { !$0.isEmpty }
            bot.stop()
            _ = await bench.line(from: .info, with: "ending")
            kill(getpid(), SIGTERM)
            _ = await bench.line(from: .notice, with: "ending already")
            gate.put(())
            guard try await bench.gateway.waitForAnswer(to: message) == "开头，结尾" else { exit(1) }
            try await run
            exit(7)
        }
    }

    @Test func theSecondSignalOfAnEndingBegunOtherwiseEndsAtOnce() async {
        await #expect(processExitsWith: .exitCode(128 + SIGINT)) {
            alarm(60)
            let bench = try await BotBench()
            let bot = try bench.bot()
            async let run: Void = bot.run(Self.endless)
            try await bench.gateway.waitForSubscription()
            let message = await bench.gateway.pushText(from: "u", "走不走")
            try await bench.gateway.waitForBubbles(of: message) { !$0.isEmpty }
            bot.stop()
            _ = await bench.line(from: .info, with: "ending")
            kill(getpid(), SIGTERM)
            _ = await bench.line(from: .notice, with: "ending already")
            kill(getpid(), SIGINT)
            try await run
            exit(1)
        }
    }

    // A process that ends in the midst of its work looks like one that leaks.
    #if !SANITIZED
        @Test func whateverHangsTheProcessEndsInTime() async {
            await #expect(processExitsWith: .exitCode(0)) {
                alarm(60)
                dup2(open("/dev/null", O_RDONLY), STDIN_FILENO)
                let bench = try await BotBench { $0.shutdownDeadline = .seconds(1) }
                var configuration = bench.configuration
                let (entered, gate) = (Mailbox<Void>(), ThreadGate())
                configuration.reread = {
                    entered.put(())
                    gate.pass()
                    return Configuration(botID: "", secret: Secret(""))
                }
                let bot = try Bot(configuration: configuration, log: .disabled)
                async let run: Void = bot.run(BotBench.echo)
                try await bench.gateway.waitForSubscription()
                kill(getpid(), SIGHUP)
                await entered.next()
                kill(getpid(), SIGTERM)
                try await run
                exit(1)
            }
        }
    #endif
}
