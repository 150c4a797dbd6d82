import BotFoundation
import GatewaySimulator
import Glibc
import TestSupport
import Testing

@testable import WeComBot

/// Messages that were to be sent when a bot was killed, and its successor.
@Suite(.timeLimit(.minutes(10)))
struct BotOutboxTests {
    private static let texts = ["第一：三点开会 🙂", "第二 e\u{301} 👨‍👩‍👧 \"\\/", "**第三**\n- 完"]
    private static let zhang = Conversation(kind: .single, id: "zhang")
    private static let li = Conversation(kind: .single, id: "li")

    private static func configuration(_ url: String, _ authority: String, _ state: String) -> Configuration {
        var configuration = Configuration(botID: BotBench.botID, secret: Secret(BotBench.secret))
        configuration.webSocketURL = url
        configuration.certificateAuthorityFile = authority
        configuration.stateFile = state
        return configuration
    }

    /// Both people have spoken to the bot, as the platform wants it.
    private static func speak(_ bench: BotBench) async {
        for user in [zhang, li] { await bench.gateway.pushText(from: user.id, "在") }
    }

    /// What was sent to whom, in order.
    private static func sent(_ observations: AsyncStream<Observation>) async -> [String] {
        var sent: [String] = []
        for await observation in observations {
            if case .sent(let chat, _, let text) = observation.event { sent.append("\(chat) \(text)") }
        }
        return sent
    }

    private static func expectNoTexts(in bench: BotBench) {
        for line in bench.text(from: .debug) {
            for text in texts { #expect(!line.contains(text.prefix(2))) }
        }
    }

    /// Runs a successor until `body` returns, and another one after it that has nothing to send.
    private func successors(_ bench: BotBench, _ body: () async throws -> Void) async throws -> [String] {
        let observations = await bench.gateway.observations()
        let bot = try bench.bot()
        let running = Task { try await bot.run(handlesSignals: false, BotBench.echo) }
        do { try await body() } catch { Issue.record(error) }
        bot.stop()
        try await running.value
        try await bench.run(BotBench.echo) { _ in
            try await bench.gateway.waitForSubscription(within: .seconds(60))
            let message = await bench.gateway.pushText(from: "wang", "在吗")
            #expect(try await bench.gateway.waitForAnswer(to: message, within: .seconds(60)) == "echo: 在吗")
        }
        Self.expectNoTexts(in: bench)
        return await Self.sent(observations)
    }

    /// Waits until a successor knows of so many messages that they arrived.
    private func deliver(_ count: Int, _ bench: BotBench) async {
        await bench.lines.wait { records in
            records.count { $0.message == "a message from before the start was delivered" } == count
        }
    }

    @Test func whoIsToldThatTheNextStartSendsItIsToldTheTruth() async throws {
        let directory = try TemporaryDirectory()
        let bench = try await BotBench {
            $0.stateFile = directory.path + "/state.db"
            $0.heartbeatInterval = .seconds(60)
        }
        // More than a connection is handed at once, so that some are written down as leaving and stay.
        let (count, text) = (300, String(repeating: "长", count: 6_600))
        for number in 0..<count { await bench.gateway.pushText(from: "u\(number)", "在") }
        let bot = try bench.bot()
        let running = Task { try await bot.run(handlesSignals: false, BotBench.echo) }
        try await bench.gateway.waitForSubscription(within: .seconds(60))
        await bench.gateway.inject(.now(.freezeReading))
        let told = EventRecorder<Delivery>()
        let pushing = Task {
            await withDiscardingTaskGroup { group in
                for number in 0..<count {
                    group.addTask {
                        let user = Conversation(kind: .single, id: "u\(number)")
                        told.record(await bot.push(.markdown(text), to: user))
                    }
                }
            }
        }
        while await bot.snapshot().unsettledFrames < count { await Task.yield() }
        for _ in 0..<3 { await bot.runningParts?.dispatcher.ledger?.barrier() }
        bot.stop()
        try await running.value
        await pushing.value
        await bench.gateway.clearFaults()
        let promised = told.events.count { delivery in
            if case .unknown(let reason) = delivery {
                reason.message.contains("the next start sends it")
            } else {
                false
            }
        }
        #expect(promised > 0 && told.events.count == count)
        let isRefused = told.events.contains { if case .refused = $0 { true } else { false } }
        #expect(!isRefused, "what was not handed over is in the store, and stays there")
        let sent = try await successors(bench) { await deliver(promised, bench) }
        #expect(sent.count >= promised)
        let announced = bench.text(from: .info).filter { $0.hasPrefix("sending the messages that were left") }
        #expect(announced == ["sending the messages that were left before the start count=\(promised)"])
    }

    @Test func whatWasPushedWithoutAConnectionIsSentByTheNextProcessOnceAndInOrder() async throws {
        let directory = try TemporaryDirectory()
        let state = directory.path + "/state.db"
        let bench = try await BotBench { $0.stateFile = state }
        await Self.speak(bench)
        let authority = bench.configuration.certificateAuthorityFile ?? ""
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [authority = authority as String, state = state as String] in
            alarm(60)
            let bot = try Bot(
                configuration: Self.configuration("wss://127.0.0.1:1/", authority, state),
                log: .disabled
            )
            async let run: Void = bot.run(handlesSignals: false, BotBench.echo)
            for await state in bot.states { if case .waiting = state { break } }
            await withDiscardingTaskGroup { group in
                for (count, text) in Self.texts.enumerated() {
                    group.addTask { await bot.push(.markdown(text), to: Self.zhang) }
                    while await bot.snapshot().queuedFrames <= count { await Task.yield() }
                }
                await bot.runningParts?.dispatcher.ledger?.barrier()
                kill(getpid(), SIGKILL)
            }
            try await run
        }
        let sent = try await successors(bench) { await deliver(3, bench) }
        #expect(sent == Self.texts.map { "zhang " + $0 })
        let lines = bench.text(from: .info)
        #expect(lines.contains("sending the messages that were left before the start count=3"))
        #expect(bench.text(from: .warning) == [])
    }

