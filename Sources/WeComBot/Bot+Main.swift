public import BotCore
public import BotFoundation
internal import Glibc

extension Bot {
    /// A whole program: loads the configuration, runs the bot until SIGTERM or Ctrl-C, and exits.
    ///
    ///     await Bot.main { message, reply in
    ///         await reply.write("You said: " + message.text)
    ///     }
    ///
    /// With `onEvent`, it is also told of what happens that is no message:
    ///
    ///     await Bot.main(onEvent: { event, reply in
    ///         if event.kind == .enterChat { await reply.welcome("Hello!") }
    ///     }) { message, reply in
    ///         await reply.write("You said: " + message.text)
    ///     }
    ///
    /// SIGHUP reads the configuration again; see ``Bot/reload(_:)``.
    ///
    /// It exits with 0 when the bot was asked to end, with 78 after it has written every problem of the configuration to standard
    /// error, one line each, with 69 (`EX_UNAVAILABLE`) when it was displaced and ``Configuration/onDisplaced`` is `stop`, with 78 too
    /// when its status port or callback port is not available, and with 71 (`EX_OSERR`) if the system cannot run it.
    ///
    /// - Parameters:
    ///   - configurationFile: The path of the configuration file; `nil` takes it from `WECOM_CONFIG`.
    ///   - log: Where log lines go; standard error from the configured level on unless given.
    ///   - onEvent: Is told of events; see ``BotHandler``.
    ///   - handler: Answers messages; see ``BotHandler``.
    @concurrent public static func main(
        configurationFile: String? = nil,
        log: Log? = nil,
        onEvent: @escaping ClosureHandler.EventBody = { _, _ in },
        _ handler: @escaping @Sendable (_ message: Inbound, _ reply: Reply) async throws -> Void
    ) async -> Never {
        do {
            let configuration = try Configuration.load(file: configurationFile)
            if configuration.mode == .webhook, configuration.callbackPort == 0 {
                throw ConfigurationError.noCallbackPort
            }
            let bot = try Bot(configuration: configuration, log: log)
            try await bot.run(onEvent: onEvent, handler)
            exit(EXIT_SUCCESS)
        } catch let error as ConfigurationError {
            complain("the configuration is wrong:\n\(error)")
            exit(ConfigurationError.exitStatus)
        } catch {
            complain("\(error)")
            exit((error as? BotError)?.exitStatus ?? EXIT_FAILURE)
        }
    }

    private static func complain(_ message: String) {
        let name = CommandLine.arguments.first.map { $0.split(separator: "/").last.map(String.init) ?? $0 } ?? "bot"
        let bytes = Array("\(name): \(message)\n".utf8)
        // Nobody may be reading; the exit status is to be right all the same.
        signal(SIGPIPE, SIG_IGN)
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
            guard count > 0 || errno == EINTR else { return }
            written += max(0, count)
        }
    }
}

extension ConfigurationError {
    /// Nobody could hand requests over.
    fileprivate static let noCallbackPort = ConfigurationError(problems: [
        Problem(
            key: "port",
            source: "Configuration",
            message:
                "0 is for a program that hands requests to Bot.respond(to:) itself; set WECOM_CALLBACK_PORT to a port"
        )
    ])
}
