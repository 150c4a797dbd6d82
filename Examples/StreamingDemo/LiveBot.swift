import FoundationEssentials
import WeComBot

/// A real bot, for whoever has credentials: it repeats what it was asked, tells how streaming works, and streams while it does.
///
/// Of messages only the sizes are printed, never the texts.
struct LiveBot {
    private let configuration: Configuration
    private let bot: Bot

    init(_ configuration: Configuration) throws(ConfigurationError) {
        self.configuration = configuration
        // What goes well is said below, in words of the demo; the library says what does not.
        let level = configuration.logLevel == .info ? Log.Level.notice : configuration.logLevel
        bot = try Bot(configuration: configuration, log: .standardError(level: level))
    }

    /// Answers until SIGTERM or Ctrl-C, and returns when everything under way has ended.
    func run() async throws {
        say("connecting to \(configuration.webSocketURL) as \(configuration.botID); Ctrl-C ends it")
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await report() }
            group.addTask { try await bot.run { message, reply in await answer(message, reply) } }
            for try await () in group {}
        }
    }

    private func report() async {
        var lostAt: ContinuousClock.Instant?
        var wasReady = false
        for await state in bot.states {
            switch state {
            case .ready:
                let after = lostAt.map { " again after \((ContinuousClock.now - $0).short)" } ?? ""
                say("ready\(after)" + (wasReady ? "" : ": write to the bot in WeCom"))
                wasReady = true
                lostAt = nil
            case .waiting, .displaced, .credentialsRejected:
                lostAt = lostAt ?? .now  // why, the library says
            case .closing: say("closing the connection")
            case .stopped: say("stopped")
            case .idle, .connecting, .subscribing: break
            }
        }
    }

    private func answer(_ message: Inbound, _ reply: Reply) async {
        let start = ContinuousClock.now
        let place = message.conversation.kind == .group ? "in group \(message.conversation.id)" : "directly"
        say(
            "message \(message.id) from \(message.sender), \(place): \(message.kind.rawValue), \(message.text.utf8.count) bytes"
        )
        var bytes = 0
        for (number, token) in Script.tokens(of: LiveAnswer.text(for: message.text)).enumerated() {
            do { try await ContinuousClock().sleep(until: start + .milliseconds(45) * number) } catch { break }
            await reply.write(token)
            bytes += token.utf8.count
        }
        let delivery = await reply.finish()
        say(
            "answer \(message.id): \(LiveAnswer.outcome(delivery)), \(bytes) bytes in \((ContinuousClock.now - start).short)"
        )
    }

    private func say(_ text: String) {
        // What peers chose, ids for instance, must not be able to forge a line.
        StandardOutput.write("\(Date.now.ISO8601Format()) \(text.escapedForOneLine)\n")
    }
}
