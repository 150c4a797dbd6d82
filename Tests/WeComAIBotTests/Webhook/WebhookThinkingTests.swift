import BotCore
import BotFoundation
import TestSupport
import Testing

@testable import WeComAIBot

@Suite(.timeLimit(.minutes(10)))
struct WebhookThinkingTests {
    @Test func thinkingIsShownAboveTheAnswerAndNotInWhatGoesTheOtherWay() async throws {
        let (goOn, pushed) = (Mailbox<Void>(), Mailbox<String>())
        let fallback = WebhookFallback { _, body in
            pushed.put(String(decoding: body, as: UTF8.self))
            return PostAnswer(status: 200, body: Array(#"{"errcode":0}"#.utf8))
        }
        let bench = try WebhookBench(fallback: fallback) { message, reply in
            await reply.think("想</think>想")
            if message.text == "长" { await reply.finish(String(repeating: "长", count: 10_000)) }
            await goOn.next()
            await reply.write("答")
        }
        try await bench.run {
            let stream = try await bench.send("1", "问")
            _ = await bench.placed.next()
            #expect(try await bench.ask(stream).text == "<think>想(/think)想</think>")
            goOn.put(())
            var shown = try await bench.ask(stream)
            while !shown.isFinal, !Task.isCancelled {
                await Task.yield()
                shown = try await bench.ask(stream)
            }
            #expect(shown.text == "<think>想(/think)想</think>答")

            let long = try await bench.send("2", "长")
            goOn.put(())
            shown = try await bench.ask(long)
            while !shown.isFinal, !Task.isCancelled {
                await Task.yield()
                shown = try await bench.ask(long)
            }
            #expect(shown.text.hasPrefix("<think>") && shown.text.utf8.count <= StreamFrame.maximumContentBytes)
            #expect(await pushed.next()?.contains("think") == false)
        }
    }
}
