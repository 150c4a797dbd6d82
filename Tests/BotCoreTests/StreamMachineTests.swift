import BotCore
import TestSupport
import Testing

@Suite("StreamMachine")
struct StreamMachineTests {
    /// A machine with a time of its own, driven by hand.
    private struct Subject {
        var machine: StreamMachine
        var now = ContinuousClock.now

        init(maximumBytes: Int = 20_480, streams: Bool = true) {
            machine = StreamMachine(capabilities: ReplyCapabilities(maximumBytes: maximumBytes, streams: streams))
        }

        mutating func next() -> StreamMachine.Step { machine.next(now: now) }
        mutating func append(_ text: String) -> StreamMachine.Effect { machine.append(text) }
        mutating func advance(_ duration: Duration) { now += duration }
        /// Settles what is outstanding and asks for the next step.
        mutating func settle(_ delivery: Delivery = .delivered) -> StreamMachine.Step {
            machine.settled(delivery)
            return next()
        }
    }

    private func intermediate(_ text: String, _ bubble: Int = 0) -> StreamMachine.Step {
        .send(BubbleUpdate(bubble: bubble, text: text, isFinal: false))
    }

    private func final(_ text: String, _ bubble: Int = 0) -> StreamMachine.Step {
        .send(BubbleUpdate(bubble: bubble, text: text, isFinal: true))
    }

    private let no = Delivery.refused(.init(code: 40_008, "no"))
    private let lost = Delivery.unknown(.init("lost"))

    @Test("the first text goes at once, the next after the interval, with all text so far")
    func firstAtOnce() {
        var subject = Subject()
        #expect(subject.next() == .idle)
        #expect(subject.append("你") == .attention)
        #expect(subject.next() == intermediate("你"))
        let sent = subject.now
        #expect(subject.append("好") == .none)
        #expect(subject.next() == .idle)
        #expect(subject.settle() == .wait(until: sent + .milliseconds(300)))
        #expect(subject.append("吗") == .none)
        subject.advance(.milliseconds(300) - .nanoseconds(1))
        #expect(subject.next() == .wait(until: sent + .milliseconds(300)))
        subject.advance(.nanoseconds(1))
        #expect(subject.next() == intermediate("你好吗"))
    }

    @Test("a verdict that comes after the interval lets the next go at once")
    func lateVerdict() {
        var subject = Subject()
        _ = subject.append("a")
        #expect(subject.next() == intermediate("a"))
        subject.advance(.seconds(7))
        #expect(subject.append("b") == .none)
        #expect(subject.settle() == intermediate("ab"))
    }

    @Test(
        "the interval grows by 75 ms per KiB from 300 ms on",
        arguments: [(1, 300_000), (4_095, 300_000), (4_096, 300_000), (5_120, 375_000), (20_480, 1_500_000)]
    )
    func interval(bytes: Int, microseconds: Int) {
        var subject = Subject()
        _ = subject.append("a")
        _ = subject.next()
        _ = subject.append(String(repeating: "b", count: bytes - 1) + (bytes == 1 ? "c" : ""))
        #expect(subject.settle() == .wait(until: subject.now + .microseconds(microseconds)))
    }

    @Test("a text that was just sent is not sent again, but the final one is")
    func identicalText() {
        var subject = Subject()
        _ = subject.append("abc")
        #expect(subject.next() == intermediate("abc"))
        #expect(subject.settle() == .idle)
        #expect(subject.machine.replace("abc") == .attention)
        #expect(subject.next() == .idle)
        subject.advance(.seconds(1))
        #expect(subject.next() == .idle)
        #expect(subject.append("") == .none)
        #expect(subject.machine.finish() == .attention)
        #expect(subject.next() == final("abc"))
        #expect(subject.settle() == .done(.delivered))
    }

    @Test("equivalent text of other bytes is another text")
    func equivalentText() {
        var subject = Subject()
        _ = subject.append("e\u{301}é")
        _ = subject.next()
        _ = subject.settle()
        _ = subject.machine.replace("ée\u{301}")
        subject.advance(.seconds(1))
        guard case .send(let update) = subject.next() else {
            Issue.record("nothing is sent")
            return
        }
        #expect(update.text.utf8.elementsEqual("ée\u{301}".utf8))
    }

