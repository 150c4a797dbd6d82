import Testing

@testable import GatewaySimulator

@Suite("GatewayMachine: faults")
struct FaultTests {
    /// A subscribed machine with one message, and the start of its acknowledgements.
    private func begin(
        _ change: (inout GatewayConfiguration) -> Void = { _ in }
    ) -> (script: Transcript, message: PushedMessage, ack: String) {
        var script = Transcript.subscribed(change)
        let message = script.push()
        _ = script.take()
        return (script, message, "#1 ack \(message.requestID)")
    }

    @Test("a dropped acknowledgement: the frame has its effect, once, and the next is answered")
    func drop() {
        var (script, message, ack) = begin()
        script.inject(.dropNextAcknowledgement)
        script.stream(message.requestID, "s", "a")
        #expect(script.take().isEmpty)
        #expect(script.machine.answer(to: message.messageID)[0].text == "a")
        script.stream(message.requestID, "s", "b")
        #expect(script.take() == ["\(ack) 0"])
        #expect(script.violations.isEmpty)
    }

    @Test("a slow frame: others of its req_id get 6000 until it is acknowledged")
    func delay() {
        var (script, message, ack) = begin()
        script.inject(.onFrame(.replies, .delay(.seconds(6))))
        script.stream(message.requestID, "s", "a")
        script.advance(.seconds(5))
        script.stream(message.requestID, "s", "b")
        #expect(script.take() == ["\(ack) 6000"])
        script.advance(.seconds(1))
        #expect(script.take() == ["\(ack) 0"])
        script.stream(message.requestID, "s", "c")
        #expect(script.take() == ["\(ack) 0"])
    }

    @Test("a late acknowledgement is overtaken by that of the next frame")
    func lateAcknowledgement() {
        var (script, message, ack) = begin()
        script.inject(.onFrame(.replies, .delayAcknowledgement(.seconds(6))))
        script.inject(.onFrame(.replies, .answer(.streamOver), skipping: 0))
        script.stream(message.requestID, "s", "a")
        script.advance(.seconds(5))
        script.stream(message.requestID, "s", "end", finish: true)
        #expect(script.take() == ["\(ack) 846608"])
        script.stream(message.requestID, "s", "b")
        #expect(script.take() == ["\(ack) 0"])
        script.advance(.seconds(1))
        #expect(script.take() == ["\(ack) 0"])
        let bubble = script.machine.answer(to: message.messageID)[0]
        #expect(bubble.text == "b" && !bubble.isFinished)
        #expect(script.violations.isEmpty)
    }

    @Test("6000 three times, then accepted", arguments: [1, 3])
    func refuse(times: Int) {
        var (script, message, ack) = begin()
        script.inject(.refuse(.conflict, times: times))
        for _ in 0...times { script.stream(message.requestID, "s", "end", finish: true) }
        #expect(script.take() == Array(repeating: "\(ack) 6000", count: times) + ["\(ack) 0"])
        #expect(script.violations.isEmpty)
    }

    @Test("zero times is never")
    func zeroTimes() {
        var (script, message, ack) = begin()
        script.inject(.refuse(.throttled, times: 0))
        script.stream(message.requestID, "s", "a")
        #expect(script.take() == ["\(ack) 0"])
    }

    @Test("the nth frame of one chat is hit, and nothing else")
    func nth() {
        var (script, message, ack) = begin()
        let other = script.push(from: "li", in: "group")
        _ = script.take()
        script.inject(.onFrame(.answers(in: "zhang"), .answer(.throttled), skipping: 2))
        for number in 1...4 {
            script.stream(other.requestID, "o", "\(number)")
            script.frame("ping", "p")
            script.stream(message.requestID, "s", "\(number)")
        }
        #expect(script.take().filter { $0.hasPrefix(ack) } == ["\(ack) 0", "\(ack) 0", "\(ack) 45009", "\(ack) 0"])
        #expect(script.machine.answer(to: other.messageID)[0].text == "4")
    }

