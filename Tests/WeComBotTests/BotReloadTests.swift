import BotFoundation
import GatewaySimulator
import Glibc
import TestSupport
import Testing

@testable import WeComBot

/// Another configuration while a bot runs.
@Suite(.timeLimit(.minutes(10)))
struct BotReloadTests {
    @Test func textsAndHeartbeatChangeWithoutTouchingTheConnection() async throws {
        let bench = try await BotBench { $0.apologyText = "旧" }
        try await bench.run { _, _ in
            throw CancellationError()
        } _: { bot in
            try await bench.gateway.waitForSubscription()
            let before = await bench.gateway.pushText(from: "u", "一")
            #expect(try await bench.gateway.waitForAnswer(to: before) == "旧")
            var changed = bench.configuration
            changed.apologyText = "新"
            changed.onDisplaced = .stop
            changed.heartbeatInterval = .seconds(300)
            try await bot.reload(changed)
            let after = await bench.gateway.pushText(from: "u", "二")
            #expect(try await bench.gateway.waitForAnswer(to: after) == "新")
            #expect(await bot.snapshot().connectionAttempts == 1)
        }
    }

    @Test func anotherPlaceIsAnotherConnectionAndNoAnswerIsLost() async throws {
        let bench = try await BotBench()
        let observations = await bench.gateway.observations()
        let gate = Mailbox<Void>()
        try await bench.run { message, reply in
            await reply.write("开头")
            await gate.next()
            await reply.write("，结尾👋🏽")
        } _: { bot in
            try await bench.gateway.waitForSubscription()
            let message = await bench.gateway.pushText(from: "u", "慢慢说")
            try await bench.gateway.waitForBubbles(of: message) { !$0.isEmpty }
            var changed = bench.configuration
            changed.webSocketURL += "/elsewhere"
            for round in 1...3 {
                changed.webSocketURL += "/\(round)"
                try await bot.reload(changed)
                try await bot.reload(changed)
                while await bot.snapshot().timesReady <= round { await Task.yield() }
            }
            gate.put(())
            #expect(try await bench.gateway.waitForAnswer(to: message) == "开头，结尾👋🏽")
            let snapshot = await bot.snapshot()
            #expect(snapshot.connectionAttempts == 4 && snapshot.displacements == 0)
            #expect(snapshot.connectionsLost.isEmpty)
        }
        var (subscribed, displaced) = (0, 0)
        for await observation in observations {
            switch observation.event {
            case .subscribed: subscribed += 1
            case .displaced: displaced += 1
            case .violation(_, let text): Issue.record("\(text)")
            default: break
            }
        }
        #expect(subscribed == 4 && displaced == 0)
        #expect(bench.text(from: .warning).isEmpty)
    }

    @Test func aWrongConfigurationIsReportedWholeAndChangesNothing() async throws {
        let bench = try await BotBench()
        try await bench.run(BotBench.echo) { bot in
            try await bench.gateway.waitForSubscription()
            var wrong = bench.configuration
            wrong.botID = ""
            wrong.heartbeatInterval = .zero
            wrong.webSocketURL = "http://x"
            let error = await #expect(throws: ConfigurationError.self) { try await bot.reload(wrong) }
            #expect(error?.problems.map(\.key) == ["botID", "webSocketURL", "heartbeatInterval"])
            let message = await bench.gateway.pushText(from: "u", "还好吗")
            #expect(try await bench.gateway.waitForAnswer(to: message) == "echo: 还好吗")
            #expect(await bot.snapshot().connectionAttempts == 1)
        }
    }

    @Test func beforeItRunsAndAfterItHasEnded() async throws {
        let bench = try await BotBench()
        var elsewhere = bench.configuration
        elsewhere.webSocketURL = "wss://localhost:1"
        let bot = try Bot(configuration: elsewhere, log: .disabled)
        try await bot.reload(bench.configuration)
        let running = Task { try await bot.run(handlesSignals: false, BotBench.echo) }
        try await bench.gateway.waitForSubscription()
        bot.stop()
        try await running.value
        try await bot.reload(elsewhere)
        #expect(await bot.snapshot().state == .stopped)
        try await bench.end()
    }

    @Test func theLevelOfItsOwnLogFollows() async throws {
        var configuration = Configuration(botID: "b", secret: Secret("s"))
        let own = try Bot(configuration: configuration)
        let lines = LogCapture()
        let foreign = try Bot(configuration: configuration, log: lines.log)
        configuration.logLevel = .error
        try await own.reload(configuration)
        try await foreign.reload(configuration)
        #expect(own.log.level == .error)
        #expect(foreign.log.level == .trace)
    }

    @Test func hangupReadsTheFileAgain() async {
        await #expect(processExitsWith: .exitCode(7)) {
            let terminal = open("/dev/null", O_RDONLY)
            dup2(terminal, STDIN_FILENO)
            let bench = try await BotBench()
            let directory = try TemporaryDirectory()
            func write(_ path: String, _ more: String = "") throws -> String {
                try directory.write(
                    "bot.json",
                    #"""
                    {"wecomaibot_ws_bot_id":"\#(BotBench.botID)","wecomaibot_ws_secret":"\#(BotBench.secret)",
                     "wecomaibot_ws_url":"\#(bench.configuration.webSocketURL)\#(path)",
                     "wecomaibot_ca_file":"\#(bench.configuration.certificateAuthorityFile ?? "")"\#(more)}
                    """#.utf8
                )
            }
            let configuration = try Configuration.load(file: write("/one"), environment: [:])
            let lines = bench.lines
            let bot = try Bot(configuration: configuration, log: Log(level: .trace) { lines.record($0) })
            async let run: Void = bot.run(BotBench.echo)
            try await bench.gateway.waitForSubscription()
            _ = try write("/two")
            kill(getpid(), SIGHUP)
            _ = await bench.line(from: .info, with: "read again")
            // It may still have been subscribing when it was told, and is then ready only once.
            func isReady(_ snapshot: BotSnapshot) -> Bool {
                snapshot.connectionAttempts >= 2 && snapshot.state == .ready
            }
            while await !isReady(bot.snapshot()) { await Task.yield() }
            _ = try write("/three", #", "wecomaibot_heartbeat_interval": 0, "log_levle": "x""#)
            kill(getpid(), SIGHUP)
            _ = await bench.line(from: .error, with: "log_levle")
            let complaints = bench.text(from: .error)
            guard complaints.count == 2, complaints.allSatisfy({ $0.contains("the old one stays in force") }) else {
                exit(1)
            }
            let message = await bench.gateway.pushText(from: "u", "还在")
            guard try await bench.gateway.waitForAnswer(to: message) == "echo: 还在" else { exit(2) }
            let snapshot = await bot.snapshot()
            guard snapshot.connectionAttempts == 2, snapshot.displacements == 0 else { exit(3) }
            kill(getpid(), SIGTERM)
            try await run
            exit(7)
        }
    }
}
