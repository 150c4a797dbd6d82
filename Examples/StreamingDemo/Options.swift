/// What the command line asks for.
struct Options: Hashable {
    /// What to do.
    enum Command: Hashable {
        case run, help
    }

    /// Why a command line makes no sense, and what to write instead.
    struct Problem: Error, Hashable, CustomStringConvertible {
        let description: String
    }

    /// The status of a program that was called wrongly: `EX_USAGE` of sysexits.h.
    static let usageStatus: Int32 = 64

    var command = Command.run
    /// Whether the conversation is played several times faster.
    var isFast = false
    /// The configuration file, if one was named.
    var file: String?

    private static let known = ["--config", "--fast", "--help"]

    /// Reads the arguments, without the program's name.
    init(_ arguments: [String]) throws(Problem) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--help", "-h": command = .help
            case "--fast": isFast = true
            case "--config":
                guard let path = rest.popFirst() else {
                    throw Problem(description: "--config needs the path of a file: --config bot.json")
                }
                file = try Options.path(path)
            case _ where argument.hasPrefix("--config="):
                file = try Options.path(String(argument.dropFirst("--config=".count)))
            default: throw Problem(description: Options.complaint(about: argument))
            }
        }
    }

    private static func path(_ text: String) throws(Problem) -> String {
        guard !text.isEmpty else {
            throw Problem(description: "--config needs the path of a file; it got an empty one")
        }
        return text
    }

    private static func complaint(about argument: String) -> String {
        let name = argument.prefix { $0 != "=" }.lowercased()
        let letters = name.drop { $0 == "-" }
        if name == "--fast" || name == "--help" { return "\(name) takes no value; write \(name)" }
        let meant = letters.isEmpty ? nil : known.first { $0.dropFirst(2).hasPrefix(letters.prefix(2)) }
        return "unknown option \(argument)" + (meant.map { "; did you mean \($0)?" } ?? "; see --help")
    }

    /// What `--help` prints.
    static let help = """
        streaming-demo: watch a WeCom AI Bot answer while it is still thinking.

        Usage: streaming-demo [--fast] [--config PATH]

        Without credentials it starts a simulated gateway on this machine and plays a short conversation
        with it over a real TLS WebSocket: several people at once, long Markdown, and a connection that is
        reset in the middle of an answer. At the end it checks that every answer arrived complete.

        With credentials it connects to WeCom and answers whoever writes to the bot, until Ctrl-C or SIGTERM.

        Options:
          --fast          play the conversation several times faster; nothing else changes
          --config PATH   a JSON file with the bot's settings; also WECOM_CONFIG
          --help          this text

        Environment, which wins over the file:
          WECOM_BOT_ID, WECOM_BOT_SECRET   the bot, in long-connection mode
          WECOM_WS_URL                     another gateway than wss://openws.work.weixin.qq.com
          WECOM_CA_FILE                    PEM file of the authorities to trust; empty: the system's
          WECOM_HEARTBEAT_SECONDS          seconds between heartbeats; 30
          WECOM_LOG_LEVEL                  trace, debug, info, notice, warning or error; info
          NO_COLOR                         set to anything: no colours

        "Without credentials" means: no file is named, and neither WECOM_BOT_ID nor WECOM_BOT_SECRET is set,
        not even to nothing. If any of them is there, everything has to be right.

        Exit status:
          0    every answer arrived complete; or it was ended by Ctrl-C or SIGTERM
          1    an answer did not arrive as it was written, or the demo could not run
          64   an unknown option
          78   the configuration is wrong; every problem is named
        """
}