    @Test("a filter for final frames lets the others pass; one for a chat sees pushes too")
    func filters() {
        var (script, message, ack) = begin()
        script.inject(.onFrame(FrameFilter(isFinal: true), .answer(.streamOver)))
        script.inject(.onFrame(FrameFilter(commands: [.send], chat: "zhang"), .answer(.invalidChat)))
        script.stream(message.requestID, "s", "a")
        script.stream(message.requestID, "s", "b", finish: true)
        script.frame("aibot_send_msg", "s", #"{"chatid":"zhang","msgtype":"markdown","markdown":{"content":"x"}}"#)
        #expect(script.take() == ["\(ack) 0", "\(ack) 846608", "#1 ack s 93006"])
    }

    @Test("faults happen in the order of injection, one per frame, and can be cleared")
    func order() {
        var (script, message, ack) = begin()
        script.inject(.refuse(.conflict))
        script.inject(.refuse(.throttled))
        script.inject(.refuse(.notSubscribed))
        script.stream(message.requestID, "s", "a")
        script.stream(message.requestID, "s", "a")
        script.machine.clearFaults()
        script.stream(message.requestID, "s", "a")
        #expect(script.take() == ["\(ack) 6000", "\(ack) 45009", "\(ack) 0"])
    }

    @Test("a reset before the frame leaves no trace of it; one after it does")
    func reset() {
        for (fault, texts) in [(FrameFault.instead(.reset), []), (.after(.reset), ["a"])] {
            var (script, message, _) = begin()
            script.inject(.onFrame(.replies, fault))
            script.stream(message.requestID, "s", "a")
            script.frame("ping", "p")
            #expect(script.take() == ["#1 abort"])
            #expect(script.machine.answer(to: message.messageID).map(\.text) == texts)
            #expect(script.machine.subscribedConnection(of: "bot") == nil)
        }
    }

    @Test("any close code can be sent; 1006 is no code but a reset", arguments: [1_000, 1_001, 1_011, 1_012, 4_000])
    func close(code: Int) {
        var (script, _, _) = begin()
        script.inject(.now(.close(code: UInt16(code))))
        script.inject(.now(.close(code: 1_000)))
        #expect(script.take() == ["#1 close \(code)"])
        var (second, _, _) = begin()
        second.inject(.now(.close(code: 1_006)))
        #expect(second.take() == ["#1 abort"])
    }

    @Test("an ending connection drops the acknowledgements it owed")
    func closeDropsDeferred() {
        var (script, message, _) = begin { $0.acknowledgementLatency = .fixed(.seconds(1)) }
        script.stream(message.requestID, "s", "a")
        script.inject(.now(.reset))
        script.advance(.seconds(2))
        #expect(script.take() == ["#1 abort"])
    }

    @Test("mute: open, read, recorded, never answered, not even what was owed; a new connection is")
    func mute() {
        var (script, message, _) = begin { $0.acknowledgementLatency = .fixed(.seconds(1)) }
        script.stream(message.requestID, "s", "a")
        script.inject(.now(.mute))
        script.advance(.seconds(2))
        script.frame("ping", "p")
        script.inject(.now(.garbage(.nullHeaders)))
        let lost = script.push("more")
        #expect(script.take().isEmpty)
        #expect(script.observations.last?.event == .lost(lost))
        #expect(
            script.observations.contains { observation in
                guard case .received(_, "ping", "p", _) = observation.event else { return false }
                return true
            }
        )
        script.connect(2)
        script.subscribe(2)
        script.advance(.seconds(10))
        #expect(script.take() == ["#2 ack sub 0", "#1 abort"])
    }

    @Test("subscribe refused twice, then accepted")
    func refuseSubscribe() {
        var script = Transcript()
        script.inject(.refuseSubscribe(.throttled, times: 2))
        script.connect(1)
        for _ in 1...3 { script.subscribe(1) }
        #expect(script.take() == ["#1 ack sub 45009", "#1 ack sub 45009", "#1 ack sub 0"])
    }

    @Test("subscribe never answered: the socket stays open and unsubscribed")
    func ignoreSubscribe() {
        var script = Transcript()
        script.inject(.ignoreSubscribe())
        script.connect(1)
        script.subscribe(1)
        script.frame("ping", "p")
        #expect(script.take() == ["#1 ack p 846609"])
        script.subscribe(1)
        #expect(script.take() == ["#1 ack sub 0"])
    }

