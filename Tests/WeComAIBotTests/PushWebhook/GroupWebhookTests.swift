import BotCore
import BotCrypto
import BotFoundation
import GatewaySimulator
import LWSTransport
import TestSupport
import Testing

@testable import WeComAIBot

/// A group webhook and the simulated service, over HTTP on this machine; both count time by a clock that stands still.
@Suite(.timeLimit(.minutes(5)))
struct GroupWebhookTests {
    private static let key = "693a91f6-hunter2"
    private static let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    private static let jpeg: [UInt8] = [0xFF, 0xD8, 0xFF, 0xE0]
    private static let amr = Array("#!AMR\n".utf8)

    private struct Bench {
        let loop: EventLoop
        let host: GroupWebhookHost
        let clock = ManualClock()
        let webhook: GroupWebhook
        let requests = Mailbox<Void>()

        static func run(
            key: String = GroupWebhookTests.key,
            security: GatewayListener.Security = .plaintext,
            _ body: (Bench) async throws -> Void
        ) async throws {
            let bench = try await Bench(key: key, security: security)
            do { try await body(bench) } catch { Issue.record(error) }
            bench.webhook.end()
            await bench.host.stop()
            await bench.loop.shutdown()
        }

        private init(key: String, security: GatewayListener.Security) async throws {
            loop = try EventLoop(name: "group")
            host = try await GroupWebhookHost.start(
                on: loop,
                listener: GatewayListener(security: security),
                keys: [GroupWebhookTests.key, "other"],
                clock: clock
            ) { [requests] in requests.put(()) }
            let origin = try MediaOrigin(host.origin)
            let address = try GroupWebhookAddress(Secret(host.url(key: key)), allowedOrigins: [origin])
            webhook = GroupWebhook(GroupWebhookConfiguration(address: address), on: loop, clock: clock)
        }

        var shown: [GroupMessage] { host.messages(of: GroupWebhookTests.key) }

        func upload(
            _ bytes: [UInt8],
            as kind: UploadedMedia.Kind,
            name: String = "报告.pdf"
        ) async throws(UploadError) -> UploadedMedia {
            try await webhook.upload(.bytes(bytes), as: kind, name: name)
        }

        func uploadError(
            _ bytes: [UInt8],
            as kind: UploadedMedia.Kind,
            name: String = "报告.pdf"
        ) async throws -> UploadError {
            try #require(await #expect(throws: UploadError.self) { try await upload(bytes, as: kind, name: name) })
        }
    }

    private func reason(_ delivery: Delivery, isRefused: Bool) -> Delivery.Reason {
        switch delivery {
        case .refused(let reason) where isRefused: return reason
        case .unknown(let reason) where !isRefused: return reason
        default: break
        }
        Issue.record("\(delivery)")
        return Delivery.Reason("")
    }

    // MARK: Messages

    @Test(arguments: ["你好，世界", "👩‍👩‍👧‍👦 e\u{301}", "| a | b |\n|---|---|\n| 1 | \"2\" |", "<@zhangsan> \\ / \u{0}"])
    func aTextIsOneMessage(text: String) async throws {
        try await Bench.run { bench in
            #expect(await bench.webhook.send(.markdown(text)) == .delivered)
            #expect(bench.shown == [.text(text)])
            #expect(bench.host.complaints == [])
        }
    }

    @Test func aTextOf4096BytesIsOneMessageAndOneOf4097Two() async throws {
        try await Bench.run { bench in
            let text = String(repeating: "字", count: 1_365) + "a"
            #expect(await bench.webhook.send(.markdown(text)) == .delivered)
            #expect(await bench.webhook.send(.markdown(text + "b")) == .delivered)
            #expect(bench.shown == [.text(text), .text(text), .text("b")])
            let long = String(repeating: "长", count: 6_826)
            #expect(await bench.webhook.send(.markdown(long)) == .delivered)
            #expect(bench.shown.dropFirst(3).compactMap(\.text).joined() == long)
            #expect(long.utf8.count == 20_478, "as much as one message of the bot itself may have; the next has more")
            let first = bench.shown.count
            let longer = long + "更长"
            #expect(await bench.webhook.send(.markdown(longer)) == .delivered)
            #expect(bench.shown.dropFirst(first).compactMap(\.text).joined() == longer)
            #expect(bench.host.complaints == [], "the far side counts too")
            #expect(reason(await bench.webhook.send(.markdown(" \n")), isRefused: true).message.contains("blank"))
        }
    }

