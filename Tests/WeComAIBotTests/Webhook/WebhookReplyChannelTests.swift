import BotCore
import BotFoundation
import Foundation
import TestSupport
import Testing

@testable import WeComAIBot

/// From a user's message through the dispatcher and a handler to what the platform is told.
@Suite("WebhookReplyChannel", .timeLimit(.minutes(10)))
struct WebhookReplyChannelTests {
    /// What the handler was told about its answer.
    private let verdicts = Mailbox<Delivery>()
    private let pushed = Mailbox<(text: String, url: String)>()

    private var fallback: WebhookFallback {
        WebhookFallback { [pushed] url, body in
            pushed.put((Self.markdown(body), url.value))
            return PostAnswer(status: 200, body: Array(#"{"errcode":0,"errmsg":"ok"}"#.utf8))
        }
    }

    /// The text of a Markdown message, read with Foundation's dynamic JSON.
    private static func markdown(_ body: [UInt8], called type: String = "markdown") -> String {
        do {
            let message = try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any]
            #expect(message?["msgtype"] as? String == type)
            return (message?[type] as? [String: Any])?["content"] as? String ?? "?"
        } catch {
            return "?"
        }
    }

    private func isRefused(_ delivery: Delivery?, because reason: String) -> Bool {
        if case .refused(let actual) = delivery { actual.message.contains(reason) } else { false }
    }

    private func isRedirected(_ delivery: Delivery?, because reason: String) -> Bool {
        if case .redirected(let actual) = delivery { actual.message.contains(reason) } else { false }
    }

    /// The system before this one opened no stream unless a first text was configured, and then no answer was ever asked for.
    @Test("a handler streams, the platform asks, and the end is delivered when it was fetched")
    func conversation() async throws {
        let goOn = Mailbox<Void>()
        let bench = try WebhookBench { [verdicts] message, reply in
            await reply.write("你好")
            await goOn.next()
            await reply.write("，\(message.text) 👩‍👩‍👧‍👦")
            await goOn.next()
            verdicts.put(await reply.finish())
        }
        try await bench.run {
            let stream = try await bench.send("1", "世界")
            #expect(stream.text == "<think></think>" && !stream.isFinal)
            #expect(await bench.placed.next() == "你好")
            #expect(try await bench.ask(stream) == Platform.Shown(id: stream.id, text: "你好", isFinal: false))
            goOn.put(())
            await bench.clock.waitForSleepers(1)
            bench.clock.advance(by: .milliseconds(300))
            let whole = "你好，世界 👩‍👩‍👧‍👦"
            #expect(await bench.placed.next() == whole)
            #expect(try await bench.ask(stream) == Platform.Shown(id: stream.id, text: whole, isFinal: false))
            goOn.put(())
            await bench.clock.waitForSleepers(2)  // beside the end of the bubble's time
            #expect(bench.dispatcher.statistics.delivered == 0, "not before it is fetched")
            #expect(try await bench.ask(stream) == Platform.Shown(id: stream.id, text: whole, isFinal: true))
            #expect(await verdicts.next() == .delivered)
            #expect(try await bench.ask(stream) == Platform.Shown(id: stream.id, text: whole, isFinal: true))
        }
        #expect(bench.dispatcher.statistics.delivered == 1)
    }

    @Test("a message that is delivered again is handled once, and gets the same stream")
    func retry() async throws {
        let bench = try WebhookBench(firstText: "思考中…") { [verdicts] message, reply in
            verdicts.put(await reply.finish(message.text))
        }
        try await bench.run {
            let stream = try await bench.send("1", "hi")
            #expect(stream.text == "思考中…" && !stream.isFinal)
            await bench.clock.waitForSleepers(1)
            #expect(try await bench.send("1", "hi") == Platform.Shown(id: stream.id, text: "hi", isFinal: false))
            #expect(bench.dispatcher.statistics.delivered == 0, "whether a second answer is read is not known")
            #expect(try await bench.ask(stream).isFinal)
            #expect(await verdicts.next() == .delivered)
            #expect(try await bench.send("1", "hi") == Platform.Shown(id: stream.id, text: "hi", isFinal: true))
            let other = try await bench.send("2", "hi")
            #expect(other.id != stream.id)
            await bench.clock.waitForSleepers(1)
            #expect(try await bench.ask(other).isFinal)
        }
        #expect(bench.dispatcher.statistics.received == 2)
        #expect(bench.dispatcher.statistics.delivered == 2)
    }

    @Test("200 conversations at the same time")
    func concurrency() async throws {
        let bench = try WebhookBench { message, reply in await reply.finish("answer to \(message.text)") }
        try await bench.run {
            try await withThrowingTaskGroup(of: (Int, Platform.Shown).self) { group in
                for number in 0..<200 {
                    group.addTask { (number, try await bench.send("\(number)", "\(number)", from: "user \(number)")) }
                }
                var streams: [(number: Int, stream: Platform.Shown)] = []
                for try await stream in group { streams.append(stream) }
                #expect(Set(streams.map(\.stream.id)).count == 200)
                await bench.clock.waitForSleepers(200)
                for (number, stream) in streams { group.addTask { (number, try await bench.ask(stream)) } }
                for try await (number, shown) in group {
                    #expect(shown.isFinal && shown.text == "answer to \(number)")
                }
            }
        }
        #expect(bench.dispatcher.statistics.delivered == 200)
        #expect(bench.clock.sleepers == 0)
    }

    @Test("the platform stops asking: without another way the answer is refused")
    func silence() async throws {
        let bench = try WebhookBench { [verdicts] message, reply in verdicts.put(await reply.finish(message.text)) }
        try await bench.run {
            let stream = try await bench.send("1", "hi")
            await bench.clock.waitForSleepers(1)
            bench.clock.advance(by: .seconds(29))
            _ = try await bench.send("1", "hi")
            bench.clock.advance(by: .seconds(1))
            await bench.clock.waitForSleepers(1)
            bench.clock.advance(by: .seconds(29))
            #expect(isRefused(await verdicts.next(), because: "stopped asking"))
            #expect(try await bench.ask(stream).text == "hi", "if it asks after all")
        }
        #expect(bench.dispatcher.statistics.undelivered == 1)
    }

    @Test("the platform stops asking: the other way has the last word")
    func silenceWithFallback() async throws {
        let bench = try WebhookBench(fallback: fallback) { [verdicts] message, reply in
            verdicts.put(await reply.finish(message.text))
        }
        try await bench.run {
            _ = try await bench.send("1", "你好")
            await bench.clock.waitForSleepers(1)
            bench.clock.advance(by: .seconds(30))
            let push = await pushed.next()
            #expect(push?.text == "你好")
            #expect(push?.url.hasSuffix("response_code=RC1") == true)
            #expect(isRedirected(await verdicts.next(), because: "stopped asking"))
        }
    }

    @Test("the user has the whole text and only the end was not fetched: nothing is sent twice")
    func unclosed() async throws {
        let goOn = Mailbox<Void>()
        let bench = try WebhookBench(fallback: fallback) { [verdicts] message, reply in
            await reply.write("all")
            await goOn.next()
            verdicts.put(await reply.finish())
        }
        try await bench.run {
            let stream = try await bench.send("1", "")
            await bench.placed.next()
            #expect(try await bench.ask(stream).text == "all")
            goOn.put(())
            await bench.clock.waitForSleepers(2)
            bench.clock.advance(by: .seconds(30))
            let verdict = await verdicts.next()
            if case .unknown = verdict {} else { Issue.record("\(String(describing: verdict))") }
        }
    }

    @Test("an answer that takes longer than the window goes the other way; the bubble says so")
    func windowEnd() async throws {
        let goOn = Mailbox<Void>()
        let bench = try WebhookBench(fallback: fallback) { [verdicts] message, reply in
            await reply.write("half")
            await goOn.next()
            await reply.write(", whole")
            verdicts.put(await reply.finish())
        }
        try await bench.run {
            let stream = try await bench.send("1", "")
            await bench.placed.next()
            for _ in 0..<324 {
                bench.clock.advance(by: .seconds(1))
                #expect(try await bench.ask(stream) == Platform.Shown(id: stream.id, text: "half", isFinal: false))
            }
            bench.clock.advance(by: .seconds(2))
            let closed = Platform.Shown(id: stream.id, text: "half", isFinal: true)
            while try await bench.ask(stream) != closed { await Task.yield() }
            goOn.put(())
            #expect(await pushed.next()?.text == ", whole", "what the user has is not said again")
            #expect(isRedirected(await verdicts.next(), because: "one bubble"))
            #expect(try await bench.ask(stream) == closed)
        }
    }

    /// The system before this one forgot the message after 300 s, and the answer with it.
    @Test("an answer that begins after the window goes the other way; the bubble says so")
    func lateBeginning() async throws {
        let goOn = Mailbox<Void>()
        let bench = try WebhookBench(fallback: fallback) { [verdicts] message, reply in
            await goOn.next()
            verdicts.put(await reply.finish("all of it"))
        }
        try await bench.run {
            let stream = try await bench.send("1", "")
            for _ in 0..<329 {
                bench.clock.advance(by: .seconds(1))
                #expect(try await bench.ask(stream).text == "<think></think>")
            }
            bench.clock.advance(by: .seconds(1))
            let closed = try await bench.ask(stream)
            #expect(closed.isFinal && closed.text.hasPrefix("⏳"))
            goOn.put(())
            #expect(await pushed.next()?.text == "all of it")
            #expect(isRedirected(await verdicts.next(), because: "time"))
        }
    }

    @Test("a response_url takes one message, for an hour")
    func responseURLRules() {
        let start = ContinuousClock.now
        func outcome(_ url: inout ResponseURL, at seconds: Int64) -> String {
            switch url.use(now: start + .seconds(seconds)) {
            case .post(let url): url.value
            case .impossible(let reason): reason
            }
        }
        var url = ResponseURL(Secret("https://u"), received: start)
        #expect(outcome(&url, at: 3_599) == "https://u")
        #expect(outcome(&url, at: 3_599).contains("used"))
        var late = ResponseURL(Secret("https://u"), received: start)
        #expect(outcome(&late, at: 3_600).contains("expired"))
        var none = ResponseURL(nil, received: start)
        #expect(outcome(&none, at: 0).contains("without"))
    }

    @Test(
        "what a response_url answers is what the outcome says",
        arguments: [
            (200, #"{"errcode":0,"errmsg":"ok"}"#, "redirected"), (200, #"{"errcode":"0"}"#, "redirected"),
            (200, #"{"errcode":40096,"errmsg":"expired"}"#, "refused"), (200, "{}", "unknown"), (200, "", "unknown"),
            (404, "", "refused"), (302, "", "refused"), (500, #"{"errcode":0}"#, "unknown"), (502, "", "unknown"),
        ]
    )
    func postAnswers(status: Int, body: String, expected: String) async throws {
        let fallback = WebhookFallback { _, _ in PostAnswer(status: status, body: Array(body.utf8)) }
        let bench = try WebhookBench(fallback: fallback) { [verdicts] message, reply in
            verdicts.put(await reply.finish(message.text))
        }
        try await bench.run {
            _ = try await bench.send("1", "hi")
            await bench.clock.waitForSleepers(1)
            bench.clock.advance(by: .seconds(30))
            let verdict = await verdicts.next()
            #expect(verdict.map { "\($0)".prefix { $0 != "(" } } == expected[...])
            if body.contains("40096") { #expect(verdict?.reason?.code == 40_096) }
        }
    }

    @Test("what certainly did not get through is posted again, what may have is not")
    func postFailures() async throws {
        let attempts = Mailbox<Bool>()
        let isLost = Locked(false)
        let fallback = WebhookFallback { _, _ throws(PostFailure) in
            attempts.put(true)
            throw PostFailure(mayHaveArrived: isLost.withLock { $0 }, "no route")
        }
        let bench = try WebhookBench(fallback: fallback) { [verdicts] message, reply in
            verdicts.put(await reply.finish(message.text))
        }
        try await bench.run {
            _ = try await bench.send("1", "hi")
            await bench.clock.waitForSleepers(1)
            bench.clock.advance(by: .seconds(30))
            for pause in WebhookFallback.pauses {
                await attempts.next()
                await bench.clock.waitForSleepers(1)
                bench.clock.advance(by: pause)
            }
            await attempts.next()
            #expect(isRefused(await verdicts.next(), because: "no route"))
            isLost.withLock { $0 = true }
            _ = try await bench.send("2", "hi")
            await bench.clock.waitForSleepers(1)
            bench.clock.advance(by: .seconds(30))
            await attempts.next()
            let verdict = await verdicts.next()
            if case .unknown = verdict {} else { Issue.record("\(String(describing: verdict))") }
        }
    }

    /// A group webhook that takes everything.
    private func groupWebhook(isOnlyWay: Bool = false) throws -> GroupWebhook {
        let url = Secret("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=K")
        var configuration = GroupWebhookConfiguration(address: try GroupWebhookAddress(url))
        configuration.isOnlyWay = isOnlyWay
        let post: WebhookFallback.Post = { [pushed] url, body in
            pushed.put((Self.markdown(body, called: "markdown_v2"), url.value))
            return PostAnswer(status: 200, body: Array(#"{"errcode":0,"errmsg":"ok"}"#.utf8))
        }
        return GroupWebhook(configuration, clock: ManualClock()) { _ in (post, post) }
    }

    @Test("the group webhook is the last way of an answer in a group, and none of one in private")
    func lastWay() async throws {
        var fallback = WebhookFallback()
        fallback.groupWebhook = try groupWebhook()
        let bench = try WebhookBench(fallback: fallback) { [verdicts] message, reply in
            verdicts.put(await reply.finish(message.text))
        }
        try await bench.run {
            _ = try await bench.send("1", "私下说的")
            await bench.clock.waitForSleepers(1)
            bench.clock.advance(by: .seconds(30))
            #expect(isRefused(await verdicts.next(), because: "nothing is posted from here"))
            _ = try await bench.send("2", "你好", in: "wrGROUP")
            await bench.clock.waitForSleepers(1)
            bench.clock.advance(by: .seconds(30))
            #expect(await pushed.next()?.text == "你好", "and not what was said in private")
            #expect(isRedirected(await verdicts.next(), because: "sent to the group webhook"))
        }
    }

    @Test("a group webhook that is configured nowhere is no way")
    func noWay() async throws {
        var fallback = WebhookFallback()
        fallback.groupWebhook = GroupWebhook(nil, clock: ManualClock()) { _ in fatalError("it has no place") }
        let bench = try WebhookBench(fallback: fallback) { [verdicts] message, reply in
            verdicts.put(await reply.finish(message.text))
        }
        try await bench.run {
            _ = try await bench.send("1", "你好", in: "wrGROUP")
            await bench.clock.waitForSleepers(1)
            bench.clock.advance(by: .seconds(30))
            #expect(isRefused(await verdicts.next(), because: "nothing is posted from here"))
        }
    }

    @Test("where the group webhook is the only way, no stream is opened, and a second delivery is not answered again")
    func onlyWay() async throws {
        var fallback = WebhookFallback()
        fallback.groupWebhook = try groupWebhook(isOnlyWay: true)
        let bench = try WebhookBench(fallback: fallback) { [verdicts] message, reply in
            await reply.write("你好，")
            verdicts.put(await reply.finish("你好，\(message.text)"))
        }
        try await bench.run {
            for _ in 1...2 {
                let response = await bench.endpoint.respond(to: try bench.platform.text("1", "世界 👩‍👩‍👧‍👦"))
                #expect(response.status == 200 && response.body.isEmpty)
            }
            #expect(await pushed.next()?.text == "你好，世界 👩‍👩‍👧‍👦")
            #expect(await verdicts.next() == .delivered)
        }
        #expect(bench.dispatcher.statistics.delivered == 1)
        bench.endpoint.beginEnding()
        #expect(await bench.endpoint.respond(to: try bench.platform.text("2", "晚了")).status == 503)
    }

    @Test("a card goes to the response_url, which the answer cannot use then; other kinds are refused")
    func messages() async throws {
        let bodies = Mailbox<String>()
        let fallback = WebhookFallback { _, body in
            bodies.put(String(decoding: body, as: UTF8.self))
            return PostAnswer(status: 200, body: Array(#"{"errcode":0}"#.utf8))
        }
        let bench = try WebhookBench(fallback: fallback) { [verdicts] message, reply in
            let card = Array(#"{"card_type":"text_notice"}"#.utf8)
            verdicts.put(await reply.send(OutboundMessage(kind: .init(rawValue: "file"), body: card)))
            verdicts.put(await reply.send(.markdown(String(repeating: "长", count: 6_827))))
            verdicts.put(await reply.send(OutboundMessage(kind: .init(rawValue: "template_card"), body: card)))
            verdicts.put(await reply.send(OutboundMessage(kind: .init(rawValue: "template_card"), body: card)))
            await reply.finish("done")
        }
        try await bench.run {
            let stream = try await bench.send("1", "hi")
            #expect(isRefused(await verdicts.next(), because: "file"))
            #expect(isRefused(await verdicts.next(), because: "takes one message"), "and it is not used up by that")
            #expect(await verdicts.next() == .delivered)
            #expect(await bodies.next() == #"{"msgtype":"template_card","template_card":{"card_type":"text_notice"}}"#)
            #expect(isRefused(await verdicts.next(), because: "used"))
            await bench.clock.waitForSleepers(1)
            #expect(try await bench.ask(stream).isFinal)
        }
    }

    @Test("at trace, what comes and what it is answered is shown, without what signs and decrypts")
    func trace() async throws {
        let bench = try WebhookBench { message, reply in await reply.finish("答：\(message.text)") }
        try await bench.run {
            let stream = try await bench.send("1", "问题 🙂 e\u{301}")
            while try await !bench.ask(stream).isFinal { await Task.yield() }
        }
        let lines = bench.capture.records.filter { $0.level == .trace }
        #expect(Set(lines.compactMap { $0.metadata.first { $0.key == .direction }?.value }) == ["in", "out"])
        let frames = lines.compactMap { $0.metadata.first { $0.key == .frame }?.value }
        #expect(frames.contains { $0.contains("问题 🙂 e\u{301}") && $0.contains("\"msgid\"") })
        #expect(frames.contains { $0.contains("答：问题 🙂 e\u{301}") && $0.contains("\"finish\":true") })
        for secret in ["RC1", Platform.token, Platform.key] {
            #expect(!frames.contains { $0.contains(secret) }, "\(secret)")
        }
    }

    @Test("at the end new messages are refused, and what waits to be fetched goes the other way")
    func ending() async throws {
        let bench = try WebhookBench(fallback: fallback) { [verdicts] message, reply in
            verdicts.put(await reply.finish(message.text))
        }
        try await bench.run {
            let stream = try await bench.send("1", "再见")
            await bench.clock.waitForSleepers(1)
            bench.endpoint.beginEnding()
            let late = try bench.platform.text("2", "晚了")
            #expect(await bench.endpoint.respond(to: late).status == 503)
            #expect(try await bench.send("1", "再见").id == stream.id, "one that was taken is still answered")
            await bench.endpoint.end(patience: .seconds(60))
            #expect(await pushed.next()?.text == "再见")
            #expect(isRedirected(await verdicts.next(), because: "ended"))
        }
        #expect(bench.dispatcher.statistics.received == 1)
    }

    @Test("an answer that another process began goes on in the same stream")
    func resumed() async throws {
        let first = try WebhookBench { _, _ in }
        let channels = Mailbox<any ReplyChannel>()
        let endpoint = WebhookEndpoint(try Platform.configuration, clock: first.clock) { _, channel in
            channels.put(channel)
        }
        let stream = try first.platform.shown(await endpoint.respond(to: first.platform.text("7", "问")))
        let route = try #require(await channels.next()?.route)
        #expect(route.contains(stream.id))

        let second = try WebhookBench(fallback: fallback) { _, _ in }
        let message = Inbound(id: "7", kind: .text, conversation: .init(kind: .single, id: "u"), sender: "u", text: "问")
        var turn = SavedTurn(number: 1, message: message, route: route, receivedAt: UnixTime.milliseconds())
        let channel = try #require(second.endpoint.channel(resuming: turn))
        async let delivery = channel.send(BubbleUpdate(bubble: 0, text: "答", isFinal: true))
        while try await second.ask(stream) != Platform.Shown(id: stream.id, text: "答", isFinal: true) {
            await Task.yield()
        }
        #expect(await delivery == .delivered)
        #expect(try await second.send("7", "问").id == stream.id, "a message from before is known")

        // What may have been delivered by the process before goes no other way.
        let third = try WebhookBench(fallback: fallback) { _, _ in }
        turn.answer = SavedAnswer(
            finals: [.init(bubble: 0, text: "答", mayHaveArrived: true)],
            bubble: 0,
            text: "",
            isShown: true,
            isComplete: true
        )
        let repeated = try #require(third.endpoint.channel(resuming: turn))
        async let again = repeated.send(BubbleUpdate(bubble: 0, text: "答", isFinal: true))
        await third.clock.waitForSleepers(1)
        third.clock.advance(by: .seconds(30))
        #expect(isRefused(await again, because: "stopped asking"))

        for route in [nil, "", "{}", #"{"stream_id":""}"#, "[]"] {
            let turn = SavedTurn(number: 1, message: message, route: route, receivedAt: 0)
            #expect(third.endpoint.channel(resuming: turn) == nil)
        }
    }

    @Test("what does not fit into the bubble goes the other way", arguments: ["a", "字", "👩‍👩‍👧‍👦"])
    func overflow(character: String) async throws {
        let text = String(repeating: character, count: 30_000 / character.utf8.count)
        let bench = try WebhookBench(fallback: fallback) { [verdicts] _, reply in
            verdicts.put(await reply.finish(text))
        }
        try await bench.run {
            let stream = try await bench.send("1", "")
            await bench.clock.waitForSleepers(1)
            let first = try await bench.ask(stream)
            #expect(first.isFinal)
            let second = try #require(await pushed.next()).text
            #expect(first.text + second == text)
            #expect(isRedirected(await verdicts.next(), because: "one bubble"))
        }
    }

    @Test("without another way a long answer is not delivered, and the bubble has its beginning")
    func overflowWithoutFallback() async throws {
        let bench = try WebhookBench { [verdicts] _, reply in
            verdicts.put(await reply.finish(String(repeating: "a", count: 20_481)))
        }
        try await bench.run {
            let stream = try await bench.send("1", "")
            await bench.clock.waitForSleepers(1)
            #expect(try await bench.ask(stream).text.utf8.count == 20_480)
            #expect(isRefused(await verdicts.next(), because: "one bubble"))
        }
    }

    @Test("a bubble is closed when the answer is empty, and when nobody takes the message")
    func neverSpinning() async throws {
        let bench = try WebhookBench { _, _ in }
        var streams: [Platform.Shown] = []
        try await bench.run { streams.append(try await bench.send("1", "hi")) }
        streams.append(try await bench.send("2", "too late"))
        for stream in streams {
            #expect(try await bench.ask(stream) == Platform.Shown(id: stream.id, text: "✅", isFinal: true))
        }
        #expect(bench.dispatcher.statistics.undelivered == 1)
        #expect(bench.dispatcher.statistics.refused == 1)
    }

    @Test("a handler that throws apologises in the bubble")
    func apology() async throws {
        struct Failure: Error {}
        let bench = try WebhookBench { _, _ in throw Failure() }
        try await bench.run {
            let stream = try await bench.send("1", "hi")
            await bench.clock.waitForSleepers(1)
            let shown = try await bench.ask(stream)
            #expect(shown.isFinal && shown.text == DispatcherConfiguration().apology)
        }
    }

    @Test("a cancelled answer is not waited for, and is there if the platform asks")
    func cancelled() async throws {
        let bench = try WebhookBench { _, reply in await reply.finish("text") }
        let run = Task { await bench.dispatcher.run() }
        let stream = try await bench.send("1", "hi")
        await bench.clock.waitForSleepers(1)
        run.cancel()
        await run.value
        #expect(bench.dispatcher.statistics.unknown == 1)
        #expect(try await bench.ask(stream) == Platform.Shown(id: stream.id, text: "text", isFinal: true))
    }
}
