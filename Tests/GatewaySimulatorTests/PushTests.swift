import Testing

@testable import GatewaySimulator

@Suite("GatewayMachine: callbacks, events, pushes")
struct PushTests {
    @Test("a single chat's callback is as documented")
    func single() {
        var script = Transcript.subscribed()
        let message = script.push("你好", from: "zhangsan")
        #expect(message == PushedMessage(messageID: "sim-msg-1", requestID: "sim-req-1", chat: "zhangsan"))
        #expect(
            String(decoding: script.lastBytes, as: UTF8.self)
                == #"{"body":{"aibotid":"bot","chattype":"single","create_time":1767225600,"from":{"userid":"zhangsan"},"#
                + #""msgid":"sim-msg-1","msgtype":"text","#
                + #""response_url":"https://gateway.invalid/cgi-bin/aibot/response?response_code=sim-1","#
                + #""text":{"content":"你好"}},"cmd":"aibot_msg_callback","headers":{"req_id":"sim-req-1"}}"#
        )
    }

    @Test("a group's callback carries the chat, as given")
    func group() {
        var script = Transcript.subscribed()
        script.advance(.milliseconds(61_999))
        let message = script.push("@Helper 请总结一下", from: "lisi", in: "wrABCdef123")
        #expect(message.chat == "wrABCdef123")
        let text = String(decoding: script.lastBytes, as: UTF8.self)
        #expect(text.contains(#""chatid":"wrABCdef123","chattype":"group","create_time":1767225661"#))
        #expect(text.contains(#""from":{"userid":"lisi"}"#))
    }

    @Test("other types of message carry their content")
    func otherTypes() {
        var script = Transcript.subscribed()
        let result = script.machine.push(
            from: "zhang",
            type: "image",
            ["image": ["url": "https://x.invalid/i", "aeskey": "K"]],
            to: "bot",
            now: script.now
        )
        guard case .send(_, let bytes, true)? = result.actions.first else {
            Issue.record("nothing was sent")
            return
        }
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(
            text.contains(#""image":{"aeskey":"K","url":"https://x.invalid/i"}"#)
                && text.contains(#""msgtype":"image""#)
        )
    }

    @Test("a message for which nobody is subscribed is lost")
    func lost() {
        var script = Transcript()
        script.connect(1)
        let message = script.push()
        script.subscribe(1)
        #expect(script.take() == ["#1 ack sub 0"])
        #expect(script.observations.contains { $0.event == .lost(message) })
    }

    @Test("raw bytes go out as they are")
    func raw() {
        var script = Transcript.subscribed()
        let actions = script.machine.pushRaw([1, 2, 3], isText: false, to: "bot", now: script.now)
        #expect(actions == [.send(ConnectionID(rawValue: 1), [1, 2, 3], isText: false)])
    }

    @Test("enter_chat is welcomed once, within five seconds, with text or a card")
    func welcome() {
        var script = Transcript.subscribed()
        let event = script.event(.enterChat)
        #expect(script.take() == ["#1 aibot_event_callback \(event.requestID) enter_chat"])
        let ack = "#1 ack \(event.requestID)"
        script.frame(
            "aibot_respond_welcome_msg",
            event.requestID,
            #"{"msgtype":"markdown","markdown":{"content":"x"}}"#
        )
        script.frame("aibot_respond_welcome_msg", event.requestID, #"{"msgtype":"text","text":{}}"#)
        script.advance(.seconds(5))
        script.frame("aibot_respond_welcome_msg", event.requestID, #"{"msgtype":"text","text":{"content":"你好"}}"#)
        script.frame("aibot_respond_welcome_msg", event.requestID, #"{"msgtype":"text","text":{"content":"你好"}}"#)
        #expect(script.take() == ["\(ack) 40008", "\(ack) 40058", "\(ack) 0", "\(ack) 846605"])
    }

    @Test("a welcome after five seconds, or for a message, is refused")
    func lateWelcome() {
        var script = Transcript.subscribed()
        let event = script.event(.enterChat)
        let message = script.push()
        _ = script.take()
        script.advance(.seconds(5) + .nanoseconds(1))
        let body = #"{"msgtype":"text","text":{"content":"x"}}"#
        script.frame("aibot_respond_welcome_msg", event.requestID, body)
        script.frame("aibot_respond_welcome_msg", message.requestID, body)
        #expect(script.take() == ["#1 ack \(event.requestID) 846604", "#1 ack \(message.requestID) 846605"])
    }

    @Test("a card is updated for its own event and task only")
    func updateCard() {
        var script = Transcript.subscribed()
        let enter = script.event(.enterChat)
        let event = script.event(.templateCard(cardType: "vote_interaction", eventKey: "k", taskID: "task_1"))
        _ = script.take()
        func body(_ task: String, _ type: String = "update_template_card") -> String {
            #"{"response_type":"\#(type)","template_card":{"card_type":"text_notice","main_title":{"title":"t"},"#
                + #""card_action":{"type":1,"url":"https://x.example"},"task_id":"\#(task)"}}"#
        }
        let command = "aibot_respond_update_msg"
        script.frame(command, enter.requestID, body("task_1"))
        script.frame(command, event.requestID, body("task_2"))
        script.frame(command, event.requestID, body("task_1", "other"))
        script.frame(command, event.requestID, #"{"response_type":"update_template_card"}"#)
        script.frame(command, event.requestID, body("task_1"))
        let ack = "#1 ack \(event.requestID)"
        #expect(
            script.take() == [
                "#1 ack \(enter.requestID) 846605", "\(ack) 40058", "\(ack) 40058", "\(ack) 40058", "\(ack) 0",
            ]
        )
    }

    @Test("events carry their payload under their own name")
    func events() {
        var script = Transcript.subscribed()
        _ = script.event(.templateCard(cardType: "c", eventKey: "k", taskID: "t"))
        #expect(
            String(decoding: script.lastBytes, as: UTF8.self).contains(
                #""event":{"eventtype":"template_card_event","template_card_event":{"card_type":"c","event_key":"k","task_id":"t"}}"#
            )
        )
        _ = script.event(.feedback(id: "fb", type: 2))
        #expect(
            String(decoding: script.lastBytes, as: UTF8.self).contains(
                #""event":{"eventtype":"feedback_event","feedback_event":{"id":"fb","type":2}}"#
            )
        )
        _ = script.event(.other("new_event", ["a": 1]))
        #expect(
            String(decoding: script.lastBytes, as: UTF8.self)
                .contains(#""event":{"eventtype":"new_event","new_event":{"a":1}}"#)
        )
    }

    @Test("a push goes where the user has spoken before, and nowhere else")
    func send() {
        var script = Transcript.subscribed()
        _ = script.push(from: "zhang")
        _ = script.take()
        func body(_ chat: String) -> String {
            #"{"chatid":"\#(chat)","chat_type":1,"msgtype":"markdown","markdown":{"content":"x"}}"#
        }
        script.frame("aibot_send_msg", "s1", body("zhang"))
        script.frame("aibot_send_msg", "s2", body("Zhang"))
        #expect(script.take() == ["#1 ack s1 0", "#1 ack s2 93006"])
        #expect(script.observations.contains { $0.event == .sent(chat: "zhang", messageType: "markdown", text: "x") })
    }

    @Test(
        "an invalid push is refused",
        arguments: [
            ("{}", 40_058), (#"{"chatid":"","msgtype":"markdown","markdown":{"content":"x"}}"#, 40_058),
            (#"{"chatid":"zhang","chat_type":3,"msgtype":"markdown","markdown":{"content":"x"}}"#, 40_058),
            (#"{"chatid":"zhang","chat_type":2,"msgtype":"markdown","markdown":{"content":"x"}}"#, 93_006),
            (#"{"chatid":"zhang","chat_type":0,"msgtype":"markdown","markdown":{"content":"x"}}"#, 0),
            (#"{"chatid":"zhang","chat_type":"1","msgtype":"markdown","markdown":{"content":"x"}}"#, 40_058),
            (#"{"chatid":"zhang","msgtype":"markdown"}"#, 40_058), (#"{"chatid":"zhang"}"#, 40_058),
            (#"{"chatid":"zhang","msgtype":"stream","stream":{"id":"s"}}"#, 40_008),
            (#"{"chatid":"zhang","msgtype":"text","text":{"content":"x"}}"#, 40_008),
            (#"{"chatid":"zhang","msgtype":"image","image":{"media_id":""}}"#, 40_058),
            (#"{"chatid":"zhang","msgtype":"image","image":{"media_id":"M"}}"#, 40_007),
        ]
    )
    func invalidSend(body: String, code: Int) {
        var script = Transcript.subscribed()
        _ = script.push(from: "zhang")
        _ = script.take()
        script.frame("aibot_send_msg", "s", body)
        #expect(script.take() == ["#1 ack s \(code)"])
        #expect(script.violations.count == (code == 0 ? 0 : 1))
    }
}
