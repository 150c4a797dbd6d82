import BotCore
import BotFoundation
import Foundation
import Testing

@testable import WeComAIBot

struct FrameDecodingTests {
    let codec = FrameCodec()

    func message(_ name: String) throws -> MessageCallback {
        guard case .callback(let callback) = try codec.decode(Fixture.bytes(name)),
            case .message(let message) = callback.body
        else { throw WireError(.missingField, "\(name) is not a message") }
        return message
    }

    func event(_ name: String) throws -> EventCallback {
        guard case .callback(let callback) = try codec.decode(Fixture.bytes(name)),
            case .event(let event) = callback.body
        else { throw WireError(.missingField, "\(name) is not an event") }
        return event
    }

    func acknowledgement(_ name: String) throws -> Acknowledgement {
        guard case .acknowledgement(let acknowledgement) = try codec.decode(Fixture.bytes(name))
        else { throw WireError(.missingField, "\(name) is not an acknowledgement") }
        return acknowledgement
    }

    // MARK: Acknowledgements

    @Test(arguments: [
        ("ack-ok", "REQ-1", 0, "ok"),
        ("ack-body", "u1", 0, "ok"),
        ("ack-subscribe-rejected", "aibot_subscribe_1767225600000_1a2b3c4d", 853_000, "invalid bot_id or secret"),
        ("ack-code-as-string", "REQ-1", 846_609, "not subscribed"),
        ("ack-no-message", "REQ-1", -1, ""),
        ("ack-without-code", "REQ-1", 0, "ok"),
        ("ack-with-cmd", "ping_1", 0, "ok"),
    ])
    func acknowledgementIsRead(name: String, requestID: String, code: Int, text: String) throws {
        let acknowledgement = try acknowledgement(name)
        #expect(acknowledgement.requestID.rawValue == requestID)
        #expect(acknowledgement.code.rawValue == code)
        #expect(acknowledgement.message == text)
        #expect(try acknowledgement.raw == Fixture.bytes(name))
    }

    // MARK: Messages

    @Test func groupTextKeepsEverythingTheUserSent() throws {
        let message = try message("message-text")
        #expect(message.fields.messageID == "MSG-1")
        #expect(message.fields.botID == "aibXXXX")
        #expect(message.fields.chatID == "wrABCdef123")
        #expect(message.fields.chatType == .group)
        #expect(message.fields.userID == "zhangsan")
        #expect(message.fields.createTime == 1_767_225_600)
        let url = Secret("https://qyapi.weixin.qq.com/cgi-bin/aibot/response?response_code=RC1")
        #expect(message.fields.responseURL == url)
        #expect(message.content == .text("@Helper 请总结一下"))
        #expect(message.quote == .text("昨天的会议纪要…"))
        let inbound = message.inbound
        #expect(inbound.id == "MSG-1")
        #expect(inbound.kind == .text)
        #expect(inbound.conversation == Conversation(kind: .group, id: "wrABCdef123"))
        #expect(inbound.sender == "zhangsan")
        #expect(inbound.text == "@Helper 请总结一下", "the quote is not mixed into the text")
        #expect(try inbound.raw == Fixture.bytes("message-text"))
    }

    @Test(arguments: [
        ("message-image", "image", ""),
        ("message-mixed", "mixed", "@Helper 这是什么？\n谢谢"),
        ("message-voice", "voice", "明天下午三点开会"),
        ("message-file", "file", ""),
        ("message-video", "video", ""),
        ("unknown-msgtype", "location", ""),
        ("unknown-mixed-item", "mixed", "剩下的"),
        ("quote-image", "text", "这个"),
    ])
    func inboundHasTheKindAndTheText(name: String, kind: String, text: String) throws {
        let inbound = try message(name).inbound
        #expect(inbound.kind == Inbound.Kind(rawValue: kind))
        #expect(inbound.text == text)
    }

    @Test func singleChatIsTheConversationWithItsUser() throws {
        #expect(try message("message-image").inbound.conversation == Conversation(kind: .single, id: "zhangsan"))
    }

