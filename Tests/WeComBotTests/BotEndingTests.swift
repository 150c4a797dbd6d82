import BotFoundation
import GatewaySimulator
import Glibc
import TestSupport
import Testing

@testable import WeComBot

/// Every way in which a bot ends.
@Suite(.timeLimit(.minutes(10)))
struct BotEndingTests {
    @Test func stopLetsAnOpenStreamEndAndClosesWith1000() async throws {
        let bench = try await BotBench()
        let gate = Mailbox<Void>()
        try await bench.run { message, reply in
            await reply.write("开头")
            await gate.next()
            await reply.write("，结尾")
        } _: { bot in
            try await bench.gateway.waitForSubscription()
            let message = await bench.gateway.pushText(from: "u", "说完再走")
            try await bench.gateway.waitForBubbles(of: message) { !$0.isEmpty }
            bot.stop()
            _ = await bench.line(from: .info, with: "ending")
            gate.put(())
            #expect(try await bench.gateway.waitForAnswer(to: message) == "开头，结尾")
            #expect(try await bench.closeCode() == 1_000)
        }
    }

    @Test func aHandlerThatNeverReturnsIsCancelledAtTheDeadlineAndItsTextIsSent() async throws {
        let bench = try await BotBench()
        let cancelled = Mailbox<Bool>()
        let handler: BotBench.Handler = { _, reply in
            await reply.write("没有下文")
            await Mailbox<Void>().next()
            cancelled.put(Task.isCancelled)
        }
        try await bench.run(handler, drainDeadline: .milliseconds(50)) { bot in
            try await bench.gateway.waitForSubscription()
            let message = await bench.gateway.pushText(from: "u", "等到天亮")
            try await bench.gateway.waitForBubbles(of: message) { !$0.isEmpty }
            bot.stop()
            #expect(try await bench.gateway.waitForAnswer(to: message) == "没有下文")
            #expect(await cancelled.next() == true)
            #expect(try await bench.closeCode() == 1_000)
        }
    }

    @Test func aMessageAfterStopIsNotTaken() async throws {
        let bench = try await BotBench()
        let gate = EventRecorder<Void>()
        let handler: BotBench.Handler = { _, reply in
            await gate.wait { !$0.isEmpty }
            await reply.write("好")
        }
        try await bench.run(handler, drainDeadline: .seconds(3_600)) { bot in
            try await bench.gateway.waitForSubscription()
            await bench.gateway.pushText(from: "u", "一")
            _ = await bench.line(from: .debug, with: "message received")
            bot.stop()
            // The intake stops a moment after the call; until then messages are turns like any other.
            var number = 0
            while !bench.text(from: .notice).contains(where: { $0.contains("after the intake had stopped") }) {
                number += 1
                // Whether it arrives is not waited for: the bot may have ended meanwhile.
                await bench.gateway.pushText(from: "user-\(number % 50)", "二")
                await Task.yield()
            }
            gate.record(())
        }
    }

    @Test func whoIsToStopWhenDisplacedEndsWithAnErrorThatSaysWhatToDo() async throws {
        let bench = try await BotBench { $0.onDisplaced = .stop }
        let bot = try bench.bot()
        let running = Task { try await bot.run(handlesSignals: false, BotBench.echo) }
        try await bench.gateway.waitForSubscription()
        var other = bench.configuration
        other.onDisplaced = .yield
        let usurper = try Bot(configuration: other, log: .disabled)
        let usurping = Task { try await usurper.run(handlesSignals: false, BotBench.echo) }
        let error = await #expect(throws: BotError.self) { try await running.value }
        #expect(error?.code == .displaced)
        #expect(error?.exitStatus == 69)
        #expect(error?.message.contains("WECOM_ON_DISPLACED") == true)
        var names: [String] = []
        for await state in bot.states { names.append(String("\(state)".prefix { $0 != "(" })) }
        #expect(names == ["idle", "connecting", "subscribing", "ready", "displaced", "stopped"])
        // The other one keeps the place.
        let message = await bench.gateway.pushText(from: "u", "还在")
        #expect(try await bench.gateway.waitForAnswer(to: message) == "echo: 还在")
        usurper.stop()
        try await usurping.value
        #expect(bench.text(from: .warning).count == 1)
        try await bench.end()
    }

