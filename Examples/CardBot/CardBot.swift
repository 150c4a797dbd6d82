import WeComBot

/// A bot with a card: it greets whoever opens the chat, offers a card with buttons when it is asked for a coffee, and updates the card when
/// one of them is pressed. It sends its menu as a file, and says of pictures and files what they are.
///
///     WECOM_BOT_ID=… WECOM_BOT_SECRET=… swift run card-bot
@main
struct CardBot {
    static func main() async {
        guard !CommandLine.arguments.dropFirst().contains(where: { $0 == "--help" || $0 == "-h" }) else {
            print("card-bot: offers coffee with a card, sends its menu as a file, and says of pictures what they are.")
            print("WECOM_BOT_ID and WECOM_BOT_SECRET name the bot.")
            return
        }
        await Bot.main(onEvent: { event, reply in
            try await handle(event, reply)
        }) { message, reply in
            await answer(message, reply)
        }
    }

    /// A message: anything that sounds like coffee gets the card, everything else a hint.
    static func answer(_ message: Inbound, _ reply: Reply) async {
        guard message.attachments.isEmpty else { return await describe(message.attachments, reply) }
        guard !message.text.contains("菜单"), !message.text.lowercased().contains("menu") else {
            return await sendMenu(reply)
        }
        guard message.text.contains("咖啡") || message.text.lowercased().contains("coffee") else {
            await reply.write("Ask me for a coffee, or for the menu. / 想喝咖啡就说一声，也可以看菜单。")
            return
        }
        // A card is a message of its own; the answer that streams is the text above it.
        await reply.write("What may it be? / 喝点什么？")
        let delivery = await reply.send(.card(Menu.card(order: message.id)))
        if let reason = delivery.reason, !delivery.isDelivered {
            await reply.write("\n\nThe card could not be shown: \(reason.message)")
        }
    }

    /// Pictures, files and videos: what they are. They are fetched and decrypted here, as soon as the message is there, because the platform
    /// keeps them for a few minutes only.
    static func describe(_ attachments: [Attachment], _ reply: Reply) async {
        for attachment in attachments {
            do {
                let media = try await attachment.download()
                let size = "\(media.bytes.count) bytes"
                await reply.write("- \(media.fileName): \(media.type.rawValue), \(size), MD5 \(media.md5)\n")
            } catch {
                await reply.write("- \(attachment.kind.rawValue): \(error)\n")
            }
        }
    }

    /// The menu, as a file: it is uploaded, and sent as a message of its own.
    static func sendMenu(_ reply: Reply) async {
        do {
            let file = try await reply.upload(bytes: Array(Menu.text.utf8), as: .file, name: "菜单.txt")
            let delivery = await reply.send(.media(file))
            guard let reason = delivery.reason, !delivery.isDelivered else { return }
            await reply.write("The menu could not be sent: \(reason.message)")
        } catch {
            await reply.write("The menu could not be uploaded: \(error)")
        }
    }

    /// Everything else that happens. What is pressed has to be answered within five seconds, so nothing slow is done before.
    static func handle(_ event: Event, _ reply: EventReply) async throws {
        if event.kind == .enterChat {
            await reply.welcome("Hello! Ask me for a coffee. / 你好！想喝咖啡就说一声。")
        } else if let action = event.cardAction {
            // The card is replaced as a whole, for everybody who has it.
            let delivery = await reply.update(Menu.receipt(for: action.key ?? "", orderedBy: event.sender))
            guard delivery.isDelivered else { return }
            // Anything more to say is a message of its own, and there is no hurry about it.
            await reply.send(.markdown("☕️ \(Menu.name(of: action.key ?? "")) is on its way."))
        }
    }
}
