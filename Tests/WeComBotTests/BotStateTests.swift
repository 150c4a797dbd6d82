import BotFoundation
import GatewaySimulator
import Glibc
import TestSupport
import Testing

@testable import WeComBot

/// Bots that are killed, and their successors.
@Suite(.timeLimit(.minutes(10)))
struct BotStateTests {
    /// Answers "quick" at once, and anything else in two parts with a pause that never ends; dies at "die".
    private static let handler: BotBench.Handler = { message, reply in
        switch message.text {
        case "die": kill(getpid(), SIGKILL)
        case "quick": await reply.finish("快")
        default:
            await reply.write("一半")
            await Mailbox<Void>().next()
        }
    }

    private func diesInAProcessOfItsOwn(_ url: String, authority: String, state: String) async {
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [url = url as String, authority = authority as String, state = state as String] in
            var configuration = Configuration(botID: BotBench.botID, secret: Secret(BotBench.secret))
            configuration.webSocketURL = url
            configuration.certificateAuthorityFile = authority
            configuration.stateFile = state
            try await Bot(configuration: configuration, log: .disabled).run(handlesSignals: false, Self.handler)
        }
    }

    @Test func aKilledBotsSuccessorFinishesWhatItOwedAndAnswersNothingTwice() async throws {
        let directory = try TemporaryDirectory()
        let state = directory.path + "/state.db"
        let bench = try await BotBench { $0.stateFile = state }
        async let death: Void = diesInAProcessOfItsOwn(
            bench.configuration.webSocketURL,
            authority: bench.configuration.certificateAuthorityFile ?? "",
            state: state
        )
        try await bench.gateway.waitForSubscription(within: .seconds(60))
        let quick = await bench.gateway.pushText(from: "quick", "quick")
        #expect(try await bench.gateway.waitForAnswer(to: quick, within: .seconds(60)) == "快")
        let slow = await bench.gateway.pushText(from: "slow", "slow")
        try await bench.gateway.waitForBubbles(of: slow) { !$0.isEmpty }
        let behind = await bench.gateway.pushText(from: "slow", "quick")
        let last = await bench.gateway.pushText(from: "die", "die")
        await death

        let started = Locked<[String]>([])
        try await bench.run { message, reply in
            started.withLock { $0.append(message.id) }
            await reply.finish("后来：" + message.text)
        } _: { _ in
            let cut = try await bench.gateway.waitForAnswer(to: slow, within: .seconds(60))
            #expect(cut.hasPrefix("一半\n\n"))
            #expect(cut.contains("This answer was interrupted by a restart"))
            #expect(try await bench.gateway.waitForAnswer(to: behind, within: .seconds(60)) == "后来：quick")
            #expect(try await bench.gateway.waitForAnswer(to: last, within: .seconds(60)).hasPrefix("（服务重启"))
            #expect(await bench.gateway.answer(to: quick).map(\.text) == ["快"])
        }
        #expect(started.withLock { $0 } == [behind.messageID])
        #expect(bench.text(from: .info).contains { $0.hasPrefix("taking over what was left before the start count=") })
        #expect(bench.text(from: .error) == [])
    }

    @Test func aDisplacedBotThatStopsLeavesWhatItOwesToTheNextOne() async throws {
        let directory = try TemporaryDirectory()
        let bench = try await BotBench { configuration in
            configuration.stateFile = directory.path + "/state.db"
            configuration.onDisplaced = .stop
        }
        let handled = Locked(0)
        let handler: BotBench.Handler = { _, reply in
            handled.withLock { $0 += 1 }
            await reply.finish("快")
        }
        await bench.gateway.inject(.onFrame(FrameFilter(isFinal: true), .instead(.displace)))
        let bot = try bench.bot()
        let running = Task { try await bot.run(handlesSignals: false, handler) }
        try await bench.gateway.waitForSubscription(within: .seconds(60))
        let message = await bench.gateway.pushText(from: "u", "在吗")
        await #expect(throws: BotError.self) { try await running.value }
        #expect(await bench.gateway.answer(to: message).isEmpty)
        try await bench.run(handler) { _ in
            let answer = try await bench.gateway.waitForAnswer(to: message, within: .seconds(60))
            #expect(answer == "快")
        }
        #expect(handled.withLock { $0 } == 1)
    }

    @Test func aDamagedStateFileIsALineAndTheBotAnswers() async throws {
        let directory = try TemporaryDirectory()
        let state = try directory.write("state.db", [UInt8](repeating: 7, count: 10_000))
        let bench = try await BotBench { $0.stateFile = state }
        try await bench.run(BotBench.echo) { _ in
            try await bench.gateway.waitForSubscription(within: .seconds(60))
            let message = await bench.gateway.pushText(from: "u", "在吗")
            #expect(try await bench.gateway.waitForAnswer(to: message, within: .seconds(60)) == "echo: 在吗")
        }
        let errors = bench.text(from: .error)
        #expect(errors.count == 1)
        #expect(errors.first?.hasPrefix("\(state) is damaged, or not a state file") == true)
    }

    @Test func twoBotsWithOneStateFileBothAnswerAndOneSaysSo() async throws {
        let directory = try TemporaryDirectory()
        let bots = GatewayConfiguration(credentials: [
            "first": Secret(BotBench.secret), "second": Secret(BotBench.secret),
        ])
        let bench = try await BotBench(bots) { configuration in
            configuration.botID = "first"
            configuration.stateFile = directory.path + "/state.db"
        }
        var other = bench.configuration
        other.botID = "second"
        let capture = LogCapture()
        let second = try Bot(configuration: other, log: capture.log)
        try await bench.run(BotBench.echo) { _ in
            try await bench.gateway.waitForSubscription(of: "first", within: .seconds(60))
            let running = Task { try await second.run(handlesSignals: false, BotBench.echo) }
            try await bench.gateway.waitForSubscription(of: "second", within: .seconds(60))
            for name in ["first", "second"] {
                let message = await bench.gateway.pushText(from: "u", name, to: name)
                #expect(try await bench.gateway.waitForAnswer(to: message, within: .seconds(60)) == "echo: \(name)")
            }
            second.stop()
            try await running.value
        }
        #expect(bench.text(from: .error) == [])
        #expect(capture.messages(from: .error).count == 1)
        #expect(capture.messages(from: .error).first?.contains("is in use by another process") == true)
    }

    @Test func aBotThatStartsBeforeTheOldOneHasEndedTakesOverWhatThatLeaves() async throws {
        let directory = try TemporaryDirectory()
        let bench = try await BotBench { $0.stateFile = directory.path + "/state.db" }
        let old = try bench.bot(drainDeadline: .milliseconds(50))
        let ending = Task {
            try await old.run(handlesSignals: false) { _, reply in
                await reply.write("…")
                await Mailbox<Void>().next()
            }
        }
        try await bench.gateway.waitForSubscription(within: .seconds(60))
        let first = await bench.gateway.pushText(from: "u", "一")
        try await bench.gateway.waitForBubbles(of: first) { !$0.isEmpty }
        let second = await bench.gateway.pushText(from: "u", "二")
        _ = await bench.line(from: .debug, with: second.messageID)
        let new = try bench.bot()
        let running = Task { try await new.run(handlesSignals: false, BotBench.echo) }
        for await state in new.states where state == .ready { break }
        let third = await bench.gateway.pushText(from: "v", "三")
        let answer = try await bench.gateway.waitForAnswer(to: third, within: .seconds(60))
        #expect(answer == "echo: 三", "it answers without the file")
        old.stop()
        try await ending.value
        let late = try await bench.gateway.waitForAnswer(to: second, within: .seconds(60))
        #expect(late == "echo: 二")
        new.stop()
        try await running.value
        #expect(bench.text(from: .error).count == 1)
        try await bench.end()
    }

    @Test func theStateFileMustBeInADirectory() throws {
        let directory = try TemporaryDirectory()
        let good = directory.path + "/state.db"
        let configuration = try Configuration.load(environment: environment(["WECOM_STATE_FILE": good]))
        #expect(configuration.stateFile == good)
        #expect(try Configuration.load(environment: environment(["WECOM_STATE_FILE": ""])).stateFile == nil)
        let file = try directory.write("c.json", #"{"wecomaibot_state_file": "\#(good)"}"#.utf8)
        #expect(try Configuration.load(file: file, environment: environment()).stateFile == good)
        #expect(problems(environment(["WECOM_STATE_FILE": "state.db"])) == [])
        #expect(problems(environment(["WECOM_STATE_FILE": file])) == [])
        let aDirectory = "WECOM_STATE_FILE: names a directory; write the path of a file"
        for path in [directory.path, directory.path + "/", "..", "."] {
            #expect(problems(environment(["WECOM_STATE_FILE": path])) == [aDirectory])
        }
        #expect(
            problems(environment(["WECOM_STATE_FILE": directory.path + "/none/state.db"])) == [
                "WECOM_STATE_FILE: names a file in a directory that does not exist; make the directory first"
            ]
        )
        #expect(
            problems(environment(["WECOM_STATE_FILE": file + "/state.db"])).first?.contains("does not exist") == true
        )
        #expect(
            problems(environment(["WECOM_STATE_FILE": "/dev/null"])) == [
                "WECOM_STATE_FILE: does not name a regular file"
            ]
        )
        #expect(problems(environment(["WECOM_STATE_FILE": "a\u{0}"])).first?.contains("zero byte") == true)
        var wrong = Configuration(botID: "b", secret: Secret("s"))
        wrong.stateFile = "/nowhere/state.db"
        let error = #expect(throws: ConfigurationError.self) { try Bot(configuration: wrong) }
        #expect(error?.problems.map(\.key) == ["stateFile"])
    }
}
