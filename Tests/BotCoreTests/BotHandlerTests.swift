import BotCore
import BotFoundation
import Testing

@Suite("BotHandler", .timeLimit(.minutes(10)))
struct BotHandlerTests {
    private struct Failure: Error {}

    @Test("a handler can be tested without a bot")
    func answer() async throws {
        let outcomes = Locked<[Delivery]>([])
        let handler = ClosureHandler { message, reply in
            await reply.write("wrong")
            await reply.replace("echo: ")
            await reply.write(message.text)
            if message.text == "finish" {
                let outcome = await reply.finish()
                outcomes.withLock { $0.append(outcome) }
                await reply.write("too late")
            }
        }
        #expect(try await handler.answer(to: .test("1", text: "你好👋🏽")) == "echo: 你好👋🏽")
        #expect(try await handler.answer(to: .test("2", text: "finish")) == "echo: finish")
        #expect(outcomes.withLock { $0 } == [.delivered])
        let long = String(repeating: "很长。", count: 20_000)
        #expect(try await handler.answer(to: .test("3", text: long)) == "echo: " + long)
        #expect(try await ClosureHandler { _, _ in }.answer(to: .test("4")) == "")
    }

    @Test("messages of their own count as sent, and thinking is no text")
    func messages() async throws {
        let outcomes = Locked<[Delivery]>([])
        let handler = ClosureHandler { message, reply in
            await reply.think("想")
            let problem = message.text.isEmpty ? nil : message.text
            let sent = await reply.send(OutboundMessage(kind: .init(rawValue: "k"), body: [], problem: problem))
            let outcome = await reply.finish()
            outcomes.withLock { $0 += [sent, outcome] }
        }
        #expect(try await handler.answer(to: .test("1", text: "")) == "")
        #expect(try await handler.answer(to: .test("2", text: "too long")) == "")
        let refused = Delivery.refused(.init("too long"))
        #expect(outcomes.withLock { $0 } == [.delivered, .delivered, refused, refused])
    }

    @Test("what the handler throws is thrown")
    func failure() async {
        let handler = ClosureHandler { _, reply in
            await reply.write("half")
            throw Failure()
        }
        await #expect(throws: Failure.self) { try await handler.answer(to: .test("1")) }
    }
}
