import BotCore
import TestSupport
import Testing

/// What an answer that takes long does: bubbles that end in time, bubbles that are kept alive, and updates that are refused.
@Suite("StreamMachine, time")
struct StreamMachineTimeTests {
    private static let window = Duration.seconds(330)
    private static let keepAlive = Duration.seconds(225)

    private struct Subject {
        var machine: StreamMachine
        var now = ContinuousClock.now

        init(window: Duration? = StreamMachineTimeTests.window, keepAlive: Duration? = nil) {
            machine = StreamMachine(
                capabilities: ReplyCapabilities(bubbleWindow: window, keepAlive: keepAlive)
            )
        }

        mutating func next() -> StreamMachine.Step { machine.next(now: now) }
        @discardableResult mutating func append(_ text: String) -> StreamMachine.Effect { machine.append(text) }
        /// Settles what is outstanding and asks for the next step.
        @discardableResult mutating func settle(_ delivery: Delivery = .delivered) -> StreamMachine.Step {
            machine.settled(delivery)
            return next()
        }
        /// Shows text in the current bubble.
        mutating func show(_ text: String, _ delivery: Delivery = .delivered) {
            append(text)
            _ = next()
            settle(delivery)
        }
    }

    private func intermediate(_ text: String, _ bubble: Int = 0) -> StreamMachine.Step {
        .send(BubbleUpdate(bubble: bubble, text: text, isFinal: false))
    }

    private func final(_ text: String, _ bubble: Int = 0) -> StreamMachine.Step {
        .send(BubbleUpdate(bubble: bubble, text: text, isFinal: true))
    }

    private let no = Delivery.refused(.init(code: 45_009, "no"))
    private let lost = Delivery.unknown(.init("lost"))

    // MARK: The window

    @Test("the first bubble may have an end of its own; the next ones do not")
    func firstBubbleEnd() {
        var subject = Subject(window: nil)
        let end = subject.now + .seconds(100)
        var capabilities = ReplyCapabilities()
        capabilities.firstBubbleEnd = end
        subject.machine = StreamMachine(capabilities: capabilities)
        subject.now += .seconds(90)
        subject.append("想")
        #expect(subject.next() == intermediate("想"))
        subject.now += .seconds(1)
        #expect(subject.settle() == .wait(until: end), "not a window's length after the first update")
        subject.now = end - .nanoseconds(1)
        #expect(subject.next() == .wait(until: end))
        subject.now = end
        #expect(subject.next() == final("想"))
        #expect(subject.settle() == .idle)
        subject.now += .seconds(1)
        subject.append("好")
        #expect(subject.next() == intermediate("好", 1))
        subject.now += .seconds(1_000)
        #expect(subject.settle() == .idle)
    }

    @Test("a bubble is finished when its window ends, not before, and nothing more is shown without new text")
    func window() {
        var subject = Subject()
        subject.append("想")
        #expect(subject.next() == intermediate("想"))
        let end = subject.now + Self.window
        subject.now += .seconds(3)
        #expect(subject.settle() == .wait(until: end))
        subject.now = end - .nanoseconds(1)
        #expect(subject.next() == .wait(until: end))
        subject.now = end
        #expect(subject.next() == final("想"))
        #expect(subject.settle() == .idle)
        subject.now += .seconds(3_600)
        #expect(subject.next() == .idle, "a bubble that is not begun has no window")
        #expect(subject.machine.finish() == .attention)
        #expect(subject.next() == .done(.delivered), "no empty bubble")
    }

    @Test("text after the end of a bubble opens the next, whose window begins then")
    func nextBubble() {
        var subject = Subject()
        subject.show("一")
        subject.now += Self.window
        #expect(subject.next() == final("一"))
        #expect(subject.settle() == .idle)
        subject.now += .seconds(600)
        #expect(subject.append("二") == .attention)
        #expect(subject.next() == intermediate("二", 1))
        let end = subject.now + Self.window
        #expect(subject.settle() == .wait(until: end))
        subject.append("三")
        _ = subject.machine.finish()
        #expect(subject.next() == final("二三", 1))
        #expect(subject.settle() == .done(.delivered))
    }

