import Testing

@testable import GatewaySimulator

@Suite("GatewayMachine: answers to messages")
struct StreamTests {
    private func bubbles(_ script: Transcript, _ message: PushedMessage) -> [String] {
        script.machine.answer(to: message.messageID).map { "\($0.text)\($0.isFinished ? "." : "…")" }
    }

    @Test("a stream replaces the bubble's text with each frame, and finishes once")
    func stream() {
        var script = Transcript.subscribed()
        let message = script.push()
        let request = message.requestID
        script.stream(request, "s", "Let me")
        #expect(bubbles(script, message) == ["Let me…"])
        script.stream(request, "s", "Let me look")
        script.stream(request, "s", "Here it is", finish: true)
        #expect(bubbles(script, message) == ["Here it is."])
        #expect(script.machine.answer(to: message.messageID)[0].frames == 3)
        #expect(script.take().dropFirst() == ["#1 ack \(request) 0", "#1 ack \(request) 0", "#1 ack \(request) 0"])
        #expect(script.violations.isEmpty)
    }

    @Test("a stream may be one frame, and finish defaults to false")
    func shapes() {
        var script = Transcript.subscribed()
        let whole = script.push()
        script.stream(whole.requestID, "s", "all", finish: true)
        #expect(bubbles(script, whole) == ["all."])
        let open = script.push()
        script.frame("aibot_respond_msg", open.requestID, #"{"msgtype":"stream","stream":{"id":"t"}}"#)
        #expect(bubbles(script, open) == ["…"])
    }

    @Test("a frame without content leaves the text as it is")
    func withoutContent() {
        var script = Transcript.subscribed()
        let message = script.push()
        script.stream(message.requestID, "s", "text")
        script.frame("aibot_respond_msg", message.requestID, #"{"msgtype":"stream","stream":{"id":"s","finish":true}}"#)
        #expect(bubbles(script, message) == ["text."])
        #expect(script.violations.isEmpty)
    }

    @Test("finishing with an empty text clears the bubble, and is recorded")
    func emptyFinish() {
        var script = Transcript.subscribed()
        let message = script.push()
        script.stream(message.requestID, "s", "text")
        script.stream(message.requestID, "s", "", finish: true)
        #expect(bubbles(script, message) == ["."])
        #expect(script.violations.count == 1)
    }

    @Test(
        "20,480 bytes of UTF-8 pass and 20,481 do not",
        arguments: [("a", 20_480), ("é", 10_240), ("中", 6_826), ("🙂", 5_120), ("e\u{301}", 6_826)],
        ["stream", "markdown"]
    )
    func limit(unit: (character: String, count: Int), type: String) {
        let fitting = String(repeating: unit.character, count: unit.count)
        let padding = String(repeating: "x", count: 20_480 - fitting.utf8.count)
        for (text, code) in [(fitting + padding, 0), (fitting + padding + "x", 40_058)] {
            var script = Transcript.subscribed()
            let message = script.push()
            _ = script.take()
            let content = #""content":"\#(text)""#
            script.frame(
                "aibot_respond_msg",
                message.requestID,
                #"{"msgtype":"\#(type)","\#(type)":{"id":"s",\#(content)}}"#
            )
            #expect(script.take() == ["#1 ack \(message.requestID) \(code)"])
            #expect(script.machine.answer(to: message.messageID).count == (code == 0 ? 1 : 0))
        }
    }

    @Test("a refused frame changes nothing: the stream goes on where it was")
    func refusedIsWithoutEffect() {
        var script = Transcript.subscribed()
        let message = script.push()
        script.stream(message.requestID, "s", "kept")
        script.stream(message.requestID, "s", String(repeating: "x", count: 20_481), finish: true)
        #expect(bubbles(script, message) == ["kept…"])
        script.stream(message.requestID, "s", "end", finish: true)
        #expect(bubbles(script, message) == ["end."])
    }

    @Test("nothing after finish: 846608, and recorded", arguments: [true, false])
    func afterFinish(finish: Bool) {
        var script = Transcript.subscribed()
        let message = script.push()
        script.stream(message.requestID, "s", "end", finish: true)
        _ = script.take()
        script.stream(message.requestID, "s", "more", finish: finish)
        #expect(script.take() == ["#1 ack \(message.requestID) 846608"])
        #expect(bubbles(script, message) == ["end."])
        #expect(script.violations == ["\(message.requestID): a frame for a finished stream"])
    }

    @Test("a second stream of a req_id waits for the first to finish")
    func secondStream() {
        var script = Transcript.subscribed()
        let message = script.push()
        _ = script.take()
        let ack = "#1 ack \(message.requestID)"
        script.stream(message.requestID, "s1", "one")
        script.stream(message.requestID, "s2", "two")
        #expect(script.take() == ["\(ack) 0", "\(ack) 40058"])
        script.stream(message.requestID, "s1", "one", finish: true)
        script.stream(message.requestID, "s2", "two", finish: true)
        #expect(script.take() == ["\(ack) 0", "\(ack) 0"])
        #expect(bubbles(script, message) == ["one.", "two."])
    }

    @Test("a stream id belongs to one answer")
    func streamIDReuse() {
        var script = Transcript.subscribed()
        let first = script.push()
        let second = script.push()
        script.stream(first.requestID, "s", "one", finish: true)
        script.stream(second.requestID, "s", "two", finish: true)
        #expect(bubbles(script, second).isEmpty)
        #expect(script.violations == ["\(second.requestID): a stream id that another answer uses"])
    }

    @Test("a stream is updated until six minutes after its first frame, and no longer")
    func lifetime() {
        var script = Transcript.subscribed()
        let message = script.push()
        script.advance(.seconds(120))
        _ = script.take()
        script.stream(message.requestID, "s", "a")
        script.advance(.seconds(360))
        script.stream(message.requestID, "s", "b")
        script.advance(.nanoseconds(1))
        script.stream(message.requestID, "s", "c", finish: true)
        let ack = "#1 ack \(message.requestID)"
        #expect(script.take() == ["\(ack) 0", "\(ack) 0", "\(ack) 846608"])
        #expect(script.violations.isEmpty)
        script.stream(message.requestID, "s2", "elsewhere", finish: true)
        #expect(bubbles(script, message) == ["b…", "elsewhere."])
    }

    @Test("a callback can be answered for 24 hours")
    func replyWindow() {
        var script = Transcript.subscribed()
        let message = script.push()
        script.advance(.seconds(86_400))
        _ = script.take()
        script.stream(message.requestID, "s", "a", finish: true)
        script.advance(.nanoseconds(1))
        script.stream(message.requestID, "t", "b", finish: true)
        #expect(script.take() == ["#1 ack \(message.requestID) 0", "#1 ack \(message.requestID) 846604"])
    }

    @Test("a req_id nobody gave, of an event, or of another bot gets 846605")
    func unknownRequest() {
        var script = Transcript.subscribed()
        let event = script.event(.enterChat)
        let message = script.push()
        script.connect(2)
        script.subscribe(2, bot: "second", secret: "other")
        _ = script.take()
        script.stream("made-up", "s", "x")
        script.stream(event.requestID, "s", "x")
        script.stream(message.requestID, "s", "x", on: 2)
        #expect(
            script.take() == [
                "#1 ack made-up 846605", "#1 ack \(event.requestID) 846605", "#2 ack \(message.requestID) 846605",
            ]
        )
        #expect(script.violations.count == 3)
    }

    @Test("whether a callback outlives its connection can be chosen", arguments: [true, false])
    func reconnect(survives: Bool) {
        var script = Transcript.subscribed { $0.requestsSurviveReconnect = survives }
        let message = script.push()
        script.disconnect(1)
        script.connect(2)
        script.subscribe(2)
        _ = script.take()
        script.stream(message.requestID, "s", "late", finish: true, on: 2)
        #expect(script.take() == ["#2 ack \(message.requestID) \(survives ? 0 : 846_605)"])
    }

    @Test("a second frame of a req_id before the acknowledgement of the first gets 6000, at once after it does not")
    func conflict() {
        var script = Transcript.subscribed { $0.acknowledgementLatency = .fixed(.milliseconds(200)) }
        let message = script.push()
        let other = script.push(from: "li")
        _ = script.take()
        script.stream(message.requestID, "s", "a")
        script.advance(.milliseconds(199))
        script.stream(message.requestID, "s", "b")
        script.stream(other.requestID, "t", "other chats do not mind")
        script.advance(.milliseconds(1))
        script.stream(message.requestID, "s", "c")
        script.advance(.seconds(1))
        let ack = "#1 ack \(message.requestID)"
        let expected = ["#1 ack sub 0", "\(ack) 0", "\(ack) 6000", "#1 ack \(other.requestID) 0", "\(ack) 0"]
        #expect(script.take() == expected)
        #expect(bubbles(script, message) == ["c…"])
        #expect(script.violations.count == 1)
    }

    @Test("a frame that was under way when its connection ended does not block the next connection")
    func conflictEndsWithConnection() {
        var script = Transcript.subscribed { $0.acknowledgementLatency = .fixed(.seconds(60)) }
        let message = script.push()
        script.stream(message.requestID, "s", "a")
        script.disconnect(1)
        script.connect(2)
        script.subscribe(2)
        script.stream(message.requestID, "s", "b", on: 2)
        #expect(bubbles(script, message) == ["b…"])
    }

    @Test(
        "what is missing or of the wrong type gets 40058",
        arguments: [
            "{}", #"{"msgtype":1}"#, #"{"msgtype":"stream"}"#, #"{"msgtype":"stream","stream":[]}"#,
            #"{"msgtype":"stream","stream":{"content":"x"}}"#, #"{"msgtype":"stream","stream":{"id":""}}"#,
            #"{"msgtype":"stream","stream":{"id":7}}"#, #"{"msgtype":"stream","stream":{"id":"s","finish":"true"}}"#,
            #"{"msgtype":"stream","stream":{"id":"s","finish":1}}"#,
            #"{"msgtype":"stream","stream":{"id":"s","content":1}}"#,
            #"{"msgtype":"stream","stream":{"id":"s","content":null}}"#,
            #"{"msgtype":"stream","stream":{"id":"s","feedback":{}}}"#,
            #"{"msgtype":"markdown"}"#, #"{"msgtype":"markdown","markdown":{}}"#, #"{"msgtype":"image","image":{}}"#,
            #"{"msgtype":"template_card","template_card":{}}"#,
        ]
    )
    func invalid(body: String) {
        var script = Transcript.subscribed()
        let message = script.push()
        _ = script.take()
        script.frame("aibot_respond_msg", message.requestID, body)
        #expect(script.take() == ["#1 ack \(message.requestID) 40058"])
        #expect(script.violations.count == 1)
        #expect(bubbles(script, message).isEmpty)
    }

    @Test("feedback.id may have 256 bytes and not 257", arguments: [(256, 0), (257, 40_058)])
    func feedback(length: Int, code: Int) {
        var script = Transcript.subscribed()
        let message = script.push()
        _ = script.take()
        let id = String(repeating: "f", count: length)
        script.frame(
            "aibot_respond_msg",
            message.requestID,
            #"{"msgtype":"stream","stream":{"id":"s","content":"x","feedback":{"id":"\#(id)"}}}"#
        )
        #expect(script.take() == ["#1 ack \(message.requestID) \(code)"])
    }

    @Test("text and unknown message types get 40008", arguments: ["text", "hologram", "stream_with_template_card"])
    func messageType(type: String) {
        var script = Transcript.subscribed()
        let message = script.push()
        _ = script.take()
        script.frame("aibot_respond_msg", message.requestID, #"{"msgtype":"\#(type)","\#(type)":{"content":"x"}}"#)
        #expect(script.take() == ["#1 ack \(message.requestID) 40008"])
        #expect(script.violations.count == 1)
    }

    @Test("several whole messages may answer one callback")
    func whole() {
        var script = Transcript.subscribed()
        let message = script.push()
        script.frame("aibot_respond_msg", message.requestID, #"{"msgtype":"markdown","markdown":{"content":"**a**"}}"#)
        script.frame("aibot_respond_msg", message.requestID, #"{"msgtype":"markdown","markdown":{"content":"b"}}"#)
        #expect(bubbles(script, message) == ["**a**.", "b."])
        #expect(script.machine.answer(to: message.messageID).map(\.messageType) == ["markdown", "markdown"])
        #expect(script.violations.isEmpty)
    }

    @Test("only so many callbacks are remembered")
    func forgetting() {
        var script = Transcript.subscribed { $0.rememberedCallbacks = 2 }
        let messages = (0..<3).map { script.push("\($0)") }
        _ = script.take()
        for message in messages { script.stream(message.requestID, "s\(message.messageID)", "x", finish: true) }
        #expect(
            script.take() == [
                "#1 ack \(messages[0].requestID) 846605", "#1 ack \(messages[1].requestID) 0",
                "#1 ack \(messages[2].requestID) 0",
            ]
        )
    }
}
