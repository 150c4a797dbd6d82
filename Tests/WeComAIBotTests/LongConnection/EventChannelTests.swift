import BotCore
import BotFoundation
import TestSupport
import Testing

@testable import WeComAIBot

/// Events and whole messages, seen from the wire.
@Suite(.timeLimit(.minutes(10)))
struct EventChannelTests {
    private static let card = TemplateCard.textNotice(.init(title: "好"), link: .url("https://x.example"))

    private func enterChat(_ id: String) -> String {
        #"{"cmd":"aibot_event_callback","headers":{"req_id":"REQ-\#(id)"},"body":{"msgid":"EVT-\#(id)","chattype":"single","#
            + #""from":{"userid":"zhangsan"},"msgtype":"event","event":{"eventtype":"enter_chat"}}}"#
    }

    /// Something happens. Returns what was handed on.
    private func event(_ id: String, _ bench: Bench, _ text: String? = nil) async -> EventReply {
        await bench.world.deliver(text ?? enterChat(id), on: 1)
        let received = await bench.events.first { $0.event.id == "EVT-\(id)" ? $0 : nil }
        return EventReply(received.event, through: received.channel)
    }

    /// Begins something that sends a frame, and returns when the connection has it.
    private func begin(_ bench: Bench, _ send: @escaping @Sendable () async -> Delivery) async -> Task<Delivery, Never>
    {
        let before = await bench.connection.unsettled
        let task = Task { await send() }
        while await bench.connection.unsettled == before, !Task.isCancelled { await Task.yield() }
        return task
    }

    /// Waits for a frame, and until the connection knows that it is written: only then can it be acknowledged.
    @discardableResult
    private func frame(_ index: Int, _ bench: Bench) async -> SentFrame {
        let frame = await bench.frame(index)
        _ = await bench.connection.unsettled
        return frame
    }

    /// What comes of a send that should not leave: that it did, if it does.
    private func outcome(_ bench: Bench, _ send: @escaping @Sendable () async -> Delivery) async -> Delivery {
        // Of every link.
        let sends: @Sendable ([InMemoryWorld.Deed]) -> Int = { deeds in
            deeds.count { if case .send = $0 { true } else { false } }
        }
        let count = sends(bench.world.deeds.events)
        return await withTaskGroup(of: Delivery.self) { group in
            group.addTask { await send() }
            group.addTask {
                await bench.world.deeds.wait { sends($0) > count }
                return .unknown(.init("a frame has left"))
            }
            defer { group.cancelAll() }
            return await group.next() ?? .delivered
        }
    }

    private func isLocallyRefused(_ delivery: Delivery, _ part: String) -> Bool {
        guard case .refused(let reason) = delivery else { return false }
        return reason.code == nil && reason.message.contains(part)
    }

