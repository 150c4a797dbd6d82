import BotFoundation
import GatewaySimulator
import TestSupport
import Testing

@testable import WeComBot

/// Events and pushes, through the public API, over TLS.
@Suite(.timeLimit(.minutes(10)))
struct BotEventTests {
    private static let notice = TemplateCard.textNotice(.init(title: "好"), link: .url("https://x.example"))

    /// Runs `body` while a bot runs, asks it to end, and waits until it has.
    private func run(
        _ bench: BotBench,
        onEvent: @escaping ClosureHandler.EventBody,
        _ handler: @escaping BotBench.Handler = BotBench.echo,
        _ body: (Bot) async throws -> Void
    ) async throws {
        let bot = try bench.bot()
        let running = Task { try await bot.run(handlesSignals: false, onEvent: onEvent, handler) }
        do { try await body(bot) } catch { Issue.record(error) }
        bot.stop()
        try await running.value
        try await bench.end()
    }

    /// Makes an event happen until its answer is delivered: a machine that stands still for 5 s is not what is tested.
    private func inTime(_ outcomes: Mailbox<Delivery>, _ happen: () async -> PushedMessage) async -> PushedMessage {
        while true {
            let event = await happen()
            let outcome = await outcomes.next()
            if outcome == .delivered || Task.isCancelled { return event }
            #expect(outcome?.reason?.message.contains("is over") == true)
        }
    }

    /// The system before this one waited for handlers where it read from the connection: what they waited for could not arrive.
    @Test func aCardThatIsPressedIsAnsweredWhileMessagesBlockTheirThreads() async throws {
        let bench = try await BotBench()
        let observations = await bench.gateway.observations()
        let (gate, outcomes) = (ThreadGate(), Mailbox<Delivery>())
        let onEvent: ClosureHandler.EventBody = { event, reply in
            outcomes.put(event.kind == .enterChat ? await reply.welcome("欢迎") : await reply.update(Self.notice))
        }
        try await run(bench, onEvent: onEvent) { message, reply in
            gate.pass()
            await reply.write("echo: \(message.text)")
        } _: { bot in
            try await bench.gateway.waitForSubscription()
            let blocked = await bench.gateway.pushText(from: "u", "堵")
            let event = await inTime(outcomes) {
                let pressed = SimulatedEvent.templateCard(cardType: "button_interaction", eventKey: "k", taskID: "t_1")
                return await bench.gateway.pushEvent(pressed, from: "u")
            }
            #expect(await bench.gateway.answer(toEvent: event)?["template_card"]?["task_id"] == "t_1")
            let entered = await inTime(outcomes) { await bench.gateway.pushEvent(.enterChat, from: "v") }
            #expect(await bench.gateway.answer(toEvent: entered)?["text"]?["content"] == "欢迎")
            gate.open()
            #expect(try await bench.gateway.waitForAnswer(to: blocked) == "echo: 堵")
            let snapshot = await bot.snapshot()
            #expect(snapshot.events >= 2 && snapshot.duplicateEvents == 0 && snapshot.droppedEvents == 0)
            #expect(snapshot.metrics.contains("wecom_bot_events_total \(snapshot.events)"))
        }
        #expect(await BotBench.violations(observations).isEmpty)
    }

    @Test func anEventHandlerThatThrowsHarmsOnlyItself() async throws {
        let bench = try await BotBench()
        let welcomed = Mailbox<Void>()
        let onEvent: ClosureHandler.EventBody = { event, reply in
            if event.kind == .feedback { throw BotConversationTests.Broken(description: "数据不对") }
            await reply.welcome("欢迎")
            welcomed.put(())
        }
        try await run(bench, onEvent: onEvent) { bot in
            try await bench.gateway.waitForSubscription()
            await bench.gateway.pushEvent(.feedback(id: "fb", type: 2), from: "u")
            _ = await bench.line(from: .error, with: "the handler of an event failed")
            await bench.gateway.pushEvent(.enterChat, from: "u")
            await welcomed.next()
            let message = await bench.gateway.pushText(from: "u", "好")
            #expect(try await bench.gateway.waitForAnswer(to: message) == "echo: 好")
            #expect(await bot.snapshot().handlerFailures == 1)
        }
        #expect(bench.text(from: .debug).allSatisfy { !$0.contains("数据不对") })
    }

