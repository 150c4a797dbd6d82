import BotCore
import BotFoundation
import Foundation
import TestSupport
import Testing

@testable import WeComAIBot

/// Events of the callback address, and what is said about them.
@Suite("WebhookEvents", .timeLimit(.minutes(10)))
struct WebhookEventTests {
    private static let card = TemplateCard.textNotice(.init(title: "好"), link: .url("https://x.example"))
    private static var pressed: [String: Any] {
        [
            "eventtype": "template_card_event",
            "template_card_event": ["card_type": "button_interaction", "event_key": "k", "task_id": "t_1"],
        ]
    }

    private let replies = Mailbox<EventReply>()
    private let posted = Mailbox<String>()
    private let clock = ManualClock()
    private let platform: Platform
    private let endpoint: WebhookEndpoint

    init() throws {
        platform = try Platform()
        let fallback = WebhookFallback { [posted] url, body in
            posted.put("\(url.value) \(String(decoding: body, as: UTF8.self))")
            return PostAnswer(status: 200, body: Array(#"{"errcode":0}"#.utf8))
        }
        endpoint = WebhookEndpoint(
            try Platform.configuration,
            fallback: fallback,
            clock: clock,
            onEvent: { [replies] event, channel in replies.put(EventReply(event, through: channel)) }
        ) { _, _ in }
    }

    private func isRefused(_ delivery: Delivery?, because reason: String) -> Bool {
        if case .refused(let actual) = delivery { actual.message.contains(reason) } else { false }
    }

    /// The system before this one compared the event with the name of its type, and so greeted nobody.
    @Test("who opens the chat is greeted in the response, once")
    func welcome() async throws {
        let request = try platform.event(["eventtype": "enter_chat"])
        async let response = endpoint.respond(to: request)
        let reply = try #require(await replies.next())
        #expect(reply.event.kind == .enterChat && reply.event.sender == "zhangsan" && reply.event.id == "EVT")
        #expect(isRefused(await reply.update(Self.card), because: "no card"))
        #expect(isRefused(await reply.answer(.markdown("不行")), because: "cannot be answered with markdown"))
        #expect(await reply.welcome("欢迎 👋🏽") == .delivered)
        #expect(isRefused(await reply.welcome("再来"), because: "answered already"))
        let answer = try platform.answer(await response)
        #expect(answer["msgtype"] as? String == "text" && answer.count == 2)
        #expect((answer["text"] as? [String: Any])?["content"] as? String == "欢迎 👋🏽")
        #expect(isRefused(await reply.send(.markdown("还有")), because: "without a response_url"))
    }

    @Test("a card that is pressed is replaced in the response; more goes to its response_url, once")
    func update() async throws {
        let request = try platform.event(Self.pressed, responseURL: "https://u")
        async let response = endpoint.respond(to: request)
        let reply = try #require(await replies.next())
        #expect(reply.event.cardAction?.key == "k")
        #expect(await reply.update(Self.card, for: ["lisi"]) == .delivered)
        let answer = try platform.answer(await response)
        #expect(answer["response_type"] as? String == "update_template_card")
        #expect(answer["userids"] as? [String] == ["lisi"])
        #expect((answer["template_card"] as? [String: Any])?["task_id"] as? String == "t_1")
        #expect(await reply.send(.markdown("好了")) == .delivered)
        #expect(await posted.next() == #"https://u {"msgtype":"markdown","markdown":{"content":"好了"}}"#)
        #expect(isRefused(await reply.send(.markdown("又")), because: "used already"))
    }

    @Test("the response waits 4.5 s and not longer")
    func patience() async throws {
        for isInTime in [true, false] {
            let request = try platform.event(["eventtype": "enter_chat"], id: "EVT-\(isInTime)")
            async let response = endpoint.respond(to: request)
            let reply = try #require(await replies.next())
            await clock.waitForSleepers(1)
            clock.advance(by: .milliseconds(4_499))
            if isInTime {
                #expect(await reply.welcome("赶上了") == .delivered)
                let answer = try platform.answer(await response)
                #expect(answer["msgtype"] as? String == "text")
            } else {
                clock.advance(by: .milliseconds(1))
                #expect(await response == .empty)
                #expect(isRefused(await reply.welcome("晚了"), because: "is over"))
            }
        }
        #expect(clock.sleepers == 0)
    }

    @Test("an event that is delivered again gets the same answer, and is handled once")
    func again() async throws {
        let request = try platform.event(["eventtype": "enter_chat"])
        async let response = endpoint.respond(to: request)
        let reply = try #require(await replies.next())
        #expect(await reply.welcome("欢迎 👋🏽") == .delivered)
        let first = try platform.answer(await response)
        let second = try platform.answer(await endpoint.respond(to: request))
        #expect((first["text"] as? [String: Any])?["content"] as? String == "欢迎 👋🏽")
        #expect((second["text"] as? [String: Any])?["content"] as? String == "欢迎 👋🏽")
        #expect(endpoint.answers.response(toEvent: "EVT", now: endpoint.answers.timeline.now).isKnown)
    }

    @Test("an answer counts as delivered when its response has left, and the next delivery may still carry it")
    func lostResponse() async throws {
        let request = try platform.event(["eventtype": "enter_chat"])
        async let lost = endpoint.reply(to: request)
        let reply = try #require(await replies.next())
        async let outcome = reply.welcome("欢迎")
        #expect(await lost.sent != nil, "the client has gone: nobody says that it has left")
        let again = await endpoint.reply(to: request)
        again.sent?()
        #expect(await outcome == .delivered)

        let other = try platform.event(["eventtype": "enter_chat"], id: "EVT-2")
        async let gone = endpoint.reply(to: other)
        let late = try #require(await replies.next())
        async let doubtful = late.welcome("欢迎")
        _ = await gone
        await clock.waitForSleepers(1)
        clock.advance(by: .seconds(20))
        guard case .unknown = await doubtful else {
            Issue.record("nobody took it")
            return
        }
    }

    @Test("an answer that comes after the first delivery is over goes with the next one")
    func secondDelivery() async throws {
        let request = try platform.event(["eventtype": "enter_chat"])
        async let first = endpoint.respond(to: request)
        let reply = try #require(await replies.next())
        await clock.waitForSleepers(1)
        clock.advance(by: .milliseconds(4_500))
        #expect(await first == .empty)
        async let second = endpoint.respond(to: request)
        await clock.waitForSleepers(1)
        #expect(await reply.welcome("还来得及") == .delivered)
        #expect((try platform.answer(await second)["text"] as? [String: Any])?["content"] as? String == "还来得及")
    }

    @Test("who will not answer keeps nobody waiting")
    func released() async throws {
        let request = try platform.event(["eventtype": "enter_chat"])
        async let response = endpoint.respond(to: request)
        await replies.next()
        #expect(await response == .empty)
    }

    @Test("an event that takes no answer is not waited for")
    func unanswerable() async throws {
        for type in ["feedback_event", "future_event", ""] {
            let request = try platform.event(["eventtype": type], id: "EVT-\(type)")
            #expect(await endpoint.respond(to: request) == .empty)
            let reply = try #require(await replies.next())
            #expect(reply.event.kind.rawValue == type)
            #expect(isRefused(await reply.welcome("欢迎"), because: "cannot be answered"))
        }
    }

    @Test("while the bot ends, events are turned away, so that they come again")
    func ending() async throws {
        endpoint.beginEnding()
        let request = try platform.event(["eventtype": "enter_chat"])
        #expect(await endpoint.respond(to: request).status == 503)
    }
}