    @Test("a callback is repeated to the byte, on the connection that is subscribed now")
    func repeatCallback() {
        var (script, message, _) = begin()
        let bytes = script.lastBytes
        script.disconnect(1)
        script.connect(2)
        script.subscribe(2)
        _ = script.take()
        script.inject(.now(.repeatCallback(messageID: message.messageID)))
        script.inject(.now(.repeatCallback(messageID: "unknown")))
        #expect(script.take() == ["#2 aibot_msg_callback \(message.requestID) text"])
        #expect(script.lastBytes == bytes)
    }

    @Test("a displaced_event out of the blue ends like a real one")
    func displace() {
        var (script, message, ack) = begin()
        script.inject(.now(.displace))
        script.stream(message.requestID, "s", "a")
        script.advance(.seconds(3))
        #expect(
            script.take() == ["#1 aibot_event_callback sim-req-2 disconnected_event", "\(ack) 846609", "#1 abort"]
        )
    }

    @Test("a forgotten subscription gives 846609 on an open socket, which may subscribe again")
    func forget() {
        var (script, message, ack) = begin()
        script.inject(.now(.forgetSubscription))
        script.stream(message.requestID, "s", "a")
        script.subscribe(1)
        script.stream(message.requestID, "s", "a")
        #expect(script.take() == ["\(ack) 846609", "#1 ack sub 0", "\(ack) 0"])
    }

    @Test("reading is paused and resumed")
    func freeze() {
        var (script, _, _) = begin()
        script.inject(.now(.freezeReading))
        script.inject(.now(.resumeReading))
        #expect(script.take() == ["#1 pause", "#1 resume"])
    }

    @Test("without a subscribed connection a fault hits the newest one; without any, nothing")
    func target() {
        var script = Transcript()
        script.inject(.now(.reset))
        script.connect(1)
        script.connect(2)
        script.inject(.now(.reset))
        script.inject(.now(.reset))
        script.inject(.now(.reset))
        #expect(script.take() == ["#2 abort", "#1 abort"])
    }

    @Test("latencies are drawn within their bound, and the same for the same seed")
    func latency() {
        func acknowledgedAt(seed: UInt64) -> [Duration] {
            var script = Transcript.subscribed {
                $0.seed = seed
                $0.acknowledgementLatency = .upTo(.milliseconds(100))
            }
            script.advance(.seconds(1))
            for number in 0..<20 { script.frame("ping", "p\(number)") }
            let sentAt = script.now
            script.advance(.seconds(1))
            return script.observations.compactMap { observation in
                guard case .acknowledged(_, let id, _) = observation.event, id.hasPrefix("p") else { return nil }
                return observation.at - sentAt
            }
        }
        let first = acknowledgedAt(seed: 7)
        #expect(first.count == 20)
        #expect(first.allSatisfy { $0 >= .zero && $0 <= .milliseconds(100) })
        #expect(first == acknowledgedAt(seed: 7))
        #expect(first != acknowledgedAt(seed: 8))
    }

    @Test("garbage of every kind goes out", arguments: Garbage.allCases)
    func garbage(kind: Garbage) {
        var script = Transcript.subscribed()
        script.inject(.now(.garbage(kind)))
        let line = script.take().first
        let size = script.lastBytes.count
        switch kind {
        case .binaryJunk: #expect(line == "#1 binary 64")
        case .empty: #expect(line == "#1 text 0")
        case .nullHeaders: #expect(script.lastBytes == Array(#"{"headers":null}"#.utf8))
        case .truncated, .array: #expect(line == "#1 text \(size)")
        case .unknownCommand: #expect(line == "#1 aibot_not_yet_invented sim-junk-1 -")
        case .unknownMessageType: #expect(line == "#1 aibot_msg_callback sim-junk-1 hologram")
        case .strayAcknowledgement: #expect(line == "#1 ack sim-junk-1 0")
        case .huge: #expect(line == "#1 text \(size)" && size > 5 * 1_024 * 1_024)
        case .deeplyNested: #expect(script.lastBytes.count { $0 == UInt8(ascii: "[") } == 100_000)
        }
    }
}
