import FoundationEssentials
@preconcurrency import Glibc

/// Bots over links that break. `--help` says how to call it.
@main
struct Faults {
    static func main() async {
        signal(SIGPIPE, SIG_IGN)
        raiseDescriptorLimit()
        do {
            let options = try Options(Array(CommandLine.arguments.dropFirst()))
            let context = Context(
                seed: options.seed ?? UInt64.random(in: 1...999_999),
                isExhaustive: options.isExhaustive,
                uploadBytes: options.uploadBytes,
                audit: Audit(),
                echoBot: options.echoBot ?? sibling("echo-bot")
            )
            switch options.command {
            case .help: print(Options.help)
            case .list: for one in Suite.all { print(one.name) }
            case .suite:
                let cases = Suite.all.filter { options.only.isEmpty || options.only.contains($0.name) }
                let report = Report(environment: ProcessInfo.processInfo.environment)
                let failed = await Suite(context: context, report: report).run(cases)
                exit(failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE)
            case .soak:
                exit(try await Soak(context, minutes: options.minutes).run() ? EXIT_SUCCESS : EXIT_FAILURE)
            }
        } catch let problem as Options.Problem {
            fputs("faults: \(problem)\n", stderr)
            exit(64)
        } catch {
            fputs("faults: \(error)\n", stderr)
            exit(EXIT_FAILURE)
        }
    }

    /// A thousand relayed connections need four thousand descriptors; many systems grant 1,024 until asked.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = min(limit.rlim_max, 20_000)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    /// A program that was built beside this one.
    private static func sibling(_ name: String) -> String {
        let own =
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
        return own.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/\(name)"
    }
}
