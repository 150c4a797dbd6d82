import FoundationEssentials
@preconcurrency import Glibc
import WeComBot

/// Shows what a bot looks like while it answers: without credentials against a simulated gateway, with credentials in WeCom.
@main
struct StreamingDemo {
    static func main() async {
        do {
            let options = try Options(Array(CommandLine.arguments.dropFirst()))
            guard options.command == .run else {
                StandardOutput.write(Options.help + "\n")
                return
            }
            if let configuration = try configuration(options, ProcessInfo.processInfo.environment) {
                try await LiveBot(configuration).run()
            } else {
                try await play(options.isFast ? .fast : .normal)
            }
        } catch let problem as Options.Problem {
            fail("\(problem)", status: Options.usageStatus)
        } catch let error as ConfigurationError {
            fail("the configuration is wrong:\n\(error)", status: ConfigurationError.exitStatus)
        } catch {
            fail("\(error)", status: EXIT_FAILURE)
        }
    }

    /// The configuration; `nil` if there are no credentials and nothing looks as if there should be.
    static func configuration(
        _ options: Options,
        _ environment: [String: String]
    ) throws(ConfigurationError) -> Configuration? {
        do {
            return try Configuration.load(file: options.file, environment: environment)
        } catch {
            let credentials: Set = ["WECOM_BOT_ID", "WECOM_BOT_SECRET"]
            let isFileNamed = options.file != nil || environment["WECOM_CONFIG"]?.isEmpty == false
            let isAnySet = !credentials.isDisjoint(with: environment.keys)
            guard !isFileNamed, !isAnySet, credentials.isSuperset(of: error.problems.map(\.key)) else { throw error }
            return nil
        }
    }

    /// Plays the conversation and ends the process, unless all went well.
    private static func play(_ tempo: Tempo) async throws {
        // Until the terminal is as it was before, no signal ends the process.
        let signals = try Signals()
        defer { signals.end() }
        let terminal = Terminal(environment: ProcessInfo.processInfo.environment)
        let stage = Stage {
            guard let terminal, terminal.size.columns > TerminalView.minimumWidth else {
                return LogView(write: StandardOutput.write)
            }
            return TerminalView(terminal: terminal, write: StandardOutput.write)
        }
        do {
            let verdict = try await Play(tempo: tempo, stage: stage, signals: signals).run()
            await stage.end(verdict.map(PlayEnding.played) ?? .interrupted)
            terminal?.restore()
            if verdict?.faults.isEmpty == false { exit(EXIT_FAILURE) }
        } catch {
            await stage.end(.failed)
            terminal?.restore()
            throw error
        }
    }

    private static func fail(_ message: String, status: Int32) -> Never {
        fputs("streaming-demo: \(message)\n", stderr)
        exit(status)
    }
}