    @Test("the window does not begin with an update that was refused, but with one that may have arrived")
    func beginning() {
        for (delivery, begins) in [(no, false), (lost, true), (Delivery.delivered, true)] {
            var subject = Subject()
            subject.show("a", delivery)
            let first = subject.now
            subject.now += .seconds(100)
            subject.show("b")
            #expect(subject.next() == .wait(until: (begins ? first : subject.now) + Self.window))
        }
    }

    @Test("an update on its way delays the end of the bubble until its verdict")
    func outstanding() {
        var subject = Subject()
        subject.show("a")
        subject.now += Self.window - .seconds(1)
        subject.append("b")
        #expect(subject.next() == intermediate("ab"))
        subject.now += .seconds(5)
        #expect(subject.next() == .idle)
        #expect(subject.settle(no) == final("ab"))
    }

    @Test("the end of a bubble waits for no interval, and its verdict counts")
    func verdictOfRotation() {
        var subject = Subject()
        subject.show("a")
        subject.now += Self.window
        #expect(subject.next() == final("a"))
        subject.settle(lost)
        subject.show("b")
        _ = subject.machine.finish()
        #expect(subject.next() == final("b", 1))
        #expect(subject.settle() == .done(lost))
    }

    @Test(
        "an answer under way is cut after a paragraph, line or sentence near its end, or not at all",
        arguments: [
            ("第一段。\n\n第二", "第一段。\n\n"), ("first line\nsecond line.", "first line\n"),
            ("A sentence. Half", "A sentence. "), ("一句。半", "一句。"), ("no end of any kind", "no end of any kind"),
            ("All of it.\n", "All of it.\n"), ("一句。 \n ", "一句。 \n "), ("👨‍👩‍👧‍👦。🇨🇳e\u{301}", "👨‍👩‍👧‍👦。"),
        ]
    )
    func cut(text: String, first: String) {
        var subject = Subject()
        subject.show("-")
        subject.now += Self.window - .nanoseconds(1)
        // New, so the answer has not paused.
        let text = String(repeating: "x", count: 30) + text
        _ = subject.machine.replace(text)
        #expect(subject.next() == intermediate(text))
        subject.now += .nanoseconds(1)
        let expected = String(repeating: "x", count: 30) + first
        guard case .send(let update) = subject.settle() else {
            Issue.record("nothing is sent")
            return
        }
        #expect(update.isFinal && update.text.utf8.elementsEqual(expected.utf8))
        _ = subject.settle()
        _ = subject.machine.finish()
        let rest = String(decoding: text.utf8.dropFirst(expected.utf8.count), as: UTF8.self)
        subject.now += .seconds(1)
        #expect(subject.next() == (rest.isEmpty ? .done(.delivered) : final(rest, 1)))
    }

    @Test("at most half of a bubble, and 1,024 bytes, are left to the next one")
    func restIsBounded() {
        for (before, after, isCut) in [(2, 2, true), (2, 3, false), (2_000, 1_024, true), (2_000, 1_025, false)] {
            let text = String(repeating: "x", count: before - 1) + "\n" + String(repeating: "y", count: after)
            var subject = Subject()
            subject.show(text)
            subject.now += Self.window - .nanoseconds(1)
            subject.show("y")
            subject.now += .nanoseconds(1)
            guard case .send(let update) = subject.next() else {
                Issue.record("nothing is sent")
                return
            }
            // The `y` that was added makes the rest one byte longer.
            let isExpected = isCut && after + 1 <= min((before + after + 1) / 2, 1_024)
            #expect(update.text.hasSuffix("\n") == isExpected, "\(before) \(after)")
        }
    }

    @Test("an answer that has paused for two seconds is not cut", arguments: [(1_999, true), (2_000, false)])
    func pause(milliseconds: Int, isCut: Bool) {
        var subject = Subject()
        subject.show("xxxxxxxxxx")
        subject.now += Self.window - .milliseconds(milliseconds)
        subject.show("一句。半")
        subject.now += .milliseconds(milliseconds)
        #expect(subject.next() == final(isCut ? "xxxxxxxxxx一句。" : "xxxxxxxxxx一句。半"))
    }

