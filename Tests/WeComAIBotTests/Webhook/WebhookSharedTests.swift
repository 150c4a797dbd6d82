import BotCore
import BotFoundation
import Foundation
import TestSupport
import Testing

@testable import WeComAIBot

/// Streams that the platform asks another process about than the one that answers.
@Suite("Streams of several processes", .timeLimit(.minutes(10)))
struct WebhookSharedTests {
    private static let whole = "你好，世界 👩‍👩‍👧‍👦 e\u{301}"

    private func kind(_ delivery: Delivery) -> String {
        switch delivery {
        case .delivered: "delivered"
        case .refused: "refused"
        case .unknown: "unknown"
        case .redirected: "redirected"
        }
    }

    private func reason(_ delivery: Delivery) -> String {
        switch delivery {
        case .delivered: "delivered"
        case .refused(let reason), .unknown(let reason), .redirected(let reason): reason.message
        }
    }

    // MARK: Questions

    @Test("another process shows the text so far and the end, and the owner learns that it has left")
    func conversation() async throws {
        let world = try await SharedWorld()
        let (stream, channel) = try await world.begin()
        #expect(try await world.b.ask(stream) == .init(id: stream, text: "<think></think>", isFinal: false))
        _ = await channel.send(.part("你好"))
        await world.a.exchange()
        #expect(try await world.b.ask(stream) == .init(id: stream, text: "你好", isFinal: false))
        async let delivery = channel.send(.last(Self.whole))
        await world.tell(world.a, until: { $0.phase == .complete }, of: stream)
        #expect(try await world.b.ask(stream) == .init(id: stream, text: Self.whole, isFinal: true))
        await world.b.exchange()
        await world.a.exchange()
        #expect(await delivery == .delivered)
        for process in [world.a, world.b] { #expect(try await process.ask(stream).isFinal, "the end is repeated") }
        #expect(world.a.posted.events.isEmpty)
    }

    @Test("only the newest text of a stream is told")
    func coalescing() async throws {
        let world = try await SharedWorld()
        let (stream, channel) = try await world.begin()
        let before = world.store.updates.events.count
        for number in 0..<100 { _ = await channel.send(.part("\(number)")) }
        await world.a.exchange()
        #expect(world.store.updates.events.count == before + 1)
        #expect(world.store.stream(stream)?.text == "99")
    }

    @Test("images come with the end, whoever is asked")
    func images() async throws {
        let world = try await SharedWorld()
        let (stream, channel) = try await world.begin()
        try channel.attach(AttachedImage([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]))
        async let delivery = channel.send(.last("看"))
        await world.tell(world.a, until: { $0.phase == .complete }, of: stream)
        let answer = try world.platform.answer(await world.b.endpoint.respond(to: world.platform.refresh(stream)))
        let items = (answer["stream"] as? [String: Any])?["msg_item"] as? [[String: Any]]
        let image = items?.first?["image"] as? [String: Any]
        #expect(items?.count == 1 && image?["base64"] as? String == "iVBORw0KGgo=")
        #expect(image?["md5"] as? String == "e9dd2797018cad79186e03e8c5aec8dc")
        await world.b.exchange()
        await world.a.exchange()
        #expect(await delivery == .delivered)
        #expect(await channel.sendImages() == .delivered)
    }

    @Test("an end that was given out counts as delivered only when it has left, and goes no other way")
    func handed() async throws {
        let world = try await SharedWorld()
        let (stream, channel) = try await world.begin()
        async let delivery = channel.send(.last(Self.whole))
        await world.tell(world.a, until: { $0.phase == .complete }, of: stream)
        let reply = await world.b.endpoint.reply(to: try world.platform.refresh(stream))
        #expect(try world.platform.shown(reply.response).isFinal && reply.sent != nil)
        await world.a.exchange()
        await world.clock.waitForSleepers(1)
        world.clock.advance(by: .seconds(30))
        let outcome = await delivery
        guard case .unknown = outcome else {
            Issue.record("not \(outcome)")
            return
        }
        #expect(reason(outcome).contains("another process"))
        #expect(world.a.posted.events.isEmpty, "never twice")
    }

    @Test("questions that others get are questions: the owner waits; without any it does not")
    func silence() async throws {
        for isAsked in [true, false] {
            let world = try await SharedWorld()
            let (stream, channel) = try await world.begin()
            _ = await channel.send(.part("半"))
            await world.a.exchange()
            #expect(try await world.b.ask(stream).text == "半")
            world.clock.advance(by: .seconds(29))
            if isAsked { _ = try await world.b.ask(stream) }
            await world.a.exchange()
            world.clock.advance(by: .seconds(1))
            let update = await channel.send(.part("半句"))
            if isAsked {
                #expect(reason(update) == "it is shown when the platform asks next")
            } else {
                #expect(reason(update).contains("stopped asking"))
                let delivery = await channel.send(.last("整句"))
                guard case .redirected = delivery else {
                    Issue.record("not \(delivery)")
                    continue
                }
                #expect(world.a.posted.events == ["整句"])
                await world.a.exchange()
                #expect(
                    try await world.b.ask(stream) == .init(id: stream, text: "半", isFinal: true),
                    "not a second time"
                )
            }
        }
    }