    @Test func anEventIsAnsweredOnceByItsOwnCommandAndRequest() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            let reply = await event("E1", bench)
            let welcome = await begin(bench) { await reply.welcome("你好") }
            let frame = await frame(1, bench)
            #expect(frame.command == "aibot_respond_welcome_msg" && frame.requestID == "REQ-E1")
            #expect(
                isLocallyRefused(await outcome(bench) { await reply.welcome("again") }, "already"),
                "while the first is on its way"
            )
            await bench.acknowledge("REQ-E1")
            #expect(await welcome.value == .delivered)
            #expect(isLocallyRefused(await outcome(bench) { await reply.welcome("again") }, "already"))
            #expect(bench.frames().count == 2)
            #expect(await bench.connection.statistics.events == 1)
        }
    }

    @Test func anAnswerThatWasRefusedMayBeGivenAgain() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            let reply = await event("E1", bench)
            let first = await begin(bench) { await reply.welcome("第一") }
            await bench.acknowledge("REQ-E1", 40_201)
            #expect(await first.value.reason?.code == 40_201)
            let second = await begin(bench) { await reply.welcome("第二") }
            await bench.acknowledge("REQ-E1")
            #expect(await second.value == .delivered)
        }
    }

    @Test func whatAnEventCannotBeAnsweredWithIsNotSent() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            let reply = await event("E1", bench)
            #expect(isLocallyRefused(await outcome(bench) { await reply.answer(.markdown("x")) }, "enter_chat"))
            #expect(
                isLocallyRefused(
                    await outcome(bench) { await reply.answer(.update(Self.card, for: nil)) },
                    "enter_chat"
                )
            )
            let without = enterChat("E2").replacing(#""headers":{"req_id":"REQ-E2"},"#, with: "")
            let unnamed = await event("E2", bench, without)
            #expect(isLocallyRefused(await outcome(bench) { await unnamed.welcome("x") }, "req_id"))
            #expect(bench.frames().count == 1)
        }
    }

    @Test(arguments: [(Duration.seconds(5) - .nanoseconds(1), true), (.seconds(5), false)])
    func fiveSecondsAreMeasuredFromTheArrival(age: Duration, isSent: Bool) async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            let reply = await event("E1", bench)
            await bench.world.advance(by: age)
            guard isSent else {
                #expect(isLocallyRefused(await outcome(bench) { await reply.welcome("晚了") }, "is over"))
                #expect(bench.frames().count == 1)
                return
            }
            let welcome = await begin(bench) { await reply.welcome("刚好") }
            await bench.acknowledge("REQ-E1")
            #expect(await welcome.value == .delivered)
        }
    }

    @Test func anAnswerThatWaitsForAConnectionIsGivenUpWithItsTime() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            let reply = await event("E1", bench)
            await bench.world.adopt { $0.opens = false }
            await bench.world.end(1, .lost)
            let welcome = await begin(bench) { await reply.welcome("你好") }
            await bench.world.advance(by: .seconds(5))
            #expect(isLocallyRefused(await welcome.value, "is over"))
            #expect(await bench.connection.unsettled == 0)
        }
    }

    @Test func anAnswerThatMayHaveArrivedIsNotSentAgain() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            let reply = await event("E1", bench)
            let welcome = await begin(bench) { await reply.welcome("你好") }
            await frame(1, bench)
            await bench.world.end(1, .lost)
            guard case .unknown = await welcome.value else {
                Issue.record("\(await welcome.value)")
                return
            }
            await bench.reconnect(2)
            #expect(bench.frames(on: 2).count == 1)
            #expect(isLocallyRefused(await outcome(bench) { await reply.welcome("again") }, "already"))
        }
    }

    @Test func anAnswerToAnEventGoesAheadOfEverythingThatWaits() async throws {
        try await Bench.run {
            $0.machine.maximumHandedBytes = 1
        } _: { bench in
            await bench.subscribe()
            await bench.world.adopt { $0.writes = false }
            let first = await bench.push(id: "1")
            let second = await bench.push(id: "2", user: "lisi")
            let answers = [await bench.send("一一一一", through: first), await bench.send("二二二二", through: second)]
            let reply = await event("E1", bench)
            let welcome = await begin(bench) { await reply.welcome("你好") }
            #expect(bench.frames().map(\.requestID).suffix(2) == ["REQ-1", "REQ-E1"], "the second answer waits")
            await bench.world.adopt { $0.writes = true }
            await bench.world.write(on: 1)
            for id in ["REQ-E1", "REQ-1", "REQ-2"] { await bench.acknowledge(id) }
            #expect(await welcome.value == .delivered)
            for answer in answers { #expect(await answer.value == .delivered) }
        }
    }

    @Test func aDisplacementStaysWithTheConnection() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            await bench.displace()
            _ = await bench.states.wait { $0.contains { $0.name == "displaced" } }
            #expect(bench.events.events.isEmpty)
        }
    }

    // MARK: Messages

    @Test func whatIsSaidOfAnEventGoesToItsConversation() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            let reply = await event("E1", bench)
            let push = await begin(bench) { await reply.send(.markdown("以后说")) }
            let frame = await frame(1, bench)
            #expect(frame.command == "aibot_send_msg")
            #expect(frame.text.contains(#""chatid":"zhangsan""#) && frame.text.contains(#""chat_type":1"#))
            await bench.acknowledge(frame.requestID)
            #expect(await push.value == .delivered)
            let nowhere = enterChat("E2").replacing(#""from":{"userid":"zhangsan"},"#, with: "")
            let homeless = await event("E2", bench, nowhere)
            #expect(isLocallyRefused(await outcome(bench) { await homeless.send(.markdown("x")) }, "where it happened"))
        }
    }

    @Test(arguments: [846_604, 846_605])
    func aMessageOfItsOwnThatCannotAnswerIsPushed(code: Int) async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            let message = await bench.push(id: "1")
            let sent = await begin(bench) { await message.channel.send(.card(Self.card)) }
            #expect(await frame(1, bench).command == "aibot_respond_msg")
            await bench.acknowledge("REQ-1", code)
            let push = await frame(2, bench)
            #expect(push.command == "aibot_send_msg")
            await bench.acknowledge(push.requestID)
            guard case .redirected(let reason) = await sent.value else {
                Issue.record("\(await sent.value)")
                return
            }
            #expect(reason.code == code)
        }
    }

    @Test(arguments: [40_058, 40_201, 93_006, 846_607, 1])
    func aMessageOfItsOwnThatIsNotWantedIsNot(code: Int) async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            let message = await bench.push(id: "1")
            let sent = await begin(bench) { await message.channel.send(.card(Self.card)) }
            await frame(1, bench)
            await bench.acknowledge("REQ-1", code)
            #expect(await sent.value.reason?.code == code)
            #expect(bench.frames().count == 2)
        }
    }

    @Test func aMessageOfItsOwnThatMayHaveArrivedIsNotSaidTwice() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            let message = await bench.push(id: "1")
            let sent = await begin(bench) { await message.channel.send(.card(Self.card)) }
            await frame(1, bench)
            await bench.world.end(1, .lost)
            guard case .unknown = await sent.value else {
                Issue.record("\(await sent.value)")
                return
            }
            await bench.reconnect(2)
            #expect(bench.frames(on: 2).count == 1)
        }
    }

    @Test func afterTheReplyWindowAMessageOfItsOwnIsPushed() async throws {
        try await Bench.run {
            $0.machine.replyWindow = .seconds(20)
        } _: { bench in
            await bench.subscribe()
            let (inTime, late) = (await bench.push(id: "1"), await bench.push(id: "2"))
            await bench.world.advance(by: .seconds(20) - .nanoseconds(1))
            let first = await begin(bench) { await inTime.channel.send(.card(Self.card)) }
            #expect(bench.frames().last?.command == "aibot_respond_msg")
            await bench.acknowledge("REQ-1")
            #expect(await first.value == .delivered)
            await bench.world.advance(by: .nanoseconds(1))
            let second = await begin(bench) { await late.channel.send(.card(Self.card)) }
            let frame = try #require(bench.frames().last)
            #expect(frame.command == "aibot_send_msg")
            await bench.acknowledge(frame.requestID)
            guard case .redirected = await second.value else {
                Issue.record("\(await second.value)")
                return
            }
        }
    }

    @Test func messagesCountInTheBudgetAndWaitForItAndEventsDoNot() async throws {
        try await Bench.run {
            $0.rateLimits.perMinute = 2
        } _: { bench in
            await bench.subscribe()
            let message = await bench.push(id: "1")
            let sent = await begin(bench) { await message.channel.send(.card(Self.card)) }
            await bench.acknowledge("REQ-1")
            #expect(await sent.value == .delivered)
            let conversation = message.message.conversation
            let push = await begin(bench) { await bench.connection.push(.markdown("一"), to: conversation) }
            await bench.acknowledge(try #require(bench.frames().last).requestID)
            #expect(await push.value == .delivered)
            #expect(await bench.connection.remainingSends(in: conversation).leftThisMinute == 0)
            let paced = await begin(bench) { await bench.connection.push(.markdown("二"), to: conversation) }
            let reply = await event("E1", bench)
            let welcome = await begin(bench) { await reply.welcome("你好") }
            #expect(bench.frames().last?.command == "aibot_respond_welcome_msg")
            await bench.acknowledge("REQ-E1")
            #expect(await welcome.value == .delivered)
            #expect(bench.frames().count == 4, "the third waits")
            paced.cancel()
            _ = await paced.value
        }
    }

    @Test func aMessageWithAProblemIsNotSent() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            let message = await bench.push(id: "1")
            #expect(isLocallyRefused(await outcome(bench) { await message.channel.send(.markdown("")) }, "blank"))
            let somewhere = Conversation(kind: .single, id: "u")
            #expect(
                isLocallyRefused(
                    await outcome(bench) { await bench.connection.push(.markdown(" "), to: somewhere) },
                    "blank"
                )
            )
            let nobody = Conversation(kind: .single, id: "")
            #expect(
                isLocallyRefused(
                    await outcome(bench) { await bench.connection.push(.markdown("x"), to: nobody) },
                    "chatid"
                )
            )
            #expect(bench.frames().count == 1)
        }
    }

    // MARK: Streams

    private func send(_ update: BubbleUpdate, _ received: Bench.Received, _ bench: Bench, _ code: Int = 0) async
        -> SentFrame
    {
        let count = bench.frames().count
        let task = Task { await received.channel.send(update) }
        let frame = await frame(count, bench)
        await bench.acknowledge(frame.requestID, code)
        _ = await task.value
        return frame
    }

    @Test func aFeedbackIDIsOnTheFirstFrameOfAStreamThatIsTaken() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            let message = await bench.push(id: "1")
            func update(_ text: String, _ bubble: Int = 0, final: Bool = false) -> BubbleUpdate {
                BubbleUpdate(bubble: bubble, text: text, isFinal: final, feedbackID: "fb-1")
            }
            let feedback = #""feedback":{"id":"fb-1"}"#
            #expect(await send(update("a"), message, bench, 40_058).text.contains(feedback))
            #expect(await send(update("ab"), message, bench).text.contains(feedback), "the first was refused")
            #expect(!(await send(update("abc"), message, bench).text.contains(feedback)))
            #expect(!(await send(update("abc", final: true), message, bench).text.contains(feedback)))
            #expect(await send(update("d", 1), message, bench).text.contains(feedback), "the next bubble")
            #expect(!(await send(update("d", 1, final: true), message, bench).text.contains(feedback)))
        }
    }

    @Test func thinkingIsShownInStreamsAndNotInWhatTakesTheirPlace() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            let message = await bench.push(id: "1")
            let update = BubbleUpdate(bubble: 0, text: "答", isFinal: true, thinking: "想", feedbackID: "fb-1")
            let task = Task { await message.channel.send(update) }
            #expect(await frame(1, bench).content == "<think>想</think>答")
            await bench.acknowledge("REQ-1", 846_605)
            let push = await frame(2, bench)
            #expect(push.command == "aibot_send_msg" && !push.text.contains("think") && push.text.contains("fb-1"))
            await bench.acknowledge(push.requestID)
            #expect(await task.value.isDelivered)
        }
    }
}
