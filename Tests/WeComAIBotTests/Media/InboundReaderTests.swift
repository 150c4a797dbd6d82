import BotCore
import BotFoundation
import FoundationEssentials
import Testing

@testable import WeComAIBot

struct InboundReaderTests {
    private let codec = FrameCodec()

    private func message(_ name: String) throws -> MessageCallback {
        try message(Fixture.bytes(name))
    }

    private func message(_ bytes: [UInt8]) throws -> MessageCallback {
        guard case .callback(let callback) = try codec.decode(bytes), case .message(let message) = callback.body else {
            throw WireError(.missingField, "not a message")
        }
        return message
    }

    private func reader(_ name: String = "") -> InboundReader {
        var reader = InboundReader()
        reader.botName = name
        return reader
    }

    /// What a part says, in short.
    private func summary(_ parts: [Inbound.Part]) -> [String] {
        parts.map { part in
            switch part {
            case .text(let text): text
            case .attachment(let attachment): "<\(attachment.kind.rawValue) \(attachment.fileName ?? "")>"
            case .other(let kind): "?\(kind.rawValue)"
            }
        }
    }

    @Test(arguments: [
        ("message-text", "text", ["@Helper 请总结一下"]), ("message-image", "image", ["<image >"]),
        ("message-mixed", "mixed", ["@Helper 这是什么？", "<image >", "谢谢"]), ("message-voice", "voice", ["明天下午三点开会"]),
        ("message-file", "file", ["<file report.pdf>"]), ("message-video", "video", ["<video >"]),
        ("unknown-msgtype", "location", ["?location"]),
        ("unknown-mixed-item", "mixed", ["<file >", "?sticker", "剩下的"]),
        ("message-image-first", "mixed", ["<image >", "@Helper 这张呢？", "<image >"]),
        ("message-mention-with-quote", "text", ["@Helper"]),
    ])
    func everyKindOfMessageHasItsPartsInOrder(name: String, kind: String, parts: [String]) throws {
        let message = try message(name)
        let inbound = reader().inbound(message)
        #expect(inbound.kind == Inbound.Kind(rawValue: kind))
        #expect(summary(inbound.parts) == parts)
        #expect(inbound.attachments.count == parts.filter { $0.hasPrefix("<") }.count)
        #expect(inbound.text == parts.filter { !$0.hasPrefix("<") && !$0.hasPrefix("?") }.joined(separator: "\n"))
        #expect(try inbound.raw == Fixture.bytes(name))
    }

    @Test(arguments: [
        ("quote-text", "text", ["昨天的会议纪要…"]), ("quote-image", "image", ["<image >"]),
        ("quote-mixed", "mixed", ["看图", "<image >"]), ("quote-voice", "voice", ["引用的语音"]),
        ("quote-file", "file", ["<file >"]),
        ("quote-video", "video", ["<video >"]), ("quote-unknown", "card", ["?card"]),
        ("message-mention-with-quote", "image", ["<image >"]),
    ])
    func everyKindOfQuoteIsThereAndNotInTheText(name: String, kind: String, parts: [String]) throws {
        let inbound = reader().inbound(try message(name))
        let quote = try #require(inbound.quote)
        #expect(quote.kind == Inbound.Kind(rawValue: kind))
        #expect(summary(quote.parts) == parts)
        #expect(quote.attachments.count == parts.filter { $0.hasPrefix("<") }.count)
        #expect(!inbound.text.contains(quote.text) || quote.text.isEmpty)
        #expect(inbound.attachments.isEmpty)
    }

    @Test func aQuoteWithoutAnythingIsNone() throws {
        #expect(reader().inbound(try message("unknown-field-types")).quote == nil)
        #expect(reader().inbound(try message("message-image")).quote == nil)
    }

