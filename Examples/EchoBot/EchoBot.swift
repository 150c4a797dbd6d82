import WeComBot

/// The smallest real bot, and what conformance tools drive.
///
/// It answers
/// - `!once X` with X, in one frame;
/// - `!stream N GAP TAG` with N chunks, one every GAP milliseconds: `TAG:00000;TAG:00001;…`;
/// - any other text X with `echo: X`, written in three pieces.
@main
struct EchoBot {
    static func main() async {
        guard !CommandLine.arguments.dropFirst().contains(where: { $0 == "--help" || $0 == "-h" }) else {
            print(help)
            return
        }
        await Bot.main { message, reply in
            await answer(message.text, reply)
        }
    }

    static func answer(_ text: String, _ reply: Reply) async {
        switch Command(text) {
        case .once(let text):
            await reply.finish(text)
        case .stream(let count, let gap, let tag):
            let start = ContinuousClock.now
            for number in 0..<count {
                do { try await ContinuousClock().sleep(until: start + gap * number) } catch { return }
                await reply.write("\(tag):\(fiveDigits(number));")
            }
        case .echo(let text):
            for piece in thirds(of: "echo: " + text) { await reply.write(String(piece)) }
        }
    }

    static let help = """
        echo-bot: answers every message of a WeCom AI Bot with an echo.

        Environment:
          WECOM_CONNECTION_MODE            long_connection or webhook; long_connection
          WECOM_BOT_ID, WECOM_BOT_SECRET   the bot, in long-connection mode
          WECOM_TOKEN, WECOM_ENCODING_AES_KEY   the bot, in webhook mode
          WECOM_CALLBACK_HOST, WECOM_CALLBACK_PORT   where it is called then; 0.0.0.0 and 6198
          WECOM_WS_URL                     another gateway than wss://openws.work.weixin.qq.com
          WECOM_CA_FILE                    PEM file of the authorities to trust; empty: the system's
          WECOM_HEARTBEAT_SECONDS          seconds between heartbeats; 30
          WECOM_STATE_FILE                 where to keep what is owed, so that a restart finishes it; empty: nowhere
          WECOM_ON_DISPLACED               yield, take_over or stop, when another process connects as this bot; yield
          WECOM_LOG_LEVEL                  trace, debug, info, notice, warning or error; info

        Exit status: 0 after SIGTERM or Ctrl-C, 78 if the configuration is wrong, 69 if displaced and WECOM_ON_DISPLACED is stop.
        """
}

/// What a message asks for.
enum Command {
    case once(String)
    case stream(count: Int, gap: Duration, tag: String)
    case echo(String)

    /// The most chunks one message may ask for.
    static let maximumCount = 100_000

    init(_ text: String) {
        let words = text.split(separator: " ")
        if text.hasPrefix("!once "), words.count > 1 {
            self = .once(String(text.dropFirst("!once ".count)))
        } else if words.count == 4, words[0] == "!stream", let count = Int(words[1]), let gap = Int(words[2]),
            (1...Command.maximumCount).contains(count), (0...3_600_000).contains(gap)
        {
            self = .stream(count: count, gap: .milliseconds(gap), tag: String(words[3]))
        } else {
            self = .echo(text)
        }
    }
}

func fiveDigits(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
}

/// The text in three pieces of about the same number of characters.
func thirds(of text: String) -> [Substring] {
    let third = text.count / 3
    let first = text.prefix(third)
    let second = text.dropFirst(third).prefix(third)
    return [first, second, text.dropFirst(2 * third)]
}