    @Test("a question in the last moment, of which the owner has not heard, keeps the text from going another way")
    func lastMoment() async throws {
        let world = try await SharedWorld()
        let (stream, channel) = try await world.begin()
        async let delivery = channel.send(.last(Self.whole))
        await world.tell(world.a, until: { $0.phase == .complete }, of: stream)
        await world.clock.waitForSleepers(1)
        // B is asked, and has told; A is not told before it believes that nobody asks any more.
        #expect(try await world.b.ask(stream).isFinal)
        await world.b.exchange()
        world.clock.advance(by: .seconds(30))
        #expect(await delivery == .delivered)
        #expect(world.a.posted.events.isEmpty)
    }

    @Test("a text that goes another way is not given out meanwhile; if it cannot, it is shown again")
    func taken() async throws {
        let world = try await SharedWorld()
        let (stream, channel) = try await world.begin()
        _ = await channel.send(.part("半"))
        await world.a.exchange()
        _ = try await world.b.ask(stream)
        async let delivery = channel.send(.last(Self.whole))
        await world.tell(world.a, until: { $0.phase == .complete }, of: stream)
        await world.clock.waitForSleepers(1)
        world.clock.advance(by: .seconds(30))
        #expect(kind(await delivery) == "redirected", "nobody asks")
        #expect(world.a.posted.events == [Self.whole])
        let isHeld = world.store.updates.events.contains { if case .hold = $0.change { true } else { false } }
        #expect(isHeld)
        await world.a.exchange()
        #expect(try await world.b.ask(stream) == .init(id: stream, text: "半", isFinal: true))

        // Its response_url is used up: the text stays where it may be fetched.
        let (second, other) = try await world.begin("2")
        _ = await other.send(.markdown("先"))
        async let refused = other.send(.last(Self.whole))
        await world.tell(world.a, until: { $0.phase == .complete }, of: second)
        await world.clock.waitForSleepers(1)
        world.clock.advance(by: .seconds(30))
        #expect(kind(await refused) == "refused", "there is no other way")
        await world.a.exchange()
        #expect(try await world.b.ask(second) == .init(id: second, text: Self.whole, isFinal: true))
    }