    @Test(arguments: [
        ("message-text", "请总结一下", "@Helper 请总结一下"), ("message-mixed", "这是什么？\n谢谢", "@Helper 这是什么？\n谢谢"),
        ("message-image-first", "这张呢？", "@Helper 这张呢？"), ("message-mention-with-quote", "", "@Helper"),
        ("message-voice", "明天下午三点开会", "明天下午三点开会"),
    ])
    func theBotsMentionIsTakenOffAndTheOriginalStays(name: String, text: String, original: String) throws {
        let message = try message(name)
        let inbound = reader("Helper").inbound(message)
        #expect(inbound.text == text)
        #expect(inbound.originalText == original)
        #expect(summary(inbound.parts).filter { !$0.hasPrefix("<") }.joined(separator: "\n") == text)
        let other = reader("Other").inbound(message)
        #expect(other.text == original && other.originalText == original)
    }

    /// A message whose picture cannot be fetched is a message all the same: one that reaches nobody cannot even be answered.
    @Test func aKeyOrAddressThatMakesNoSenseLosesOnlyThePicture() async throws {
        let text =
            #"{"cmd":"aibot_msg_callback","headers":{"req_id":"R"},"body":{"msgid":"M","chattype":"single","from":{"userid":"u"},"#
            + #""msgtype":"mixed","mixed":{"msg_item":[{"msgtype":"text","text":{"content":"看"}},"#
            + #"{"msgtype":"image","image":{"url":"https://h.example/x","aeskey":"!!!"}},{"msgtype":"image","image":null},"#
            + #"{"msgtype":"image","image":{"url":7}}]}}}"#
        var reader = InboundReader()
        reader.media = MediaClient(MediaConfiguration(), transport: FakeTransport { _ in .init() })
        let inbound = reader.inbound(try message(Array(text.utf8)))
        #expect(inbound.text == "看")
        #expect(inbound.attachments.count == 3)
        for (attachment, code) in zip(
            inbound.attachments,
            [MediaError.Code.invalidKey, .invalidAddress, .invalidAddress]
        ) {
            let error = await #expect(throws: MediaError.self) { try await attachment.download() }
            #expect(error?.code == code)
        }
    }

    @Test func withoutAClientAnAttachmentSaysThatItCannotBeFetched() async throws {
        let inbound = reader().inbound(try message("message-image"))
        let error = await #expect(throws: MediaError.self) { try await inbound.attachments[0].download() }
        #expect(error?.code == .unavailable)
    }

    @Test func aNameInTheMessageIsMadeSafe() throws {
        for key in ["filename", "file_name", "fileName", "name", "title"] {
            let text =
                #"{"cmd":"aibot_msg_callback","headers":{"req_id":"R"},"body":{"chattype":"single","from":{"userid":"u"},"#
                + #""msgtype":"file","file":{"url":"https://h.example/x","\#(key)":"../../报告.pdf"}}}"#
            let inbound = reader().inbound(try message(Array(text.utf8)))
            #expect(inbound.attachments.map(\.fileName) == ["报告.pdf"], "\(key)")
        }
    }