    @Test("the final update does not wait for the interval, only for what is outstanding")
    func finalIsImmediate() {
        var subject = Subject()
        _ = subject.append("a")
        _ = subject.next()
        _ = subject.append("b")
        #expect(subject.machine.finish() == .none)
        #expect(subject.next() == .idle)
        #expect(subject.settle() == final("ab"))
        #expect(subject.settle() == .done(.delivered))
        #expect(subject.machine.outcome == .delivered)
    }

    @Test("an answer without visible text is refused and nothing is sent", arguments: ["", " ", "\n\u{3000}\t"])
    func empty(text: String) {
        var subject = Subject()
        _ = subject.append(text)
        #expect(subject.next() == .idle)
        #expect(subject.machine.finish() == .attention)
        #expect(subject.next() == .done(.refused(.init("the answer is empty: nothing was sent"))))
    }

    @Test("a bubble that has shown text is not cleared by a blank end", arguments: ["", " \n"])
    func closingText(text: String) {
        var subject = Subject()
        _ = subject.append("thinking")
        _ = subject.next()
        _ = subject.settle(lost)
        _ = subject.machine.replace(text)
        subject.advance(.seconds(1))
        #expect(subject.next() == .idle)
        _ = subject.machine.finish()
        #expect(subject.next() == final("✅"))
    }

    @Test("a bubble that was refused has shown nothing")
    func refusedIsNotShown() {
        var subject = Subject()
        _ = subject.append("thinking")
        _ = subject.next()
        _ = subject.settle(no)
        _ = subject.machine.replace("")
        _ = subject.machine.finish()
        #expect(subject.next() == .done(.refused(.init("the answer is empty: nothing was sent"))))
    }

    @Test("the fate of an intermediate update is not that of the answer")
    func intermediateRefused() {
        var subject = Subject()
        _ = subject.append("a")
        _ = subject.next()
        _ = subject.append("b")
        _ = subject.machine.finish()
        #expect(subject.settle(no) == final("ab"))
        #expect(subject.settle() == .done(.delivered))
    }

    @Test("the outcome is the worst of the final updates, and of equally bad ones the first")
    func worstOutcome() {
        let other = Delivery.refused(.init(code: 1, "other"))
        let elsewhere = Delivery.redirected(.init("elsewhere"))
        let cases: [([Delivery], Delivery)] = [
            ([.delivered, .delivered], .delivered), ([lost, .delivered], lost), ([.delivered, lost], lost),
            ([lost, no], no), ([no, lost], no), ([no, other], no), ([no, .delivered], no),
            ([.delivered, elsewhere], elsewhere), ([elsewhere, lost], lost), ([no, elsewhere], no),
        ]
        for (verdicts, outcome) in cases {
            var subject = Subject(maximumBytes: 4)
            _ = subject.append("aaaabbbb")
            _ = subject.machine.finish()
            #expect(subject.next() == final("aaaa"))
            #expect(subject.settle(verdicts[0]) == final("bbbb", 1))
            #expect(subject.settle(verdicts[1]) == .done(outcome))
        }
    }

    @Test("a text that outgrows its bubble continues in the next, at a good place")
    func overflow() {
        var subject = Subject(maximumBytes: 20)
        _ = subject.append("first line\nsecond")
        #expect(subject.next() == intermediate("first line\nsecond"))
        #expect(subject.settle() == .idle)
        #expect(subject.append(" line") == .attention)
        #expect(subject.next() == final("first line\n"))
        #expect(subject.settle() == .wait(until: subject.now + .milliseconds(300)))
        subject.advance(.milliseconds(300))
        #expect(subject.next() == intermediate("second line", 1))
        _ = subject.machine.finish()
        #expect(subject.settle() == final("second line", 1))
    }

    @Test("20,480 bytes are one bubble and 20,481 are two", arguments: [20_479, 20_480, 20_481])
    func limit(bytes: Int) {
        var subject = Subject()
        let text = String(repeating: "字", count: bytes / 3) + String(repeating: "x", count: bytes % 3)
        _ = subject.append(text)
        _ = subject.machine.finish()
        guard case .send(let update) = subject.next() else {
            Issue.record("nothing is sent")
            return
        }
        #expect(update.isFinal && update.bubble == 0)
        #expect((update.text == text) == (bytes <= 20_480))
        let step = subject.settle()
        #expect((step == .done(.delivered)) == (bytes <= 20_480))
    }