    @Test func aProgramThatIsDisplacedAndToldToStopExitsWith69() async {
        await #expect(processExitsWith: .exitCode(69)) {
            let bench = try await BotBench()
            let configuration = bench.configuration
            setenv("WECOM_BOT_ID", configuration.botID, 1)
            setenv("WECOM_BOT_SECRET", configuration.secret.value, 1)
            setenv("WECOM_WS_URL", configuration.webSocketURL, 1)
            setenv("WECOM_CA_FILE", configuration.certificateAuthorityFile ?? "", 1)
            setenv("WECOM_ON_DISPLACED", "stop", 1)
            Task { await Bot.main(BotBench.echo) }
            try await bench.gateway.waitForSubscription()
            let usurper = try Bot(configuration: configuration, log: .disabled)
            try await usurper.run(handlesSignals: false, BotBench.echo)
            exit(1)
        }
    }

    @Test func aSecondRunIsAProgrammingError() async {
        await #expect(processExitsWith: .signal(SIGILL)) {
            let bench = try await BotBench()
            let bot = try bench.bot()
            bot.stop()
            try await bot.run(handlesSignals: false, BotBench.echo)
            try await bot.run(handlesSignals: false, BotBench.echo)
        }
    }

    @Test func stopBeforeRunAndDuringItsFirstMomentsEnds() async throws {
        let bench = try await BotBench()
        for _ in 0..<30 {
            let early = try bench.bot()
            early.stop()
            try await early.run(handlesSignals: false, BotBench.echo)
            let bot = try bench.bot()
            async let run: Void = bot.run(handlesSignals: false, BotBench.echo)
            bot.stop()
            try await run
        }
        try await bench.end()
    }

    @Test func cancellingTheTaskEndsTheRunAndTheHandler() async throws {
        let bench = try await BotBench()
        let bot = try bench.bot()
        let cancelled = Mailbox<Bool>()
        let run = Task {
            try await bot.run(handlesSignals: false) { _, reply in
                await reply.write("…")
                await Mailbox<Void>().next()
                cancelled.put(Task.isCancelled)
            }
        }
        try await bench.gateway.waitForSubscription()
        let message = await bench.gateway.pushText(from: "u", "别等了")
        try await bench.gateway.waitForBubbles(of: message) { !$0.isEmpty }
        run.cancel()
        #expect(await cancelled.next() == true)
        try await run.value
        #expect(try await bench.closeCode() == 1_000)
        for await _ in bot.states {}
        try await bench.end()
    }

    @Test func cancellingBeforeItConnectedEnds() async throws {
        let bench = try await BotBench()
        for _ in 0..<20 {
            let bot = try bench.bot()
            let run = Task { try await bot.run(handlesSignals: false, BotBench.echo) }
            run.cancel()
            try await run.value
        }
        try await bench.end()
    }

    @Test func sigtermDrainsAndTheRunReturns() async {
        await #expect(processExitsWith: .exitCode(7)) {
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
            kill(getpid(), SIGTERM)
            _ = await bench.line(from: .info, with: "ending")
            gate.put(())
            guard try await bench.gateway.waitForAnswer(to: message) == "开头，结尾" else { exit(1) }
            try await run
            guard try await bench.closeCode() == 1_000 else { exit(2) }
            exit(7)
        }
    }

    @Test func aSecondSignalEndsAtOnce() async {
        await #expect(processExitsWith: .exitCode(128 + SIGINT)) {
            let bench = try await BotBench()
            let bot = try bench.bot()
            async let run: Void = bot.run { _, reply in
                await reply.write("…")
                await Mailbox<Void>().next()
            }
            try await bench.gateway.waitForSubscription()
            let message = await bench.gateway.pushText(from: "u", "走不走")
            try await bench.gateway.waitForBubbles(of: message) { !$0.isEmpty }
            kill(getpid(), SIGTERM)
            _ = await bench.line(from: .info, with: "ending")
            kill(getpid(), SIGINT)
            try await run
            exit(1)
        }
    }

    @Test func theSameSignalToldTwiceIsOneRequest() async {
        await #expect(processExitsWith: .exitCode(7)) {
            let bench = try await BotBench()
            let bot = try bench.bot()
            let (started, gate) = (Mailbox<Void>(), Mailbox<Void>())
            async let run: Void = bot.run { _, reply in
                started.put(())
                await gate.next()
                await reply.write("说完了")
            }
            try await bench.gateway.waitForSubscription()
            let message = await bench.gateway.pushText(from: "u", "说完再走")
            await started.next()
            kill(getpid(), SIGTERM)
            kill(getpid(), SIGTERM)
            _ = await bench.line(from: .info, with: "ending")
            gate.put(())
            guard try await bench.gateway.waitForAnswer(to: message) == "说完了" else { exit(1) }
            try await run
            exit(7)
        }
    }

    // A process that ends in the midst of its work looks like one that leaks.
    #if !SANITIZED
        @Test func aHandlerThatIgnoresItsCancellationDoesNotKeepTheProcess() async {
            await #expect(processExitsWith: .exitCode(0)) {
                let bench = try await BotBench()
                let bot = try bench.bot(drainDeadline: .milliseconds(50))
                let gate = ThreadGate()
                async let run: Void = bot.run { _, reply in
                    await reply.write("拦路")
                    gate.pass()
                }
                try await bench.gateway.waitForSubscription()
                let message = await bench.gateway.pushText(from: "u", "堵住")
                try await bench.gateway.waitForBubbles(of: message) { !$0.isEmpty }
                kill(getpid(), SIGTERM)
                guard try await bench.gateway.waitForAnswer(to: message) == "拦路" else { exit(1) }
                try await run
                exit(2)
            }
        }
    #endif
}
