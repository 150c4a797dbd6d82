import BotCore
import BotFoundation
import TestSupport
import Testing

@testable import WeComAIBot

/// From a user's message through the dispatcher and a handler to what the platform is told.
@Suite("WebhookReplyChannel", .timeLimit(.minutes(10)))
struct WebhookReplyChannelTests {
    /// What the handler was told about its answer.
    private let verdicts = Mailbox<Delivery>()
    private let pushed = Mailbox<(text: String, message: MessageCallback)>()

    private var fallback: WebhookFallback {
        { [pushed] text, message in
            pushed.put((text, message))
            return .delivered
        }
    }

    private func isRefused(_ delivery: Delivery?, because reason: String) -> Bool {
        if case .refused(let actual) = delivery { actual.message.contains(reason) } else { false }
    }

    private func isRedirected(_ delivery: Delivery?, because reason: String) -> Bool {
        if case .redirected(let actual) = delivery { actual.message.contains(reason) } else { false }
    }

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
            await bench.clock.waitForSleepers(1)
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
            #expect(push?.message.fields.responseURL?.value.contains("RC1") == true)
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
            await bench.clock.waitForSleepers(1)
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
            for _ in 0..<329 {
                bench.clock.advance(by: .seconds(1))
                #expect(try await bench.ask(stream) == Platform.Shown(id: stream.id, text: "half", isFinal: false))
            }
            bench.clock.advance(by: .seconds(1))
            let closed = try await bench.ask(stream)
            #expect(closed.isFinal && closed.text.hasPrefix("half\n\n⏳"))
            goOn.put(())
            #expect(await pushed.next()?.text == "half, whole")
            #expect(isRedirected(await verdicts.next(), because: "time"))
            #expect(try await bench.ask(stream) == closed)
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
