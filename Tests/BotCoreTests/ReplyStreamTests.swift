import BotCore
import BotFoundation
import TestSupport
import Testing

@Suite("ReplyStream", .timeLimit(.minutes(10)))
struct ReplyStreamTests {
    private let clock = ManualClock()
    private let capture = LogCapture()

    /// Runs `body` while the stream is pumped through `channel`, and ends the stream if `body` has not.
    private func drive(
        _ channel: RecordingChannel,
        _ body: (ReplyStream) async -> Void
    ) async -> ReplyStream {
        let stream = ReplyStream(capabilities: channel.capabilities, log: capture.log)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [clock] in await stream.run(through: channel, timeline: Timeline(clock)) }
            await body(stream)
            stream.end()
        }
        return stream
    }

    @Test("writes that come in quick succession are one update, after the interval")
    func writesAreCollected() async {
        let channel = RecordingChannel()
        let stream = await drive(channel) { stream in
            stream.append("a")
            #expect(await channel.sent.next()?.text == "a")
            for letter in "bcdef" { stream.append(String(letter)) }
            await clock.waitForSleepers(1)
            #expect(channel.updates.count == 1)
            clock.advance(by: .milliseconds(300))
            #expect(await channel.sent.next()?.text == "abcdef")
        }
        #expect(channel.updates.map(\.text) == ["a", "abcdef", "abcdef"])
        #expect(channel.updates.map(\.isFinal) == [false, false, true])
        #expect(stream.outcome == .delivered)
    }

    @Test("finish does not wait for the interval, and its timer is gone")
    func finishCancelsTimer() async {
        let channel = RecordingChannel()
        _ = await drive(channel) { stream in
            stream.append("a")
            await channel.sent.next()
            stream.append("b")
            await clock.waitForSleepers(1)
            #expect(await stream.finish() == .delivered)
        }
        #expect(channel.finals == ["ab"])
        #expect(clock.sleepers == 0)
    }

    @Test("a write never waits for the network, and one update is outstanding at a time")
    func writeDoesNotWait() async {
        let channel = RecordingChannel(automatic: nil)
        _ = await drive(channel) { stream in
            let reply = Reply(stream)
            await reply.write("a")
            await channel.sent.next()
            for _ in 0..<1_000 { await reply.write("b") }
            clock.advance(by: .seconds(60))
            #expect(channel.updates.count == 1)
            channel.settle(.delivered)
            #expect(await channel.sent.next()?.text == "a" + String(repeating: "b", count: 1_000))
            stream.end()
            #expect(channel.updates.count == 2)
            channel.settle(.delivered)
            channel.settle(.delivered)
        }
        #expect(channel.mostOutstanding == 1)
    }

    @Test("finish gives the server's verdict, and the same one to everybody and again")
    func finishGivesVerdict() async {
        let verdict = Delivery.refused(.init(code: 846_608, "stream message update expired"))
        let channel = RecordingChannel(automatic: verdict)
        _ = await drive(channel) { stream in
            let reply = Reply(stream)
            await reply.write("a")
            async let first = reply.finish()
            async let second = reply.finish("other")
            #expect(await [first, second] == [verdict, verdict])
            #expect(await reply.finish() == verdict)
        }
    }

    @Test("a waiter that is cancelled does not know the verdict; the answer goes on")
    func cancelledFinish() async {
        let channel = RecordingChannel(automatic: nil)
        let stream = await drive(channel) { stream in
            stream.append("a")
            let waiter = Task { await stream.finish() }
            let first = await channel.sent.next()
            waiter.cancel()
            guard case .unknown(let reason) = await waiter.value else {
                Issue.record("not unknown")
                return
            }
            #expect(reason.message.contains("cancelled"))
            channel.settle(.delivered)
            if first?.isFinal == false { channel.settle(.delivered) }
        }
        #expect(stream.outcome == .delivered)
        #expect(channel.finals == ["a"])
    }

    @Test("text after the end is ignored, counted, and logged once")
    func writeAfterEnd() async {
        let channel = RecordingChannel()
        let stream = await drive(channel) { stream in
            let reply = Reply(stream)
            await reply.finish("a")
            await reply.write("b")
            await reply.replace("c")
            await reply.finish("d")
        }
        #expect(channel.finals == ["a"])
        #expect(stream.ignoredWrites == 3)
        #expect(capture.messages(from: .info) == ["text written after the end of the answer is ignored"])
    }

    @Test("a cancelled pump ends the answer with the text it has, wherever it was")
    func cancelledPump() async {
        for isWaitingForTime in [false, true] {
            let channel = RecordingChannel()
            let stream = ReplyStream(capabilities: channel.capabilities)
            let clock = ManualClock()
            let pump = Task { await stream.run(through: channel, timeline: Timeline(clock)) }
            stream.append("a")
            await channel.sent.next()
            if isWaitingForTime {
                stream.append("b")
                await clock.waitForSleepers(1)
            }
            pump.cancel()
            await pump.value
            #expect(channel.finals == [isWaitingForTime ? "ab" : "a"])
            #expect(stream.outcome == .delivered)
            #expect(clock.sleepers == 0)
        }
    }

    @Test("a long answer goes out whole in several bubbles while it is written")
    func longAnswer() async {
        let channel = RecordingChannel()
        let text = String(repeating: "一二三四五六七八九十。\n", count: 4_000)
        let stream = await drive(channel) { stream in
            for character in text { stream.append(String(character)) }
        }
        #expect(channel.finals.joined().utf8.elementsEqual(text.utf8))
        #expect(channel.finals.allSatisfy { $0.utf8.count <= 20_480 })
        #expect(stream.outcome == .delivered)
    }

    @Test("the driver wakes to keep a bubble alive and to end it, and not again before there is new text")
    func longSilence() async {
        let channel = RecordingChannel(bubbleWindow: .seconds(330), keepAlive: .seconds(225))
        let stream = await drive(channel) { stream in
            stream.append("想")
            await channel.sent.next()
            await clock.waitForSleepers(1)
            clock.advance(by: .seconds(225) - .nanoseconds(1))
            #expect(channel.updates.count == 1)
            clock.advance(by: .nanoseconds(1))
            #expect(await channel.sent.next() == BubbleUpdate(bubble: 0, text: "想", isFinal: false))
            await clock.waitForSleepers(1)
            clock.advance(by: .seconds(105))
            #expect(await channel.sent.next() == BubbleUpdate(bubble: 0, text: "想", isFinal: true))
            clock.advance(by: .seconds(3_600))
            stream.append("好")
            #expect(await channel.sent.next() == BubbleUpdate(bubble: 1, text: "好", isFinal: false))
        }
        #expect(channel.finals == ["想", "好"])
        #expect(stream.outcome == .delivered)
        #expect(clock.sleepers == 0)
    }

    @Test("a distant time costs one timer, however often there is new text before it")
    func oneDistantTimer() async {
        let channel = RecordingChannel(bubbleWindow: .seconds(330), keepAlive: .seconds(225))
        _ = await drive(channel) { stream in
            for _ in 0..<100 {
                stream.append("a")
                await channel.sent.next()
                await clock.waitForSleepers(1)
                clock.advance(by: .milliseconds(300))
            }
            #expect(clock.sleepers <= 2)
        }
        #expect(channel.finals == [String(repeating: "a", count: 100)])
        #expect(clock.sleepers == 0)
    }
}