    @Test func mediaKeepsAddressKeyAndName() throws {
        let image = MediaReference(
            url: Secret("https://ww-aibot-img.example/obj?sign=abc"),
            aesKey: Secret("r9HNgda5VW9g1rjYGr3+4C8QNmG/m6s7lRVjUj/aMos="),
            fileName: nil
        )
        #expect(try message("message-image").content == .image(image))
        guard case .file(let file) = try message("message-file").content else { throw WireError(.empty, "no file") }
        #expect(file.fileName == "report.pdf")
        guard case .video(let video) = try message("message-video").content else { throw WireError(.empty, "no video") }
        #expect(video.url == Secret("https://ww-aibot-video.example/obj?sign=f"))
    }

    @Test func mixedKeepsOrderAndWhatItDoesNotKnow() throws {
        guard case .mixed(let parts) = try message("unknown-mixed-item").content else {
            throw WireError(.empty, "not mixed")
        }
        #expect(
            parts == [
                .file(MediaReference(url: Secret("https://f.example/x"), aesKey: nil, fileName: nil)),
                .unknown(type: "sticker"), .text("剩下的"),
            ]
        )
    }

    @Test(arguments: ["text", "image", "mixed", "voice", "file", "video"])
    func quoteHasTheShapeOfAMessage(type: String) throws {
        let quote = try #require(try message("quote-\(type)").quote)
        switch quote {
        case .text(let text): #expect(type == "text" && text == "昨天的会议纪要…")
        case .image(let image): #expect(type == "image" && image.aesKey == Secret("QUOTEKEY="))
        case .mixed(let parts): #expect(type == "mixed" && parts.count == 2 && parts.first == .text("看图"))
        case .voice(let transcript): #expect(type == "voice" && transcript == "引用的语音")
        case .file(let file): #expect(type == "file" && file.url == Secret("https://ww-aibot-file.example/q?sign=q3"))
        case .video(let video): #expect(type == "video" && video.url != nil)
        case .unknown: Issue.record("unknown quote")
        }
    }

    // MARK: Events

    @Test(arguments: [
        ("event-disconnected", EventCallback.Event.disconnected),
        ("event-enter-chat", .enterChat),
        ("event-check-update", .enterCheckUpdate),
        ("event-auth-change", .authChange([1, 2])),
        ("unknown-eventtype", .unknown(type: "future_event")),
        ("unknown-event-without-request-id", .disconnected),
    ])
    func eventIsRead(name: String, expected: EventCallback.Event) throws {
        #expect(try event(name).event == expected)
    }

    @Test(arguments: ["event-card", "event-card-flat"])
    func cardEventIsReadNestedAndFlat(name: String) throws {
        let callback = try event(name)
        let selection = CardAction.Selection(questionKey: "q1", optionIDs: ["opt_a", "opt_c"])
        let card = CardAction(
            cardType: "vote_interaction",
            key: "submit_1",
            taskID: "task_20260101_01",
            selections: [selection]
        )
        #expect(callback.event == .templateCard(card))
        #expect(callback.fields.corporationID == "wwCORP")
    }

    @Test func feedbackIsRead() throws {
        let feedback = Feedback(
            id: "fb-001",
            verdict: .dislike,
            content: "数据不对",
            reasons: [.incomplete, .wrongAnalysis]
        )
        #expect(try event("event-feedback").event == .feedback(feedback))
    }

    @Test func eventInAMessageCallbackIsAnEvent() throws {
        let text =
            #"{"cmd":"aibot_msg_callback","headers":{"req_id":"R"},"body":{"msgtype":"event","event":{"eventtype":"enter_chat"}}}"#
        guard case .callback(let callback) = try codec.decode(Array(text.utf8)), case .event(let event) = callback.body
        else { throw WireError(.empty, "not an event") }
        #expect(event.event == .enterChat)
    }

    // MARK: Tolerance

    @Test(arguments: Fixture.names("unknown-"))
    func unknownIsDeliveredWithItsBytes(name: String) throws {
        guard case .callback(let callback) = try codec.decode(Fixture.bytes(name)) else {
            throw WireError(.empty, "not a callback")
        }
        #expect(try callback.raw == Fixture.bytes(name))
    }

    @Test func unknownCommandKeepsItsName() throws {
        guard case .callback(let callback) = try codec.decode(Fixture.bytes("unknown-cmd")) else {
            throw WireError(.empty, "not a callback")
        }
        #expect(callback.command == Command(rawValue: "aibot_future_callback"))
        #expect(callback.requestID == RequestID(rawValue: "REQ-U1"))
    }

    @Test func fieldsOfTheWrongTypeAreNotThere() throws {
        let message = try message("unknown-field-types")
        #expect(message.fields.messageID == "4711", "a number is as good an id")
        #expect(message.fields.botID == nil)
        #expect(message.fields.corporationID == nil)
        #expect(message.fields.createTime == nil)
        #expect(message.fields.responseURL == nil)
        #expect(message.quote == .unknown(type: "") || message.quote == nil)
        #expect(message.inbound.text == "仍然可读")
    }

    /// What a server may leave out when it means zero; a text that says otherwise is not overruled.
    @Test(arguments: [
        (#""errmsg":"ok""#, true), (#""errmsg":"""#, true), (#""x":1"#, true), (#""errcode":null"#, true),
        (#""errcode":null,"errmsg":"ok""#, true), (#""errmsg":"invalid req_id""#, false),
        (#""errcode":"zero""#, false), (#""errcode":{},"errmsg":"ok""#, false), (#""errcode":"","errmsg":"ok""#, false),
        (#""errcode":false"#, false), (#""errcode":0.5"#, false),
        (#""cmd":5"#, false), (#""cmd":null"#, false),
    ])
    func anAcknowledgementWithoutCodeMeansZeroUnlessItSaysOtherwise(rest: String, isOK: Bool) throws {
        let bytes = Array(#"{"headers":{"req_id":"REQ-1"},\#(rest)}"#.utf8)
        guard isOK else {
            let error = #expect(throws: WireError.self) { try codec.decode(bytes) }
            #expect(error?.code == .missingField)
            return
        }
        guard case .acknowledgement(let answer) = try codec.decode(bytes) else {
            Issue.record("no acknowledgement")
            return
        }
        #expect(answer.code == .ok && answer.requestID == RequestID(rawValue: "REQ-1"))
    }

    @Test func messageWithoutIDIsStillAMessage() throws {
        #expect(try message("unknown-message-without-id").inbound.id.isEmpty)
    }

    @Test(arguments: Fixture.names("bad-"))
    func badIsAnErrorThatQuotesNothing(name: String) throws {
        let bytes = try Fixture.bytes(name)
        let error = #expect(throws: WireError.self) { try codec.decode(bytes) }
        for secret in ["秘密内容", "MSG", "REQ"] {
            #expect(error?.description.contains(secret) == false)
        }
    }

    @Test(arguments: [
        ("bad-utf8", WireError.Code.notUTF8), ("bad-empty", .notJSON), ("bad-truncated", .notJSON),
        ("bad-trailing", .notJSON), ("bad-array", .notAnObject), ("bad-string", .notAnObject),
        ("bad-headers-null", .missingField), ("bad-ack-code-huge", .missingField),
        ("bad-message-without-sender", .missingField), ("bad-message-without-chatid", .missingField),
    ])
    func badHasACode(name: String, code: WireError.Code) throws {
        let error = #expect(throws: WireError.self) { try codec.decode(Fixture.bytes(name)) }
        #expect(error?.code == code)
    }

    @Test(arguments: [10, 500, 513, 10_000, 200_000])
    func deepNestingIsSurvived(levels: Int) {
        let nested = String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
        let objects = String(repeating: #"{"mixed":"#, count: levels) + "1" + String(repeating: "}", count: levels)
        for body in [nested, objects] {
            let text = #"{"cmd":"aibot_msg_callback","headers":{"req_id":"R"},"body":\#(body)}"#
            _ = Result { try codec.decode(Array(text.utf8)) }
        }
    }

    @Test func mixedWithinMixedToTheDepthOfTheParserIsSurvived() {
        let levels = 80
        let text =
            #"{"cmd":"aibot_msg_callback","headers":{"req_id":"R"},"body":{"chattype":"single","from":{"userid":"u"},"#
            + #""msgtype":"mixed","mixed":{"msg_item":["#
            + String(repeating: #"{"msgtype":"mixed","mixed":{"msg_item":["#, count: levels)
            + String(repeating: "]}}", count: levels) + "]}}}"
        _ = Result { try codec.decode(Array(text.utf8)) }
    }

    @Test func hugeNumbersAndRepeatedKeysAreSurvived() throws {
        for number in ["1e999999", String(repeating: "9", count: 5000), "-0.0e-99999", "0x10", "NaN", "1e400"] {
            let text = #"{"headers":{"req_id":"R"},"errcode":0,"errmsg":"ok","x":\#(number)}"#
            _ = Result { try codec.decode(Array(text.utf8)) }
            let body = #"{"cmd":"aibot_msg_callback","headers":{"req_id":"R"},"body":{"create_time":\#(number)}}"#
            _ = Result { try codec.decode(Array(body.utf8)) }
        }
        let twice = #"{"headers":{"req_id":"A","req_id":"B"},"errcode":0,"errcode":1,"headers":{"req_id":"C"}}"#
        _ = Result { try codec.decode(Array(twice.utf8)) }
    }

    @Test func otherEncodingsAreRefused() throws {
        let text = #"{"headers":{"req_id":"R"},"errcode":0}"#
        for encoding in [String.Encoding.utf16LittleEndian, .utf16BigEndian, .utf32LittleEndian, .utf16] {
            let bytes = [UInt8](try #require(text.data(using: encoding)))
            #expect(throws: WireError.self) { try codec.decode(bytes) }
        }
    }

    /// Every fixture, cut and damaged in thousands of ways: an error or a frame, never a trap.
    @Test func damagedFramesAreSurvived() throws {
        let seed = testSeed()
        var generator = SplitMix64(seed: seed)
        for name in Fixture.names("") {
            let bytes = try Fixture.bytes(name)
            for _ in 0..<60 where !bytes.isEmpty {
                var damaged = bytes
                for _ in 0...Int.random(in: 0...3, using: &generator) where !damaged.isEmpty {
                    let index = Int.random(in: 0..<damaged.count, using: &generator)
                    switch Int.random(in: 0..<4, using: &generator) {
                    case 0: damaged[index] = UInt8.random(in: .min ... .max, using: &generator)
                    case 1: damaged.remove(at: index)
                    case 2: damaged.removeSubrange(index...)
                    default: damaged.insert(contentsOf: bytes.prefix(min(index, 20)), at: index)
                    }
                }
                do {
                    _ = try codec.decode(damaged)
                } catch {
                    #expect(!error.message.isEmpty, "seed \(seed)")
                }
            }
        }
    }

    // MARK: Secrets

    @Test func addressesAndKeysAreNotPrinted() throws {
        for name in ["message-text", "message-image", "message-mixed", "quote-file", "event-card"] {
            guard case .callback(let callback) = try codec.decode(Fixture.bytes(name)) else { continue }
            var printed = ""
            dump(callback.body, to: &printed)
            printed += "\(callback.body)"
            for secret in ["sign=", "response_code", "KEY=", "aMos="] {
                #expect(!printed.contains(secret), "\(name) shows \(secret)")
            }
        }
    }
}

/// The seed of this run: `TEST_SEED`, or a new one, which is printed.
func testSeed() -> UInt64 {
    let seed = ProcessInfo.processInfo.environment["TEST_SEED"].flatMap(UInt64.init) ?? UInt64.random(in: .min ... .max)
    print("TEST_SEED=\(seed)")
    return seed
}
