import Testing

@testable import GatewaySimulator

@Suite("GatewayMachine: subscribe, ping, displacement")
struct SubscribeTests {
    @Test("the right credentials subscribe")
    func accepted() {
        var script = Transcript()
        script.connect(1)
        script.subscribe(1)
        #expect(script.take() == ["#1 ack sub 0"])
        #expect(script.machine.subscribedConnection(of: "bot") == ConnectionID(rawValue: 1))
        #expect(script.violations.isEmpty)
    }

    @Test(
        "wrong credentials get 853000 on a socket that stays open, and may try again",
        arguments: [("bot", "wrong"), ("nobody", "s3cr3t"), ("bot", "other"), ("bot", "")]
    )
    func refused(bot: String, secret: String) {
        var script = Transcript()
        script.connect(1)
        script.subscribe(1, bot: bot, secret: secret)
        script.subscribe(1, "again")
        #expect(script.take() == ["#1 ack sub 853000", "#1 ack again 0"])
    }

    @Test(
        "missing or mistyped credentials get 40058",
        arguments: [#"{"bot_id":"bot"}"#, #"{"secret":"s3cr3t"}"#, #"{"bot_id":1,"secret":"s3cr3t"}"#, "null", "[]"]
    )
    func mistyped(body: String) {
        var script = Transcript()
        script.connect(1)
        script.frame("aibot_subscribe", "sub", body)
        #expect(script.take() == ["#1 ack sub 40058"])
        #expect(script.violations.count == 1)
    }

    @Test("a second subscribe on a subscribed socket is refused, and changes nothing")
    func twice() {
        var script = Transcript.subscribed()
        script.subscribe(1, "again")
        #expect(script.take() == ["#1 ack again 40058"])
        #expect(script.violations == ["subscribed twice on one socket"])
        script.frame("ping", "p")
        #expect(script.take() == ["#1 ack p 0"])
    }

    @Test(
        "before subscribe everything else gets 846609",
        arguments: ["ping", "aibot_respond_msg", "aibot_send_msg", "aibot_respond_welcome_msg", "invented"]
    )
    func beforeSubscribe(command: String) {
        var script = Transcript()
        script.connect(1)
        script.frame(command, "r", "{}")
        #expect(script.take() == ["#1 ack r 846609"])
        #expect(script.violations.count == 1)
    }

    @Test("a ping is acknowledged, with a body too")
    func ping() {
        var script = Transcript.subscribed()
        script.frame("ping", "p1")
        script.frame("ping", "p2", "{}")
        #expect(script.take() == ["#1 ack p1 0", "#1 ack p2 0"])
        #expect(script.violations.isEmpty)
    }

    @Test("an unknown command gets 40008")
    func unknownCommand() {
        var script = Transcript.subscribed()
        script.frame("invented", "r")
        #expect(script.take() == ["#1 ack r 40008"])
        #expect(script.violations == ["unknown command invented"])
    }

    @Test("what is no frame is recorded and not answered")
    func malformed() {
        var script = Transcript.subscribed()
        script.receive(#"{"cmd":"ping""#)
        #expect(script.take().isEmpty)
        #expect(script.violations == ["malformed frame: 13 bytes that are not JSON"])
    }

    @Test("a frame in a binary message is handled, and recorded")
    func binary() {
        var script = Transcript.subscribed()
        script.receive(#"{"cmd":"ping","headers":{"req_id":"p"}}"#, isText: false)
        #expect(script.take() == ["#1 ack p 0"])
        #expect(script.violations == ["ping in a binary message"])
    }

    @Test("a newer subscribe displaces the older, which ends later without a close frame")
    func displaced() {
        var script = Transcript.subscribed()
        script.connect(2)
        script.subscribe(2)
        #expect(script.take() == ["#2 ack sub 0", "#1 aibot_event_callback sim-req-1 disconnected_event"])
        #expect(script.machine.subscribedConnection(of: "bot") == ConnectionID(rawValue: 2))
        script.frame("ping", "old", on: 1)
        script.frame("ping", "new", on: 2)
        #expect(script.take() == ["#1 ack old 846609", "#2 ack new 0"])
        script.advance(.milliseconds(2_199))
        #expect(script.take().isEmpty)
        script.advance(.milliseconds(1))
        #expect(script.take() == ["#1 abort"])
        _ = script.push()
        #expect(script.take() == ["#2 aibot_msg_callback sim-req-2 text"])
    }

    @Test("how and whether a displaced connection ends can be chosen")
    func displacedConfiguration() {
        var closing = Transcript.subscribed {
            $0.displacedCloseDelay = .seconds(313)
            $0.displacedCloseCode = 1_000
        }
        closing.connect(2)
        closing.subscribe(2)
        _ = closing.take()
        closing.advance(.seconds(313))
        #expect(closing.take() == ["#1 close 1000"])

        var open = Transcript.subscribed { $0.displacedCloseDelay = nil }
        open.connect(2)
        open.subscribe(2)
        _ = open.take()
        open.advance(.seconds(1_000_000))
        #expect(open.take().isEmpty)
    }

    @Test("a displaced socket cannot be subscribed again")
    func displacedAgain() {
        var script = Transcript.subscribed()
        script.connect(2)
        script.subscribe(2)
        _ = script.take()
        script.subscribe(1)
        #expect(script.take() == ["#1 ack sub 846609"])
        #expect(script.machine.subscribedConnection(of: "bot") == ConnectionID(rawValue: 2))
    }

    @Test("another bot displaces nobody")
    func otherBot() {
        var script = Transcript.subscribed()
        script.connect(2)
        script.subscribe(2, bot: "second", secret: "other")
        #expect(script.take() == ["#2 ack sub 0"])
        #expect(script.machine.subscribedConnection(of: "bot") == ConnectionID(rawValue: 1))
    }

    @Test("disconnected_event is as documented: no from, no chat")
    func disconnectedEvent() {
        var script = Transcript.subscribed()
        script.advance(.seconds(399))
        script.inject(.now(.displace))
        #expect(
            String(decoding: script.lastBytes, as: UTF8.self)
                == #"{"body":{"aibotid":"bot","create_time":1767225999,"event":{"eventtype":"disconnected_event"},"#
                + #""msgid":"sim-event-1","msgtype":"event"},"cmd":"aibot_event_callback","headers":{"req_id":"sim-req-1"}}"#
        )
    }

    @Test("the end of a connection is recorded once, and frees its bot")
    func disconnected() {
        var script = Transcript.subscribed()
        script.disconnect(1)
        script.disconnect(1)
        let ends = script.observations.filter { $0.event == .closed(ConnectionID(rawValue: 1), code: 1_006) }
        #expect(ends.count == 1)
        #expect(script.machine.subscribedConnection(of: "bot") == nil)
        script.connect(2)
        script.subscribe(2)
        #expect(script.take() == ["#2 ack sub 0"])
    }

    @Test("no description carries a secret")
    func secrets() {
        var script = Transcript()
        script.connect(1)
        script.subscribe(1, secret: "wrong-secret")
        script.subscribe(1)
        script.subscribe(1)
        script.receive(#"{"cmd":"aibot_subscribe","headers":{},"body":{"bot_id":"bot","secret":"s3cr3t"}}"#)
        script.receive(#"{"cmd":"aibot_subscribe","secret":"s3cr3t""#)
        let printed = script.observations.map { "\($0) \(String(reflecting: $0))" }.joined()
        #expect(!printed.contains("s3cr3t") && !printed.contains("wrong-secret"))
        #expect(!String(reflecting: script.machine).contains("s3cr3t"))
        var dumped = ""
        dump(script.machine, to: &dumped)
        #expect(!dumped.contains("s3cr3t"))
    }
}
