import FoundationEssentials
import GatewaySimulator
import Glibc
import LWSTransport
import WeComBot

/// Plays a conversation between a simulated gateway and a bot, both in this process, over a real TLS WebSocket.
struct Play {
    let tempo: Tempo
    let stage: Stage
    /// The first of these ends it early.
    let signals: Signals

    private static let botID = "streaming-demo"
    private static let secret = Secret("only-good-for-the-simulator")

    /// Plays it to its end.
    ///
    /// - Returns: how it went; `nil` if SIGTERM or Ctrl-C interrupted it.
    func run() async throws -> Verdict? {
        let start = ContinuousClock.now
        let script = Script.standard(isFast: tempo == .fast)
        let loop = try EventLoop(name: "gateway")
        var configuration = GatewayConfiguration(botID: Play.botID, secret: Play.secret)
        configuration.acknowledgementLatency = .upTo(.milliseconds(120))
        let gateway = try await Gateway.start(on: loop, configuration: configuration)
        await stage.begin(url: gateway.url, script: script)

        let isPlayed = try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await converse(script, gateway)
                return true
            }
            group.addTask {
                for await _ in signals.deliveries { break }
                return false
            }
            group.addTask {
                // Thirty times a second is as smooth as a terminal gets.
                while !Task.isCancelled {
                    await stage.tick()
                    try await ContinuousClock().sleep(for: .milliseconds(33))
                }
                return false
            }
            defer { group.cancelAll() }
            return try await group.next() ?? false
        }
        await gateway.stop()
        await loop.shutdown()
        guard isPlayed else { return nil }
        return await Verdict(
            script: script,
            answers: stage.answers,
            figures: stage.figures,
            length: .now - start
        )
    }

    /// Everything from the first question to the last thing observed. Each part ends by itself when the people have no more
    /// questions, or all of them because one fails.
    private func converse(_ script: Script, _ gateway: Gateway) async throws {
        let bot = try await bot(for: gateway)
        let handler = CannedHandler(script: script, tempo: tempo) { await stage.settle($0, $1) }
        let observations = await gateway.observations()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { for await observation in observations { await stage.observe(observation) } }
            group.addTask { for await state in bot.states { await stage.observe(state) } }
            group.addTask {
                try await bot.run(handlesSignals: false, handler)
                await gateway.stop()
            }
            group.addTask {
                try await ask(script, gateway)
                bot.stop()
            }
            for try await () in group {}
        }
    }

    private func bot(for gateway: Gateway) async throws -> Bot {
        var configuration = Configuration(botID: Play.botID, secret: Play.secret)
        configuration.webSocketURL = await gateway.url
        // The bot reads the file while it is made; afterwards nobody needs it.
        let name = "streaming-demo-\(UInt64.random(in: .min ... .max)).pem"
        let path = FileManager.default.temporaryDirectory.appending(path: name).path
        try Data(gateway.certificateAuthorityPEM ?? []).write(to: URL(filePath: path))
        defer { unlink(path) }
        configuration.certificateAuthorityFile = path
        return try Bot(configuration: configuration, log: .disabled)
    }

    // MARK: The people

    private func ask(_ script: Script, _ gateway: Gateway) async throws {
        try await gateway.waitForSubscription()
        for scene in script.scenes {
            try await ContinuousClock().sleep(for: tempo.time(.milliseconds(800)))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (number, turn) in scene.turns.enumerated() {
                    group.addTask {
                        try await ContinuousClock().sleep(for: tempo.time(.milliseconds(500)) * number)
                        try await ask(turn, gateway)
                    }
                }
                for try await () in group {}
            }
        }
        try await ContinuousClock().sleep(for: tempo.time(.milliseconds(600)))
        await stage.close()
    }

    private func ask(_ turn: Script.Turn, _ gateway: Gateway) async throws {
        if let frames = turn.framesBeforeReset {
            await gateway.inject(.onFrame(.answers(in: turn.chat.id), .after(.reset), skipping: frames))
        }
        await stage.announce(turn)
        let chat = turn.chat.isGroup ? turn.chat.id : nil
        let message = await gateway.pushText(from: turn.person.id, in: chat, turn.question)
        do {
            try await gateway.waitForBubbles(of: message, within: .seconds(15))
        } catch let error as GatewayError where error.code == .deadlineExceeded {
            // Not the end: the verdict will say what is missing.
        }
    }
}
