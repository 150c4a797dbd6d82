import BotCore
import Foundation
import Testing

@testable import WeComAIBot

/// Events as a bot's author has them.
struct EventTests {
    private func event(_ name: String) throws -> Event {
        let bytes = try Fixture.bytes(name)
        guard case .callback(let callback) = try FrameCodec().decode(bytes), case .event(let event) = callback.body
        else {
            throw WireError(.missingField, "\(name) is not an event")
        }
        return event.event(raw: callback.raw)
    }

    @Test(arguments: [
        ("event-enter-chat", Event.Kind.enterChat, "EVT-1", Conversation(kind: .single, id: "zhangsan"), "zhangsan"),
        ("event-card", .cardAction, "EVT-2", Conversation(kind: .group, id: "wrABCdef123"), "zhangsan"),
        ("event-card-flat", .cardAction, "EVT-2", Conversation(kind: .group, id: "wrABCdef123"), "zhangsan"),
        ("event-feedback", .feedback, "EVT-3", Conversation(kind: .single, id: "zhangsan"), "zhangsan"),
        ("event-check-update", .checkUpdate, "EVT-4", nil, ""),
        ("event-auth-change", .documentRightsChanged, "EVT-5", Conversation(kind: .single, id: "zhangsan"), "zhangsan"),
        ("unknown-eventtype", Event.Kind(rawValue: "future_event"), nil, nil, nil),
    ])
    func anEventSaysWhatWhoAndWhere(
        name: String,
        kind: Event.Kind,
        id: String?,
        conversation: Conversation?,
        sender: String?
    ) throws {
        let event = try event(name)
        #expect(event.kind == kind)
        #expect(try event.raw == Fixture.bytes(name))
        guard let id else { return }
        #expect(event.id == id && event.conversation == conversation && event.sender == sender)
    }

    private static let action = CardAction(
        cardType: "vote_interaction",
        key: "submit_1",
        taskID: "task_20260101_01",
        selections: [.init(questionKey: "q1", optionIDs: ["opt_a", "opt_c"])]
    )

    @Test("both ways in which a press was seen written", arguments: ["event-card", "event-card-flat"])
    func aPress(name: String) throws {
        let event = try event(name)
        #expect(event.cardAction == Self.action)
        #expect(event.feedback == nil && event.documentRights == nil)
    }

    @Test func aRating() throws {
        let feedback = Feedback(
            id: "fb-001",
            verdict: .dislike,
            content: "数据不对",
            reasons: [.incomplete, .wrongAnalysis]
        )
        #expect(try event("event-feedback").feedback == feedback)
        #expect(try event("event-feedback").cardAction == nil)
    }

    @Test func documentRights() throws {
        #expect(try event("event-auth-change").documentRights == [1, 2])
        #expect(try event("event-enter-chat").documentRights == nil)
    }

    @Test("the callback address brings the same without an envelope", arguments: ["event-card", "event-feedback"])
    func withoutEnvelope(name: String) throws {
        let frame = try JSONSerialization.jsonObject(with: Data(Fixture.bytes(name))) as? [String: Any]
        let raw = [UInt8](try JSONSerialization.data(withJSONObject: try #require(frame?["body"])))
        let inside = try event(name)
        let event = Event(
            id: inside.id,
            kind: inside.kind,
            conversation: inside.conversation,
            sender: inside.sender,
            raw: raw
        )
        #expect(event.cardAction == inside.cardAction && event.feedback == inside.feedback)
        #expect(event.cardAction != nil || event.feedback != nil)
    }

    @Test("what is not what it says has nothing to read", arguments: ["", "{}", "[]", "7", #"{"body":7}"#, "\u{0}"])
    func nonsense(raw: String) {
        let event = Event(id: "", kind: .cardAction, conversation: nil, sender: "", raw: Array(raw.utf8))
        #expect(event.cardAction == nil)
    }

    // MARK: What is refused on this side

    private struct Channel: EventChannel {
        func answer(_ message: OutboundMessage) async -> Delivery {
            .refused(.init(String(decoding: message.body, as: UTF8.self)))
        }
        func send(_ message: OutboundMessage) async -> Delivery { .delivered }
    }

    private static let notice = TemplateCard.textNotice(.init(title: "好"), link: .url("https://x.example"))

    @Test func anUpdateGetsTheTaskIDOfTheCardThatWasPressed() async throws {
        let reply = EventReply(try event("event-card"), through: Channel())
        let sent = await reply.update(Self.notice).reason?.message ?? ""
        #expect(sent.contains(#""task_id":"task_20260101_01""#) && !sent.contains("userids"))
        let some = await reply.update(Self.notice, for: ["zhangsan"]).reason?.message ?? ""
        #expect(some.contains(#""userids":["zhangsan"]"#))
    }

    @Test func anUpdateWithAnotherTaskIDIsNotSent() async throws {
        var card = Self.notice
        card.taskID = "another"
        let delivery = await EventReply(try event("event-card"), through: Channel()).update(card)
        #expect(delivery.reason?.message.contains("task id") == true)
    }

    @Test("a press without a task id has no card to be updated", arguments: ["", #""task_id":"","#])
    func anUpdateOfAnUnknownCardIsNotSent(taskID: String) async throws {
        let press = try String(decoding: Fixture.bytes("event-card"), as: UTF8.self)
        let raw = press.replacing(#""task_id":"task_20260101_01","#, with: taskID)
        #expect(raw != press)
        let event = Event(id: "E", kind: .cardAction, conversation: nil, sender: "u", raw: Array(raw.utf8))
        #expect(event.cardAction?.key == "submit_1")
        let reply = EventReply(event, through: Channel())
        var named = Self.notice
        named.taskID = ""
        for card in [Self.notice, named] {
            let reason = try #require(await reply.update(card).reason)
            #expect(reason.message.contains("task_id") && !reason.message.contains("{"))
        }
    }

    @Test func anUpdateWithoutACardIsNotSent() async throws {
        let delivery = await EventReply(try event("event-enter-chat"), through: Channel()).update(Self.notice)
        #expect(delivery.reason?.message.contains("enter_chat") == true)
    }

    @Test func aWelcomeThatIsBlankOrWrongIsNotSent() async throws {
        let reply = EventReply(try event("event-enter-chat"), through: Channel())
        #expect(await reply.welcome(" ").reason?.message.contains("blank") == true)
        var card = Self.notice
        card.link = nil
        #expect(await reply.welcome(card).reason?.message.contains("card_action") == true)
    }
}