    @Test("a replacement that starts with what is final continues after it")
    func replaceContinues() {
        var subject = Subject(maximumBytes: 4)
        _ = subject.append("aaaabb")
        #expect(subject.next() == final("aaaa"))
        _ = subject.machine.replace("aaaacc")
        _ = subject.machine.finish()
        #expect(subject.settle() == final("cc", 1))
    }

    @Test("a replacement that does not start with what is final follows it whole")
    func replaceStartsAnew() {
        var subject = Subject(maximumBytes: 4)
        _ = subject.append("aaaabb")
        #expect(subject.next() == final("aaaa"))
        _ = subject.machine.replace("cc")
        _ = subject.machine.finish()
        #expect(subject.settle() == final("cc", 1))
        #expect(subject.settle() == .done(.delivered))
    }

    @Test("a replacement that is exactly what is final adds nothing")
    func replaceWithFinal() {
        var subject = Subject(maximumBytes: 4)
        _ = subject.append("aaaabb")
        #expect(subject.next() == final("aaaa"))
        _ = subject.machine.replace("aaaa")
        _ = subject.machine.finish()
        #expect(subject.settle(lost) == .done(lost))
    }

    @Test("an apology follows the text so far, or stands alone")
    func apology() {
        for (text, expected) in [("half", "half\n\nsorry"), ("", "sorry"), (" \n", " \nsorry")] {
            var subject = Subject()
            _ = subject.append(text)
            #expect(subject.machine.fail(apology: "sorry") == .attention)
            #expect(subject.next() == final(expected))
        }
    }

    @Test("a cancelled answer without text says so; one with text ends with that")
    func cancelledWithANotice() {
        for (text, final) in [("", "重启"), (" \n", " \n重启"), ("好", "好")] {
            var subject = Subject()
            _ = subject.machine.append(text)
            #expect(subject.machine.cancelled(notice: "重启") == .attention)
            #expect(subject.machine.cancelled(notice: "again") == .ignored)
            guard case .send(let update) = subject.machine.next(now: .now) else { Issue.record("nothing"); return }
            #expect(update == BubbleUpdate(bubble: 0, text: final, isFinal: true))
        }
    }

    @Test("a cancelled answer ends with the text it has")
    func cancelled() {
        var subject = Subject()
        _ = subject.append("half")
        #expect(subject.machine.cancelled() == .attention)
        #expect(subject.next() == final("half"))
        var empty = Subject()
        #expect(empty.machine.cancelled() == .attention)
        guard case .done(.refused(let reason)) = empty.next() else {
            Issue.record("not refused")
            return
        }
        #expect(reason.message.contains("cancelled"))
    }

    @Test("a channel that does not stream gets final updates only, at the end")
    func noStreaming() {
        var subject = Subject(maximumBytes: 4, streams: false)
        #expect(subject.append("aaaabb") == .none)
        #expect(subject.next() == .idle)
        _ = subject.machine.replace("ccccdd")
        _ = subject.machine.finish()
        #expect(subject.next() == final("cccc"))
        #expect(subject.settle() == final("dd", 1))
    }

    @Test("after the end every event is ignored, in each state that comes then")
    func ignoredAfterEnd() {
        func expectIgnored(_ subject: inout Subject) {
            #expect(subject.append("x") == .ignored)
            #expect(subject.machine.replace("x") == .ignored)
            #expect(subject.machine.finish() == .ignored)
            #expect(subject.machine.fail(apology: "x") == .ignored)
            #expect(subject.machine.cancelled() == .ignored)
        }
        var subject = Subject()
        _ = subject.append("a")
        _ = subject.next()
        _ = subject.machine.finish()
        expectIgnored(&subject)  // finishing, an intermediate update outstanding
        subject.machine.settled(.delivered)
        expectIgnored(&subject)  // finishing, nothing outstanding
        #expect(subject.next() == final("a"))
        expectIgnored(&subject)  // finishing, the final update outstanding
        #expect(subject.settle() == .done(.delivered))
        expectIgnored(&subject)
        #expect(subject.settle(no) == .done(.delivered))
    }

    @Test("a verdict for nothing changes nothing")
    func strayVerdict() {
        var subject = Subject()
        #expect(subject.settle(no) == .idle)
        _ = subject.append("a")
        #expect(subject.next() == intermediate("a"))
        #expect(subject.settle() == .idle)
        #expect(subject.settle(no) == .idle)
        _ = subject.machine.finish()
        #expect(subject.next() == final("a"))
    }
}