    @Test func aPushGoesOutWhileTheBotRunsAndIsRefusedBeforeAndAfter() async throws {
        let bench = try await BotBench()
        let user = Conversation(kind: .single, id: "u")
        let bot = try bench.bot()
        #expect(await bot.push(.markdown("早"), to: user).reason?.message == "the bot does not run yet")
        let running = Task { try await bot.run(handlesSignals: false, BotBench.echo) }
        try await bench.gateway.waitForSubscription()
        let message = await bench.gateway.pushText(from: "u", "在")
        _ = try await bench.gateway.waitForAnswer(to: message)
        #expect(await bot.push(.markdown("三点开会"), to: user) == .delivered)
        #expect(await bot.push(.card(Self.notice), to: user) == .delivered)
        let refused = await bot.push(.markdown("谁"), to: Conversation(kind: .group, id: "wrNOBODY"))
        #expect(refused.reason?.code == 93_006)
        #expect(await bot.push(.markdown(""), to: user).reason?.code == nil)
        bot.stop()
        try await running.value
        #expect(await bot.push(.markdown("晚"), to: user).reason?.message == "the bot has ended")
        try await bench.end()
    }

    @Test func anAnswerThatIsOnlyACardOpensNoBubbleAndEndsNoneWithAnEmptyText() async throws {
        let bench = try await BotBench()
        let observations = await bench.gateway.observations()
        let verdicts = Mailbox<Delivery>()
        try await run(bench, onEvent: { _, _ in }) { message, reply in
            if message.text == "坏" {
                var card = Self.notice
                card.link = nil
                await reply.send(.card(card))
            } else {
                await reply.send(.card(Self.notice))
            }
            verdicts.put(await reply.finish())
        } _: { _ in
            try await bench.gateway.waitForSubscription()
            let good = await bench.gateway.pushText(from: "u", "卡片")
            #expect(await verdicts.next() == .delivered)
            #expect(await bench.gateway.answer(to: good).map(\.messageType) == ["template_card"])
            let bad = await bench.gateway.pushText(from: "u", "坏")
            #expect(await verdicts.next()?.reason?.message.contains("card_action") == true)
            #expect(await bench.gateway.answer(to: bad).isEmpty)
            _ = await bench.line(from: .notice, with: "a message beside an answer was not delivered")
        }
        #expect(await BotBench.violations(observations).isEmpty)
    }

    /// The system before this one put it in the stream that had ended.
    @Test func aMessageAfterTheEndOfAnAnswerIsAMessageOfItsOwn() async throws {
        let bench = try await BotBench()
        let observations = await bench.gateway.observations()
        try await run(bench, onEvent: { _, _ in }) { message, reply in
            await reply.finish("先")
            await reply.send(.markdown("后"))
        } _: { _ in
            try await bench.gateway.waitForSubscription()
            let message = await bench.gateway.pushText(from: "u", "问")
            let bubbles = try await bench.gateway.waitForBubbles(of: message) { $0.count == 2 }
            #expect(bubbles.map(\.text) == ["先", "后"] && bubbles.map(\.messageType) == ["stream", "markdown"])
        }
        #expect(await BotBench.violations(observations).isEmpty, "nothing is sent to a stream that has ended")
    }

    @Test func thinkingAndARatingGoOutWithTheAnswer() async throws {
        let bench = try await BotBench()
        let observations = await bench.gateway.observations()
        let rating = Mailbox<Feedback?>()
        try await run(bench, onEvent: { event, _ in rating.put(event.feedback) }) { message, reply in
            await reply.requestFeedback(id: "fb-\(message.id)")
            await reply.think("让我</think>想想")
            await reply.write("答案")
        } _: { _ in
            try await bench.gateway.waitForSubscription()
            let message = await bench.gateway.pushText(from: "u", "问")
            let answer = try await bench.gateway.waitForAnswer(to: message)
            #expect(answer == "<think>让我(/think)想想</think>答案")
            await bench.gateway.pushEvent(.feedback(id: "fb-\(message.messageID)", type: 1), from: "u")
            let feedback = Feedback(id: "fb-\(message.messageID)", verdict: .like)
            #expect(await rating.next() == .some(feedback))
        }
        #expect(await BotBench.violations(observations).isEmpty)
    }
}
