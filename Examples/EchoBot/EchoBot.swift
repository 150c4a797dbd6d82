import WeComBot

/// The smallest real bot, and what conformance tools drive.
///
/// It answers
/// - `!once X` with X, in one frame;
/// - `!file N` with a file of N bytes, of which byte i is i * 7 mod 251;
/// - `!stream N GAP TAG` with N chunks, one every GAP milliseconds: `TAG:00000;TAG:00001;…`;
/// - a picture, file or video with `md5:` and the MD5 of its content, behind the echo of the text, if there is any;
/// - any other text X with `echo: X`, written in three pieces;
/// - whoever opens the chat with `echo: enter_chat`;
/// - a press on a card with an update of that card: its task id, and the key that was pressed in its title.
@main
struct EchoBot {
    static func main() async {
        guard !CommandLine.arguments.dropFirst().contains(where: { $0 == "--help" || $0 == "-h" }) else {
            print(help)
            return
        }
        await Bot.main(onEvent: { await answer($0, $1) }) { message, reply in
            if message.attachments.isEmpty {
                await answer(message.text, reply)
            } else {
                await answer(message.text, message.attachments, reply)
            }
        }
    }

    static func answer(_ text: String, _ attachments: [Attachment], _ reply: Reply) async {
        var lines = text.isEmpty ? [] : ["echo: \(text)"]
        for attachment in attachments {
            do {
                let scratch = ScratchFile()
                lines.append("md5:\(try await attachment.save(to: scratch.path).md5())")
            } catch {
                lines.append("\(attachment.kind.rawValue): \(error)")
            }
        }
        await reply.finish(lines.joined(separator: "\n"))
    }

    static func answer(_ event: Event, _ reply: EventReply) async {
        if event.kind == .enterChat {
            await reply.welcome("echo: enter_chat")
        } else if let action = event.cardAction {
            let title = TemplateCard.Title(title: "echo: \(action.key ?? "")")
            await reply.update(.textNotice(title, link: .url("https://work.weixin.qq.com")))
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
        case .file(let count):
            await sendFile(of: count, reply)
        case .echo(let text):
            for piece in thirds(of: "echo: " + text) { await reply.write(String(piece)) }
        }
    }

    /// Uploads a file and sends it; if that fails, or nobody knows, the answer says why.
    static func sendFile(of count: Int, _ reply: Reply) async {
        let allowed = UploadedMedia.Kind.file.allowedBytes
        guard allowed.contains(count) else {
            await reply.finish(
                "!file N: N must be from \(allowed.lowerBound) to \(allowed.upperBound) bytes, not \(count)"
            )
            return
        }
        let scratch = ScratchFile()
        guard scratch.fill(count) else {
            await reply.finish("there is no room for a file of \(count) bytes in the directory for temporary files")
            return
        }
        do throws(UploadError) {
            let media = try await reply.upload(file: scratch.path, as: .file, name: "echo-\(count).bin")
            if let notice = notice(of: await reply.send(.media(media))) { await reply.finish(notice) }
        } catch {
            await reply.finish("the file was not uploaded: \(error)")
        }
    }

    /// What is said of a file whose sending ended like this; `nil` if the user sees it.
    static func notice(of delivery: Delivery) -> String? {
        switch delivery {
        case .delivered, .redirected: nil
        case .refused(let reason): "the file was not sent: \(reason)"
        case .unknown(let reason): "the file may not have arrived: \(reason)"
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
          WECOM_CA_FILE                    PEM file of the authorities to trust, also for media; empty: the system's
          WECOM_BOT_NAME                   the name by which people mention it in groups; the echo goes without it
          WECOM_MEDIA_ALLOWED_ORIGINS      where media may be fetched from though it is not public; empty: nowhere
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
    case file(count: Int)
    case echo(String)

    /// The most chunks one message may ask for.
    static let maximumCount = 100_000

    init(_ text: String) {
        let words = text.split(separator: " ")
        if text.hasPrefix("!once "), words.count > 1 {
            self = .once(String(text.dropFirst("!once ".count)))
        } else if words.count == 2, words[0] == "!file", let count = Int(words[1]) {
            self = .file(count: count)
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