    @Test func addressesAndKeysAreNotPrinted() throws {
        for name in ["message-image", "message-mixed", "quote-file", "quote-mixed"] {
            let inbound = reader().inbound(try message(name))
            var printed = "\(inbound.parts)\(String(describing: inbound.quote))"
            dump(inbound.parts, to: &printed)
            dump(inbound.quote, to: &printed)
            for secret in ["sign=", "KEY=", "aMos="] { #expect(!printed.contains(secret), "\(name) shows \(secret)") }
        }
    }

    // MARK: After a restart

    /// A store keeps the text of a message, and the bytes as they were received.
    private func saved(_ raw: [UInt8], id: String, ago: Duration) -> SavedTurn {
        let message = Inbound(
            id: id,
            kind: .image,
            conversation: Conversation(kind: .single, id: "zhangsan"),
            sender: "zhangsan",
            text: "",
            raw: raw
        )
        let milliseconds = Int64(Date.now.timeIntervalSince1970 * 1_000) - Int64(ago / .milliseconds(1))
        return SavedTurn(number: 7, message: message, route: "route", receivedAt: milliseconds)
    }

    @Test func aSavedMessageHasItsAttachmentsAgain() async throws {
        var reader = InboundReader()
        reader.media = MediaClient(MediaConfiguration(), transport: FakeTransport { _ in .init(status: 404) })
        let frame = try Fixture.bytes("message-image")
        let callback = Array(
            #"{"msgid":"MSG-2","chattype":"single","from":{"userid":"zhangsan"},"msgtype":"image","image":{"url":"https://h/x"}}"#
                .utf8
        )
        for raw in [frame, callback] {
            let turn = reader.restored(saved(raw, id: "MSG-2", ago: .seconds(10)))
            #expect(turn.number == 7 && turn.route == "route" && turn.message.raw == raw)
            #expect(turn.message.attachments.map(\.kind) == [.image])
        }
        for (ago, code) in [
            (Duration.seconds(290), MediaError.Code.refused), (.seconds(300), .expired), (.seconds(1 << 40), .expired),
        ] {
            let turn = reader.restored(saved(frame, id: "MSG-2", ago: ago))
            let error = await #expect(throws: MediaError.self) { try await turn.message.attachments[0].download() }
            #expect(error?.code == code)
        }
    }

    @Test func aSavedMessageThatMakesNoSenseStaysAsItIs() throws {
        for raw in [[], [0], Array("{}".utf8), try Fixture.bytes("event-card"), try Fixture.bytes("message-image")] {
            let turn = reader().restored(saved(raw, id: "another", ago: .zero))
            #expect(turn.message.id == "another" && turn.message.parts.isEmpty)
        }
    }

    // MARK: Nothing is lost

    /// What was read of a message, written down again, is what was in it.
    @Test(arguments: Fixture.names("message-") + Fixture.names("quote-"))
    func whatWasReadIsAllThatWasSent(name: String) throws {
        let bytes = try Fixture.bytes(name)
        let message = try message(bytes)
        var body = JSON.of(message.content)
        var fields: [String: JSON] = [
            "msgid": message.fields.messageID.map(JSON.text), "aibotid": message.fields.botID.map(JSON.text),
            "chatid": message.fields.chatID.map(JSON.text),
            "chattype": message.fields.chatType.map { .text($0.rawValue) },
            "response_url": message.fields.responseURL.map { .text($0.value) },
            "create_time": message.fields.createTime.map(JSON.number),
        ].compactMapValues(\.self)
        fields["from"] = .object(["userid": .text(message.fields.userID ?? "")])
        if let quote = message.quote { fields["quote"] = .object(JSON.of(quote)) }
        body.merge(fields) { _, new in new }
        let sent = try JSONDecoder().decode(JSON.Frame.self, from: Data(bytes))
        #expect(JSON.object(body) == .object(sent.body))
    }

    private indirect enum JSON: Hashable, Decodable {
        struct Frame: Decodable { let body: [String: JSON] }

        case text(String), number(Int), array([JSON]), object([String: JSON])

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) {
                self = .text(text)
            } else if let number = try? container.decode(Int.self) {
                self = .number(number)
            } else if let array = try? container.decode([JSON].self) {
                self = .array(array)
            } else {
                self = .object(try container.decode([String: JSON].self))
            }
        }

        static func of(_ content: MessageContent) -> [String: JSON] {
            let value: JSON? =
                switch content {
                case .text(let text), .voice(let text): .object(["content": .text(text)])
                case .image(let media), .file(let media), .video(let media): of(media)
                case .mixed(let items): .object(["msg_item": .array(items.map { .object(of($0)) })])
                case .unknown: nil
                }
            var members: [String: JSON] = ["msgtype": .text(content.type)]
            members[content.type] = value
            return members
        }

        private static func of(_ media: MediaReference) -> JSON {
            .object(
                ["url": media.url?.value, "aeskey": media.aesKey?.value, "file_name": media.fileName]
                    .compactMapValues { $0.map(JSON.text) }
            )
        }
    }
}
