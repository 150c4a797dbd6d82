import BotCore
import Foundation
import TestSupport
import Testing

@testable import WeComAIBot

/// From a handler that attaches images to what the platform is told.
@Suite(.timeLimit(.minutes(10)))
struct WebhookAttachTests {
    private static let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    /// What the handler was told about its answer.
    private let verdicts = Mailbox<Delivery>()
    private let pushed = Mailbox<String>()

    private var fallback: WebhookFallback {
        WebhookFallback { [pushed] _, body in
            pushed.put(String(decoding: body, as: UTF8.self))
            return PostAnswer(status: 200, body: Array(#"{"errcode":0,"errmsg":"ok"}"#.utf8))
        }
    }

    /// What the platform is told of a stream, as it is.
    private func stream(_ bench: WebhookBench, _ stream: Platform.Shown) async throws -> NSDictionary {
        let answer = try bench.platform.answer(await bench.endpoint.respond(to: bench.platform.refresh(stream.id)))
        #expect(answer["msgtype"] as? String == "stream")
        return try #require(answer["stream"] as? NSDictionary)
    }

    private static func item(_ base64: String, _ md5: String) -> [String: Any] {
        ["msgtype": "image", "image": ["base64": base64, "md5": md5]]
    }

    /// The image of 8 bytes, as `base64` and `md5sum` have it.
    private static var item: [String: Any] { item("iVBORw0KGgo=", "e9dd2797018cad79186e03e8c5aec8dc") }

    @Test func imagesComeWithTheEndAndWithNothingElse() async throws {
        let goOn = Mailbox<Void>()
        let bench = try WebhookBench { [verdicts] _, reply in
            try await reply.attach(image: Self.png)
            await reply.write("看图")
            await goOn.next()
            try await reply.attach(image: [0xFF, 0xD8, 0xFF])
            verdicts.put(await reply.finish())
        }
        try await bench.run {
            let shown = try await bench.send("1", "画")
            _ = await bench.placed.next()
            // This question is not the last, and must leave the image where it is.
            #expect(try await stream(bench, shown) == ["id": shown.id, "finish": false, "content": "看图"])
            goOn.put(())
            await bench.clock.waitForSleepers(2)
            let end: NSDictionary = [
                "id": shown.id, "finish": true, "content": "看图",
                "msg_item": [Self.item, Self.item("/9j/", "d718f4d374abcade9c50585aeee2f713")],
            ]
            #expect(try await stream(bench, shown) == end)
            #expect(await verdicts.next() == .delivered)
            #expect(try await stream(bench, shown) == end, "repeated, as the text is")
        }
    }

    /// The system before this one finished such a stream with an empty text.
    @Test func anAnswerOfImagesAloneIsClosedWithATextThatCanBeSeen() async throws {
        let bench = try WebhookBench(fallback: fallback) { [verdicts] _, reply in
            try await reply.attach(image: Self.png)
            verdicts.put(await reply.finish())
        }
        try await bench.run {
            let shown = try await bench.send("1", "画")
            await bench.clock.waitForSleepers(1)
            let end: NSDictionary = ["id": shown.id, "finish": true, "content": "✅", "msg_item": [Self.item]]
            #expect(try await stream(bench, shown) == end)
            #expect(await verdicts.next() == .delivered)
        }
        #expect(bench.dispatcher.statistics.delivered == 1)
    }

    @Test func imagesOfAnAnswerThatIsRedirectedAreNotDeliveredAndTheOutcomeSaysSo() async throws {
        let bench = try WebhookBench(fallback: fallback) { [verdicts] _, reply in
            try await reply.attach(image: Self.png)
            await reply.write("看图")
            verdicts.put(await reply.finish())
        }
        try await bench.run {
            _ = try await bench.send("1", "画")
            await bench.clock.waitForSleepers(1)
            bench.clock.advance(by: .seconds(30))
            #expect(await pushed.next()?.contains("看图") == true)
            guard case .refused(let reason) = await verdicts.next() else {
                return #expect(Bool(false), "delivered, or what")
            }
            #expect(
                reason.message.hasPrefix("its images were not delivered") && reason.message.contains("stopped asking")
            )
        }
        #expect(bench.dispatcher.statistics.delivered == 0 && bench.dispatcher.statistics.undelivered == 1)
    }

    @Test func imagesAloneThatNobodyFetchesAreRefusedAndNothingGoesTheOtherWay() async throws {
        let bench = try WebhookBench(fallback: fallback) { [verdicts] message, reply in
            try await reply.attach(image: Self.png)
            verdicts.put(await reply.finish(message.text))
        }
        try await bench.run {
            _ = try await bench.send("1", " ")
            await bench.clock.waitForSleepers(1)
            bench.clock.advance(by: .seconds(30))
            #expect(await verdicts.next()?.reason?.message.hasPrefix("its images were not delivered") == true)
            let other = try await bench.send("2", "字")
            await bench.clock.waitForSleepers(1)
            #expect(try await bench.ask(other).isFinal)
            #expect(await verdicts.next() == .delivered)
        }
        pushed.put("nothing")
        #expect(await pushed.next() == "nothing")
    }

    @Test func imagesOfAnAnswerThatOutgrowsItsBubbleAreInTheBubble() async throws {
        let bench = try WebhookBench(fallback: fallback) { [verdicts] _, reply in
            try await reply.attach(image: Self.png)
            verdicts.put(await reply.finish(String(repeating: "长", count: 10_000)))
        }
        try await bench.run {
            let shown = try await bench.send("1", "写")
            await bench.clock.waitForSleepers(1)
            #expect(try await stream(bench, shown)["msg_item"] as? [NSDictionary] == [Self.item as NSDictionary])
            #expect(await pushed.next()?.contains("长") == true)
            guard case .redirected = await verdicts.next() else { return #expect(Bool(false), "all of it came") }
        }
    }

    @Test func anImageThatComesAfterTheBubbleHasEndedIsRefusedAtOnce() async throws {
        let errors = Mailbox<UploadError.Code?>()
        let goOn = Mailbox<Void>()
        let bench = try WebhookBench(fallback: fallback) { [verdicts] _, reply in
            await reply.write(String(repeating: "长", count: 7_000))
            await goOn.next()
            do throws(UploadError) {
                try await reply.attach(image: Self.png)
                errors.put(nil)
            } catch {
                errors.put(error.code)
            }
            verdicts.put(await reply.finish())
        }
        try await bench.run {
            let shown = try await bench.send("1", "写")
            await bench.clock.waitForSleepers(1)
            #expect(try await bench.ask(shown).isFinal)
            goOn.put(())
            #expect(await errors.next() == .ended)
            guard case .redirected = await verdicts.next() else { return #expect(Bool(false), "all of it came") }
        }
    }

    @Test func aHandlerThatFailsLeavesItsImagesWithItsApology() async throws {
        struct Broken: Error {}
        let bench = try WebhookBench { _, reply in
            try await reply.attach(image: Self.png)
            throw Broken()
        }
        try await bench.run {
            let shown = try await bench.send("1", "画")
            await bench.clock.waitForSleepers(1)
            let end = try await stream(bench, shown)
            #expect(end["finish"] as? Bool == true && (end["msg_item"] as? [NSDictionary])?.count == 1)
            #expect((end["content"] as? String)?.isEmpty == false)
        }
    }
}