    /// Sends a message beside its answer.
    private static let handler: BotBench.Handler = { _, reply in
        await reply.finish("好")
        await reply.send(.markdown(texts[0]))
    }

    private func diesWhileItWaitsForTheRateLimit(_ url: String, _ authority: String, _ state: String) async {
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [url = url as String, authority = authority as String, state = state as String] in
            alarm(60)
            var configuration = Self.configuration(url, authority, state)
            configuration.ratePerMinute = 1
            let bot = try Bot(configuration: configuration, log: .disabled)
            async let run: Void = bot.run(handlesSignals: false, Self.handler)
            async let died: Void = {
                while await bot.snapshot().queuedFrames == 0 { await Task.yield() }
                await bot.runningParts?.dispatcher.ledger?.barrier()
                kill(getpid(), SIGKILL)
            }()
            try await run
            await died
        }
    }

    @Test func whatWaitsForTheRateLimitIsSentByTheNextProcessThoughItWasBesideAnAnswer() async throws {
        let directory = try TemporaryDirectory()
        let state = directory.path + "/state.db"
        let bench = try await BotBench { $0.stateFile = state }
        let url = bench.configuration.webSocketURL
        let authority = bench.configuration.certificateAuthorityFile ?? ""
        async let death: Void = diesWhileItWaitsForTheRateLimit(url, authority, state)
        try await bench.gateway.waitForSubscription(within: .seconds(60))
        let message = await bench.gateway.pushText(from: "zhang", "beside")
        #expect(try await bench.gateway.waitForAnswer(to: message, within: .seconds(60)) == "好")
        await death
        let sent = try await successors(bench) { await deliver(1, bench) }
        #expect(sent == ["zhang " + Self.texts[0]])
    }

    /// Whether two messages are with the socket, or on the wire.
    private static func areOnTheirWay(_ bot: Bot) async -> Bool {
        let snapshot = await bot.snapshot()
        return snapshot.unsettledFrames == 2 && snapshot.queuedFrames == 0
    }

    private func diesWhileItWaitsForTheVerdicts(_ url: String, _ authority: String, _ state: String) async {
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [url = url as String, authority = authority as String, state = state as String] in
            alarm(60)
            let bot = try Bot(configuration: Self.configuration(url, authority, state), log: .disabled)
            async let run: Void = bot.run(handlesSignals: false, Self.handler)
            for await state in bot.states where state == .ready { break }
            async let first = bot.push(.markdown(Self.texts[0]), to: Self.zhang)
            async let second = bot.push(.markdown(Self.texts[1]), to: Self.zhang)
            while await !Self.areOnTheirWay(bot) { await Task.yield() }
            kill(getpid(), SIGKILL)
            _ = await [first, second]
            try await run
        }
    }

    @Test func whatMayHaveArrivedIsSaidAndNotSentAgain() async throws {
        let directory = try TemporaryDirectory()
        let state = directory.path + "/state.db"
        let bench = try await BotBench { $0.stateFile = state }
        await bench.gateway.inject(.onFrame(FrameFilter(commands: [.send]), .ignore, times: 2))
        let url = bench.configuration.webSocketURL
        let authority = bench.configuration.certificateAuthorityFile ?? ""
        await diesWhileItWaitsForTheVerdicts(url, authority, state)
        let sent = try await successors(bench) {
            _ = await bench.line(from: .warning, with: "may have arrived, and are not sent again")
        }
        #expect(sent == [])
        let line = "messages from before the start may have arrived, and are not sent again conversation=zhang count=2"
        #expect(bench.text(from: .warning) == [line], "said once, by the first successor")
    }

    @Test func whatWaitsWhenABotEndsInOrderIsSentByTheNextOneAndTheCallerIsToldSo() async throws {
        let directory = try TemporaryDirectory()
        let bench = try await BotBench { $0.stateFile = directory.path + "/state.db" }
        await Self.speak(bench)
        await bench.gateway.inject(.ignoreSubscribe(times: 100))
        let bot = try bench.bot()
        let running = Task { try await bot.run(handlesSignals: false, BotBench.echo) }
        while await bot.snapshot().state != .subscribing { await Task.yield() }
        async let first = bot.push(.markdown(Self.texts[0]), to: Self.zhang)
        async let second = bot.push(.markdown(Self.texts[1]), to: Self.li)
        while await bot.snapshot().queuedFrames < 2 { await Task.yield() }
        bot.stop()
        for delivery in await [first, second] {
            guard case .unknown(let reason) = delivery else {
                Issue.record("\(delivery)")
                continue
            }
            #expect(reason.message.contains("the next start sends it"))
        }
        try await running.value
        await bench.gateway.clearFaults()
        let sent = try await successors(bench) { await deliver(2, bench) }
        #expect(sent.sorted() == ["li " + Self.texts[1], "zhang " + Self.texts[0]])
    }

    @Test func withADamagedStateFileItPushesAllTheSame() async throws {
        let directory = try TemporaryDirectory()
        let state = try directory.write("state.db", [UInt8](repeating: 7, count: 10_000))
        let bench = try await BotBench { $0.stateFile = state }
        await Self.speak(bench)
        try await bench.run(BotBench.echo) { bot in
            try await bench.gateway.waitForSubscription(within: .seconds(60))
            #expect(await bot.push(.markdown(Self.texts[0]), to: Self.zhang) == .delivered)
        }
        #expect(bench.text(from: .error).count == 1)
    }

    @Test func withAStateFileThatAnotherProcessHasItPushesAllTheSame() async throws {
        let directory = try TemporaryDirectory()
        let bench = try await BotBench { $0.stateFile = directory.path + "/state.db" }
        let bots = GatewayConfiguration(credentials: [BotBench.botID: Secret(BotBench.secret)])
        let other = try await BotBench(bots) { $0.stateFile = directory.path + "/state.db" }
        await Self.speak(other)
        try await bench.run(BotBench.echo) { _ in
            try await bench.gateway.waitForSubscription(within: .seconds(60))
            try await other.run(BotBench.echo) { bot in
                try await other.gateway.waitForSubscription(within: .seconds(60))
                #expect(await bot.push(.markdown(Self.texts[0]), to: Self.zhang) == .delivered)
            }
        }
        #expect(other.text(from: .error).count == 1)
    }
}