    @Test func cardsWithoutButtonsGoAndOthersDoNot() async throws {
        try await Bench.run { bench in
            let card = TemplateCard.textNotice(.init(title: "好"), link: .url("https://x.example"))
            #expect(await bench.webhook.send(.card(card)) == .delivered)
            let types = bench.shown.map { message -> JSONValue? in
                if case .card(let shown) = message { shown["card_type"] } else { nil }
            }
            #expect(types == ["text_notice"])
            let buttons = TemplateCard.buttonInteraction(
                .init(title: "?"),
                taskID: "t",
                buttons: [.init("A", key: "a")]
            )
            let refusal = reason(await bench.webhook.send(.card(buttons)), isRefused: true)
            #expect(refusal.message.contains("without buttons") && bench.host.requests == 1)
            let text = OutboundMessage(kind: .init(rawValue: "text"), body: Array(#"{"content":"纯文本"}"#.utf8))
            #expect(await bench.webhook.send(text) == .delivered)
            let wrong = OutboundMessage(kind: .init(rawValue: "video"), body: Array(#"{"media_id":"x"}"#.utf8))
            #expect(reason(await bench.webhook.send(wrong), isRefused: true).code == 40_008)
        }
    }

    // MARK: Media

    @Test(arguments: [png, jpeg]) func aPictureOf2MiBGoesInTheMessage(head: [UInt8]) async throws {
        try await Bench.run { bench in
            let bytes = head + [UInt8](repeating: 7, count: 2 * 1_024 * 1_024 - head.count)
            let picture = try await bench.upload(bytes, as: .image, name: "")
            #expect(bench.host.requests == 0)
            #expect(await bench.webhook.send(.media(picture)) == .delivered)
            #expect(bench.shown == [.image(bytes)], "and its MD5 was right")
            let error = try await bench.uploadError(bytes + [1], as: .image)
            #expect(error.code == .tooLarge && error.message.contains("sent as a file"))
        }
    }

    @Test func aPictureMustBePNGOrJPEGAndUploadedHere() async throws {
        try await Bench.run { bench in
            for bytes in [Array("GIF89a".utf8), Array("nothing".utf8)] {
                let error = try await bench.uploadError(bytes, as: .image, name: "a.png")
                #expect(error.code == .wrongFormat)
            }
            let elsewhere = OutboundMessage.media(UploadedMedia(id: "MEDIA", kind: .image))
            let refusal = reason(await bench.webhook.send(elsewhere), isRefused: true)
            #expect(refusal.message.contains("uploaded to the group webhook") && bench.host.requests == 0)
        }
    }

    @Test(arguments: [5, 20 << 20]) func aFileArrivesAsItIs(count: Int) async throws {
        try await Bench.run { bench in
            // With what separates parts in it.
            let bytes = Array("\r\n--\r".utf8) + [UInt8](repeating: 0xFF, count: count - 5)
            let file = try await bench.upload(bytes, as: .file)
            #expect(file.kind == .file)
            #expect(await bench.webhook.send(.media(file)) == .delivered)
            #expect(bench.shown == [.file(GroupFile(type: "file", name: "报告.pdf", bytes: bytes))])
        }
    }

    @Test func whatTheServiceWouldRefuseIsNotSent() async throws {
        try await Bench.run { bench in
            // Of frames that no file has: how long it is cannot be told.
            let voice = Self.amr + [UInt8](repeating: 0x4C, count: 2 * 1_024 * 1_024 - Self.amr.count)
            let cases: [([UInt8], UploadedMedia.Kind, String, UploadError.Code)] = [
                ([1, 2, 3, 4], .file, "a.bin", .tooSmall),
                ([UInt8](repeating: 0, count: 20 << 20 | 1), .file, "a.bin", .tooLarge),
                (voice + [0], .voice, "a.amr", .tooLarge),
                (AMRDurationTests.speech(frames: 3_001), .voice, "a.amr", .tooLong),
                (Array("ID3..".utf8), .voice, "a.amr", .wrongFormat),
                (Self.png, .file, "", .invalidName), (Self.png, .file, "///", .invalidName),
                (Self.png, .file, "name", .invalidName),
            ]
            for (bytes, kind, name, code) in cases {
                let error = try await bench.uploadError(bytes, as: kind, name: name)
                #expect(error.code == code)
            }
            #expect(bench.host.requests == 0)
            let speech = try await bench.upload(voice, as: .voice, name: "a.amr")
            #expect(await bench.webhook.send(.media(speech)) == .delivered)
            let video = try await bench.upload(Array("\0\0\0\u{18}ftypmp42".utf8), as: .video, name: "v.mp4")
            #expect(video.kind == .file, "a group webhook has no videos")
            #expect(await bench.webhook.send(.media(video)) == .delivered)
            #expect(bench.shown.count == 2 && bench.host.complaints == [])
        }
    }

    @Test(arguments: [
        ("../../etc/密码.txt", "密码.txt"), ("a\"; filename=\"b.txt", "a_; filename=_b.txt"),
        ("a\r\nX: y\r\n\r\n.txt", "aX_ y.txt"), ("👩‍👩‍👧‍👦 e\u{301}.txt", "👩‍👩‍👧‍👦 e\u{301}.txt"),
    ])
    func aNameIsMadeSafe(name: String, safe: String) async throws {
        try await Bench.run { bench in
            let file = try await bench.upload(Self.png, as: .file, name: name)
            #expect(await bench.webhook.send(.media(file)) == .delivered)
            #expect(bench.shown == [.file(GroupFile(type: "file", name: safe, bytes: Self.png))])
        }
    }

    @Test func aFileIsGoodForOneKeyAndThreeDays() async throws {
        try await Bench.run { bench in
            let file = try await bench.upload(Self.png, as: .file)
            bench.clock.advance(by: .seconds(3 * 24 * 3_600) - .nanoseconds(1))
            #expect(await bench.webhook.send(.media(file)) == .delivered)
            bench.clock.advance(by: .nanoseconds(1))
            #expect(reason(await bench.webhook.send(.media(file)), isRefused: true).code == 40_007)
            let again = try await bench.upload(Self.png, as: .file)
            let url = Secret(bench.host.url(key: "other"))
            let address = try GroupWebhookAddress(url, allowedOrigins: [MediaOrigin(bench.host.origin)])
            bench.webhook.reload(GroupWebhookConfiguration(address: address))
            #expect(reason(await bench.webhook.send(.media(again)), isRefused: true).code == 40_007)
        }
    }

    // MARK: The pace

    @Test func theTwentyFirstMessageWaitsForItsMinute() async throws {
        try await Bench.run { bench in
            for number in 1...20 { #expect(await bench.webhook.send(.markdown("\(number)")) == .delivered) }
            async let last = bench.webhook.send(.markdown("21"))
            await bench.clock.waitForSleepers(1)
            #expect(bench.host.requests == 20)
            bench.clock.advance(by: .seconds(61))
            #expect(await last == .delivered)
            #expect(bench.shown.compactMap(\.text) == (1...21).map(String.init) && bench.host.complaints == [])
        }
    }

    @Test func manyAtOnceKeepTheirOrderAndTheLimit() async throws {
        try await Bench.run { bench in
            let texts = (0..<5).map { text in
                (0..<5).map { "\(text)\($0)" + String(repeating: "x", count: 3_998) }.joined(separator: "\n\n")
            }
            await withTaskGroup(of: Delivery.self) { group in
                for text in texts { group.addTask { await bench.webhook.send(.markdown(text)) } }
                await bench.clock.waitForSleepers(1)
                bench.clock.advance(by: .seconds(61))
                for await delivery in group { #expect(delivery == .delivered) }
            }
            let heads = bench.shown.compactMap(\.text).map { $0.prefix(2) }
            #expect(heads.count == 25 && bench.host.complaints == [])
            for start in stride(from: 0, to: 25, by: 5) {
                #expect(
                    heads[start..<start + 5].map { $0.last } == Array("01234"),
                    "the parts of a text stay together"
                )
                #expect(Set(heads[start..<start + 5].map { $0.first }).count == 1)
            }
        }
    }

    @Test func aServiceThatHasEnoughIsAskedOnceMoreAfterAMinute() async throws {
        try await Bench.run { bench in
            bench.host.inject(.code(.throttled), .code(.throttled))
            async let first = bench.webhook.send(.markdown("一"))
            await bench.clock.waitForSleepers(1)
            bench.clock.advance(by: .seconds(61))
            #expect(reason(await first, isRefused: true).code == 45_009)
            #expect(bench.host.requests == 2 && bench.shown == [])
            async let second = bench.webhook.send(.markdown("二"))
            await bench.clock.waitForSleepers(1)
            bench.clock.advance(by: .seconds(61))
            #expect(await second == .delivered)
        }
    }

    @Test func theEndRefusesWhatWaits() async throws {
        try await Bench.run { bench in
            for number in 1...20 { #expect(await bench.webhook.send(.markdown("\(number)")) == .delivered) }
            await withTaskGroup(of: Delivery.self) { group in
                for _ in 0..<3 { group.addTask { await bench.webhook.send(.markdown("晚了")) } }
                await bench.clock.waitForSleepers(1)
                bench.webhook.end()
                for await delivery in group { #expect(delivery == .refused(GroupWebhookLine.ending)) }
            }
            #expect(await bench.webhook.send(.markdown("晚了")) == .refused(GroupWebhookLine.ending))
            #expect(bench.clock.sleepers == 0 && bench.host.requests == 20)
        }
    }

    @Test func aCancelledSendGivesItsPlaceUp() async throws {
        try await Bench.run { bench in
            for number in 1...20 { #expect(await bench.webhook.send(.markdown("\(number)")) == .delivered) }
            let given = Task { await bench.webhook.send(.markdown("不要了")) }
            await bench.clock.waitForSleepers(1)
            let behind = Task { await bench.webhook.send(.markdown("后面的")) }
            given.cancel()
            #expect(reason(await given.value, isRefused: true).message.contains("cancelled"))
            await bench.clock.waitForSleepers(1)
            bench.clock.advance(by: .seconds(61))
            #expect(await behind.value == .delivered)
            #expect(bench.shown.last == .text("后面的") && bench.shown.count == 21)
        }
    }

    // MARK: Failures

    @Test func aWrongKeyIsSaid() async throws {
        try await Bench.run(key: "hunter2-wrong") { bench in
            let refusal = reason(await bench.webhook.send(.markdown("好")), isRefused: true)
            #expect(refusal.code == 93_000 && refusal.message == "the group webhook: invalid webhook url")
            let error = try await bench.uploadError(Self.png, as: .file)
            #expect(error.code == .refused && error.serverCode == 93_000 && bench.host.requests == 2)
        }
    }

    @Test(arguments: [
        (GroupWebhookHost.Fault.status(500), false), (.status(502), false), (.status(302), true), (.status(403), true),
        (.status(404), true), (.code(.systemBusy), true), (.code(.invalidParameter), true),
        (.nonsense("<html>"), false),
        (.nonsense("{}"), false), (.nonsense(""), false),
    ])
    func whatMayHaveArrivedIsNotSentAgain(fault: GroupWebhookHost.Fault, isRefused: Bool) async throws {
        try await Bench.run { bench in
            bench.host.inject(fault)
            _ = reason(await bench.webhook.send(.markdown("一次")), isRefused: isRefused)
            #expect(bench.host.requests == 1)
            bench.host.inject(fault)
            let error = try await bench.uploadError(Self.png, as: .file)
            #expect(error.code == (isRefused ? .refused : .unanswered) && bench.host.requests == 2)
        }
    }

    @Test func aPartThatIsRefusedEndsTheText() async throws {
        try await Bench.run { bench in
            let text = String(repeating: "x", count: 4_096 * 2 + 1)
            bench.host.inject(.nonsense("?"), .code(.invalidParameter))
            let refusal = reason(await bench.webhook.send(.markdown(text)), isRefused: true)
            #expect(refusal.code == 40_058 && refusal.message.hasPrefix("after 1 of 3 parts"))
            #expect(bench.host.requests == 2)
            bench.host.inject(.nonsense("?"))
            _ = reason(await bench.webhook.send(.markdown(text)), isRefused: false)
            #expect(bench.host.requests == 5, "whoever may have the beginning gets the rest")
        }
    }

    @Test func whatCertainlyWasNotSentIsTriedAgain() async throws {
        try await Bench.run { bench in
            let port = bench.host.origin.split(separator: ":").last.map(String.init) ?? ""
            await bench.host.stop()
            async let delivery = bench.webhook.send(.markdown("没人"))
            for pause in WebhookFallback.pauses {
                await bench.clock.waitForSleepers(1)
                bench.clock.advance(by: pause)
            }
            let refusal = reason(await delivery, isRefused: true)
            #expect(refusal.code == nil && refusal.message.hasPrefix("the group webhook: "))
            #expect(!refusal.message.contains("hunter2") && !port.isEmpty)
            // Nothing of it counts.
            for _ in 0..<20 {
                async let delivery = bench.webhook.send(.markdown("没人"))
                for pause in WebhookFallback.pauses {
                    await bench.clock.waitForSleepers(1)
                    bench.clock.advance(by: pause)
                }
                _ = reason(await delivery, isRefused: true)
            }
        }
    }

    @Test func aServerThatSaysNothingLeavesItUnknown() async throws {
        try await Bench.run { bench in
            bench.host.inject(.silence)
            async let delivery = bench.webhook.send(.markdown("在吗"))
            while bench.host.requests == 0, !Task.isCancelled { await Task.yield() }
            await bench.host.stop()
            let unknown = reason(await delivery, isRefused: false)
            #expect(unknown.message.hasPrefix("the group webhook: ") && bench.shown == [.text("在吗")])
        }
    }

    @Test func aCertificateThatIsNotTrustedIsNotSpokenTo() async throws {
        try await Bench.run(security: .authority(try .init(), names: ["localhost"])) { bench in
            async let delivery = bench.webhook.send(.markdown("机密"))
            for pause in WebhookFallback.pauses {
                await bench.clock.waitForSleepers(1)
                bench.clock.advance(by: pause)
            }
            _ = reason(await delivery, isRefused: true)
            #expect(bench.host.requests == 0)
        }
    }

    @Test func anAnswerThatQuotesTheKeyIsNotRepeated() async throws {
        try await Bench.run { bench in
            bench.host.inject(.nonsense(#"{"errcode":93000,"errmsg":"invalid key \#(Self.key), hint"}"#))
            let refusal = reason(await bench.webhook.send(.markdown("好")), isRefused: true)
            #expect(refusal.message == "the group webhook: invalid key •••, hint")
        }
    }

    // MARK: Answers

    @Test func anAnswerLeavesWhenItsTurnHasComeAndNotTwice() async throws {
        try await Bench.run { bench in
            for number in 1...20 { #expect(await bench.webhook.send(.markdown("\(number)")) == .delivered) }
            let conversation = Conversation(kind: .single, id: "u")
            let message = Inbound(id: "m", kind: .text, conversation: conversation, sender: "u", text: "")
            var turn = SavedTurn(number: 1, message: message, route: "R", receivedAt: 0)
            let final = SavedAnswer.Final(bubble: 0, text: "一", mayHaveArrived: true)
            turn.answer = SavedAnswer(finals: [final], bubble: 1, text: "", isShown: false, isComplete: true)
            let channel = GroupWebhookReplyChannel(resuming: turn, through: bench.webhook)
            #expect(!channel.capabilities.streams && channel.capabilities.maximumBytes == 4_096)
            _ = reason(await channel.send(BubbleUpdate(bubble: 0, text: "一", isFinal: true)), isRefused: false)
            let departures = EventRecorder<String?>()
            async let delivery = channel.send(BubbleUpdate(bubble: 1, text: "二", isFinal: true)) {
                departures.record($0)
            }
            await bench.clock.waitForSleepers(1)
            #expect(departures.events.isEmpty, "while it waits, a restart may send it")
            bench.clock.advance(by: .seconds(61))
            #expect(await delivery == .delivered)
            #expect(departures.events == ["R"] && bench.shown.last == .text("二") && bench.shown.count == 21)
        }
    }

    @Test func oneThatIsConfiguredNowhereSaysWhatToSet() async throws {
        let loop = try EventLoop(name: "group")
        let webhook = GroupWebhook(nil, on: loop)
        #expect(!webhook.isConfigured && !webhook.isOnlyWay)
        let refusal = reason(await webhook.send(.markdown("好")), isRefused: true)
        #expect(refusal.message.contains("WECOM_PUSH_WEBHOOK_URL") && refusal.message.contains("msg_push_webhook_url"))
        let error = await #expect(throws: UploadError.self) {
            try await webhook.upload(.bytes(Self.png), as: .image, name: "a.png")
        }
        #expect(error?.code == .notSupported)
        await loop.shutdown()
    }
}