    @Test("a bubble whose text was taken back ends with the closing text, and the next holds the new text")
    func blankAtTheEnd() {
        var subject = Subject()
        subject.show("thinking")
        _ = subject.machine.replace(" ")
        subject.now += Self.window
        #expect(subject.next() == final("✅"))
        #expect(subject.settle() == .idle)
        _ = subject.machine.replace("answer")
        subject.now += .seconds(1)
        #expect(subject.next() == intermediate("answer", 1))
    }

    @Test("without a window a bubble stays open")
    func noWindow() {
        var subject = Subject(window: nil)
        subject.show("a")
        subject.now += .seconds(86_400)
        #expect(subject.next() == .idle)
    }

    // MARK: Keeping alive

    @Test("a bubble that is shown is repeated before four minutes without new text have passed")
    func keepAlive() {
        var subject = Subject(window: nil, keepAlive: Self.keepAlive)
        subject.append("想")
        #expect(subject.next() == intermediate("想"))
        var sent = subject.now
        for _ in 0..<3 {
            #expect(subject.settle() == .wait(until: sent + Self.keepAlive))
            subject.now = sent + Self.keepAlive - .nanoseconds(1)
            #expect(subject.next() == .wait(until: sent + Self.keepAlive))
            subject.now += .nanoseconds(1)
            #expect(subject.next() == intermediate("想"))
            sent = subject.now
        }
        subject.settle()
        subject.now += .seconds(1)
        #expect(subject.append("到了") == .attention, "whoever waits for the time is told of new text")
        #expect(subject.next() == intermediate("想到了"))
        #expect(subject.settle() == .wait(until: subject.now + Self.keepAlive))
    }

    @Test("a bubble that shows nothing is not kept alive")
    func nothingToKeepAlive() {
        var subject = Subject(keepAlive: Self.keepAlive)
        subject.append(" ")
        #expect(subject.next() == .idle)
        subject.show("a", no)
        #expect(subject.next() == .idle)
    }

    @Test("a bubble whose text was taken back goes on showing it")
    func keepAliveOfBlank() {
        var subject = Subject(keepAlive: Self.keepAlive)
        subject.show("thinking")
        _ = subject.machine.replace("")
        subject.now += Self.keepAlive
        #expect(subject.next() == intermediate("thinking"))
    }

    @Test("the window ends a bubble that is kept alive")
    func keepAliveWithinWindow() {
        var subject = Subject(keepAlive: Self.keepAlive)
        let start = subject.now
        subject.show("a")
        subject.now += Self.keepAlive
        #expect(subject.next() == intermediate("a"))
        #expect(subject.settle() == .wait(until: start + Self.window))
        subject.now = start + Self.window
        #expect(subject.next() == final("a"))
    }

    // MARK: Refusals

    @Test("each refusal doubles the interval, up to 30 s, until an update is not refused")
    func backOff() {
        var subject = Subject(window: nil)
        subject.append("a")
        #expect(subject.next() == intermediate("a"))
        for milliseconds in [600, 1_200, 2_400, 4_800, 9_600, 19_200, 30_000, 30_000] {
            subject.append("a")
            let due = subject.now + .milliseconds(milliseconds)
            #expect(subject.settle(no) == .wait(until: due))
            subject.now = due - .nanoseconds(1)
            #expect(subject.next() == .wait(until: due))
            subject.now = due
            guard case .send = subject.next() else {
                Issue.record("nothing is sent after \(milliseconds) ms")
                return
            }
        }
        subject.append("a")
        #expect(subject.settle() == .wait(until: subject.now + .milliseconds(300)))
    }

    @Test("refusals delay neither the end of the answer nor that of a bubble")
    func backOffAndFinal() {
        for isFinished in [false, true] {
            var subject = Subject(window: .seconds(10))
            subject.show("a")
            for _ in 0..<8 {
                subject.now += .seconds(1)
                subject.show("a", no)
            }
            subject.append("b")
            if isFinished { _ = subject.machine.finish() } else { subject.now += .seconds(2) }
            guard case .send(let update) = subject.next() else {
                Issue.record("nothing is sent")
                return
            }
            #expect(update.isFinal && update.text.hasSuffix("b"))
        }
    }
}