    @Test("while a text is on another way, neither process gives it out")
    func held() async throws {
        let (arrived, goOn) = (Mailbox<Void>(), Mailbox<Void>())
        let world = try await SharedWorld()
        let process = try await SharedWorld.Process(
            world.store,
            world.clock,
            world.platform,
            post: { _, _ in
                arrived.put(())
                await goOn.next()
                return PostAnswer(status: 200, body: Array(#"{"errcode":0,"errmsg":"ok"}"#.utf8))
            }
        )
        let stream = try await process.send("1").id
        let channel = try await process.next()
        _ = await channel.send(.part("半"))
        await process.exchange()
        _ = try await process.ask(stream)
        async let delivery = channel.send(.last(Self.whole))
        await world.tell(process, until: { $0.phase == .complete }, of: stream)
        await world.clock.waitForSleepers(1)
        world.clock.advance(by: .seconds(30))
        await arrived.next()
        await process.exchange()
        for other in [process, world.b] {
            #expect(try await other.ask(stream) == .init(id: stream, text: "半", isFinal: false))
        }
        goOn.put(())
        #expect(kind(await delivery) == "redirected")
        await process.exchange()
        #expect(try await world.b.ask(stream) == .init(id: stream, text: "半", isFinal: true))
    }

    // MARK: The window

    @Test("at the end of the window, and not before, another process ends the bubble with what it has")
    func window() async throws {
        let world = try await SharedWorld { $0.streamWindow = .seconds(20) }
        let (stream, channel) = try await world.begin()
        _ = await channel.send(.part("半"))
        await world.a.exchange()
        world.clock.advance(by: .milliseconds(19_999))
        #expect(try await world.b.ask(stream) == .init(id: stream, text: "半", isFinal: false))
        async let delivery = channel.send(.last(Self.whole))
        await world.clock.waitForSleepers(1)
        // Not told yet: for B the answer is not whole when its time is over.
        world.clock.advance(by: .milliseconds(1))
        let cut = try await world.b.ask(stream)
        #expect(cut.isFinal && cut.text.hasPrefix("半\n\n⏳ 回答还没有完成"))
        await world.b.exchange()
        await world.a.exchange()
        world.clock.advance(by: .seconds(30))
        #expect(kind(await delivery) == "redirected", "the bubble was cut")
        #expect(world.a.posted.events == [Self.whole])
        #expect(try await world.b.ask(stream) == cut, "what was told last is repeated")
    }

    @Test("the owner dies: the text so far is shown, and ended at the end of the window")
    func death() async throws {
        let world = try await SharedWorld { $0.streamWindow = .seconds(20) }
        let (stream, channel) = try await world.begin()
        _ = await channel.send(.part("代码：\n```\nlet a"))
        await world.a.exchange()
        for _ in 0..<19 {
            world.clock.advance(by: .seconds(1))
            #expect(try await world.b.ask(stream) == .init(id: stream, text: "代码：\n```\nlet a", isFinal: false))
        }
        world.clock.advance(by: .seconds(1))
        let cut = try await world.b.ask(stream)
        #expect(cut.isFinal && cut.text.hasPrefix("代码：\n```\nlet a\n```\n\n⏳"))
        withExtendedLifetime(channel) {}
    }

    @Test("the owner's next process goes on in the same stream")
    func resumed() async throws {
        let world = try await SharedWorld()
        let (stream, channel) = try await world.begin("7")
        _ = await channel.send(.part("半"))
        await world.a.exchange()
        let message = Inbound(id: "7", kind: .text, conversation: .init(kind: .single, id: "u"), sender: "u", text: "问")
        let turn = SavedTurn(
            number: 1,
            message: message,
            route: channel.route,
            receivedAt: UnixTime.milliseconds()
        )
        let next = try await SharedWorld.Process(world.store, world.clock, world.platform)
        let resumed = try #require(next.endpoint.channel(resuming: turn))
        async let delivery = resumed.send(.last("半句，完。"))
        await world.tell(next, until: { $0.text == "半句，完。" }, of: stream)
        #expect(try await world.b.ask(stream) == .init(id: stream, text: "半句，完。", isFinal: true))
        await world.b.exchange()
        await next.exchange()
        #expect(await delivery == .delivered)

        // One whose end was told while nobody owned it.
        let last = try await SharedWorld.Process(world.store, world.clock, world.platform)
        let again = try #require(last.endpoint.channel(resuming: turn))
        await last.exchange()
        #expect(await again.send(.last("半句，完。还有")) == .delivered)
        #expect(last.posted.events.isEmpty && next.posted.events.isEmpty)
        #expect(try await world.b.ask(stream).text == "半句，完。")
        withExtendedLifetime(channel) {}
    }

    // MARK: Once

    @Test("a message that another process has is not handled, and never ends its bubble before the end was told")
    func redelivery() async throws {
        let world = try await SharedWorld()
        let (stream, channel) = try await world.begin()
        #expect(try await world.b.send("1") == .init(id: stream, text: "<think></think>", isFinal: false))
        async let delivery = channel.send(.last(Self.whole))
        await world.tell(world.a, until: { $0.phase == .complete }, of: stream)
        #expect(try await world.b.send("1") == .init(id: stream, text: Self.whole, isFinal: false))
        #expect(try await world.a.send("1") == .init(id: stream, text: Self.whole, isFinal: false))
        #expect(try await world.b.ask(stream).isFinal)
        await world.b.exchange()
        await world.a.exchange()
        #expect(await delivery == .delivered)
        #expect(try await world.b.send("1") == .init(id: stream, text: Self.whole, isFinal: true))
        // The next message is the first that B gets.
        let other = try await world.b.send("2")
        #expect(other.id != stream)
        #expect(try #require(await world.b.received.next()).message.id == "2")
    }

    @Test("a message that is delivered to both at the same time is handled once")
    func race() async throws {
        let world = try await SharedWorld()
        for number in 0..<50 {
            async let first = world.a.send("m\(number)")
            async let second = world.b.send("m\(number)")
            #expect(try await first.id == second.id)
        }
        let count = [world.a, world.b].reduce(0) { count, process in
            var snapshot = ConnectionSnapshot(.ready, since: .now)
            process.endpoint.answers.fill(&snapshot)
            return count + snapshot.statistics.messages
        }
        #expect(count == 50)
    }

    @Test("a claim is finished although whoever asked has gone: what another has is not handled here")
    func cancelled() async throws {
        let world = try await SharedWorld()
        for number in 0..<20 {
            let request = try world.platform.text("m\(number)", "问")
            let (isFirst, stream) = number % 2 == 0 ? (true, "") : (false, try await world.b.send("m\(number)").id)
            let endpoint = world.a.endpoint
            let asking = Task { await endpoint.respond(to: request) }
            asking.cancel()
            _ = await asking.value
            let id = try await world.b.send("m\(number)").id
            #expect(isFirst || id == stream)
        }
        for process in [world.a, world.b] {
            var snapshot = ConnectionSnapshot(.ready, since: .now)
            process.endpoint.answers.fill(&snapshot)
            #expect(snapshot.statistics.messages == 10)
        }
    }

    @Test("with the group webhook as the only way, too")
    func onlyWay() async throws {
        let world = try await SharedWorld(onlyGroup: true)
        for process in [world.a, world.b, world.a] {
            #expect(await process.endpoint.respond(to: try world.platform.text("1", "问")) == .empty)
        }
        #expect(await world.b.endpoint.respond(to: try world.platform.text("2", "问")) == .empty)
        #expect(await world.a.received.next()?.message.id == "1")
        #expect(await world.b.received.next()?.message.id == "2")
    }

    @Test("an event is handled by one process; what it answers can only come from there")
    func events() async throws {
        let world = try await SharedWorld()
        let entered = try world.platform.event(["eventtype": "enter_chat"])
        async let response = world.a.endpoint.respond(to: entered)
        let event = try #require(await world.a.events.next())
        #expect(await world.b.endpoint.respond(to: entered).status == 503)
        #expect(await event.channel.answer(.text("欢迎")) == .delivered)
        #expect(try world.platform.answer(await response)["msgtype"] as? String == "text")
        #expect(try world.platform.answer(await world.a.endpoint.respond(to: entered))["msgtype"] as? String == "text")

        let other = try world.platform.event(["eventtype": "feedback_event"], id: "EVT-2")
        for process in [world.a, world.b] { #expect(await process.endpoint.respond(to: other) == .empty) }
        #expect(await world.a.events.next()?.event.id == "EVT-2")
        let third = try world.platform.event(["eventtype": "feedback_event"], id: "EVT-3")
        #expect(await world.b.endpoint.respond(to: third) == .empty)
        #expect(await world.b.events.next()?.event.id == "EVT-3", "the first that it gets")
    }

    @Test("a message for which there was no room is free for another process")
    func room() async throws {
        let world = try await SharedWorld { $0.stream.capacity = 1 }
        _ = try await world.begin("1")
        #expect(await world.a.endpoint.respond(to: try world.platform.text("2", "问")).status == 503)
        _ = try await world.b.send("2")
        #expect(try #require(await world.b.received.next()).message.id == "2")
    }

    @Test("a process that dies between its claim and its first word is not waited for")
    func claimThatNothingFollows() async throws {
        let world = try await SharedWorld()
        _ = try await world.a.send("1")
        world.clock.advance(by: .milliseconds(9_999))
        _ = try await world.b.send("1")
        #expect(world.store.state.withLock { $0.claims.count } == 1)
        world.clock.advance(by: .milliseconds(1))
        _ = try await world.b.send("1")
        #expect(try #require(await world.b.received.next()).message.id == "1")
    }

    // MARK: A store that fails

    @Test("a store that fails: own answers go on, questions about others' are put off, and the log says it once")
    func down() async throws {
        let world = try await SharedWorld()
        let (stream, channel) = try await world.begin("1")
        world.store.setDown(true)
        #expect(try await world.b.status(ofAsking: stream) == 503, "not that it is lost")
        // Everything of its own: messages, messages again, texts, ends.
        let own = try await world.a.send("2")
        #expect(try await world.a.send("2").id == own.id)
        async let delivery = channel.send(.last(Self.whole))
        while try await world.a.ask(stream).isFinal == false { await Task.yield() }
        #expect(await delivery == .delivered)
        #expect(world.a.count(ofLines: "the shared state fails") == 1)
        var snapshot = ConnectionSnapshot(.ready, since: .now)
        world.a.endpoint.answers.fill(&snapshot)
        #expect(snapshot.sharedStateWorks == false && snapshot.sharedStateFailures >= 1)

        world.store.setDown(false)
        world.clock.advance(by: .seconds(1))
        await world.a.exchange()
        await world.b.exchange()
        #expect(world.a.count(ofLines: "the shared state works again") == 1)
        #expect(try await world.b.ask(stream) == .init(id: stream, text: Self.whole, isFinal: true))
        #expect(try await world.b.ask(own.id) == .init(id: own.id, text: "<think></think>", isFinal: false))
        #expect(try await world.b.send("2").id == own.id, "what was not claimed is claimed now")
        world.a.endpoint.answers.fill(&snapshot)
        #expect(snapshot.sharedStateWorks == true)
    }

    @Test("after a failure nobody asks the store for a second; then one does")
    func failFast() async throws {
        let world = try await SharedWorld()
        world.store.setDown(true)
        _ = try await world.b.status(ofAsking: "x")
        #expect(world.store.calls == 1)
        for _ in 0..<10 { _ = try await world.b.status(ofAsking: "x") }
        world.clock.advance(by: .milliseconds(999))
        _ = try await world.b.status(ofAsking: "x")
        #expect(world.store.calls == 1)
        world.clock.advance(by: .milliseconds(1))
        _ = try await world.b.status(ofAsking: "x")
        _ = try await world.b.status(ofAsking: "x")
        #expect(world.store.calls == 2)
    }

    @Test("a store that was started again is told again; a stream is lost only after 5 s")
    func forgotten() async throws {
        let world = try await SharedWorld()
        let (stream, channel) = try await world.begin()
        _ = await channel.send(.part("半"))
        await world.a.exchange()
        world.store.forget()
        #expect(try await world.b.status(ofAsking: stream) == 503)
        await world.a.exchange()  // it learns
        await world.a.exchange()  // it tells
        #expect(try await world.b.ask(stream) == .init(id: stream, text: "半", isFinal: false))
        #expect(try await world.b.send("1").id == stream, "the claim, too")

        #expect(try await world.b.status(ofAsking: "stream_of_nobody") == 503)
        world.clock.advance(by: .milliseconds(4_999))
        #expect(try await world.b.status(ofAsking: "stream_of_nobody") == 503)
        world.clock.advance(by: .milliseconds(1))
        let lost = try await world.b.ask("stream_of_nobody")
        #expect(lost.isFinal && lost.text.hasPrefix("抱歉"))
        withExtendedLifetime(channel) {}
    }

    @Test("whatever stands in the store, the platform gets what it takes")
    func malformed() async throws {
        let world = try await SharedWorld()
        let texts = [
            nil, "", " \n", String(repeating: "字", count: 10_000), String(repeating: "👩‍👩‍👧‍👦", count: 5_000),
            "\u{0}\u{301}x",
        ]
        for (number, text) in texts.enumerated() {
            for phase in [SharedStream.Phase.open, .complete, .cut, .over] {
                let id = "s\(number)-\(phase.rawValue)"
                world.store.put(SharedStream(phase, text: text, hasEnded: true), as: id)
                #expect(try await world.b.ask(id).isFinal == (phase != .open))
            }
        }
    }

    // MARK: Life

    @Test("it tells by itself, asks every second, and tells what is left before it ends")
    func running() async throws {
        let world = try await SharedWorld()
        let endpoint = world.a.endpoint
        let sharing = Task { await endpoint.share() }
        let stream = try await world.a.send("1").id
        let channel = try await world.a.next()
        _ = await channel.send(.part("半"))
        await world.store.updates.wait { $0.contains { $0.id == stream && $0.shows("半") } }
        while !world.store.updates.events.contains(SharedStreamUpdate(stream, .none)) {
            await world.clock.waitForSleepers(1)
            world.clock.advance(by: .seconds(1))
            await Task.yield()
        }
        _ = await channel.send(.part("半句"))
        endpoint.finishSharing()
        await sharing.value
        #expect(world.store.stream(stream)?.text == "半句")
    }
}

extension SharedStreamUpdate {
    fileprivate func shows(_ text: String) -> Bool {
        if case .show(let content) = change { content.stream.text == text } else { false }
    }
}
