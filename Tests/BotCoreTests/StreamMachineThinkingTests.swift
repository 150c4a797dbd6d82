import BotFoundation
import TestSupport
import Testing

@testable import BotCore

@Suite("StreamMachine, thinking and feedback")
struct StreamMachineThinkingTests {
    private struct Subject {
        var machine: StreamMachine
        var now = ContinuousClock.now

        init(maximumBytes: Int = 20_480, markup: Int? = 15, bubbleWindow: Duration? = nil) {
            machine = StreamMachine(
                capabilities: ReplyCapabilities(
                    maximumBytes: maximumBytes,
                    bubbleWindow: bubbleWindow,
                    thinkingMarkupBytes: markup,
                    maximumFeedbackIDBytes: 256
                )
            )
        }

        /// The update that goes after the interval; `nil` if none does.
        mutating func update() -> BubbleUpdate? {
            now += .seconds(60)
            guard case .send(let update) = machine.next(now: now) else { return nil }
            machine.settled(.delivered)
            return update
        }
    }

    private func bytes(_ update: BubbleUpdate) -> Int {
        update.text.utf8.count + (update.thinking.map { $0.utf8.count + 15 } ?? 0)
    }

    @Test("thinking goes before there is a text, then above it, and stays")
    func above() {
        var subject = Subject()
        #expect(subject.machine.think("让我") == .attention)
        #expect(subject.update() == BubbleUpdate(bubble: 0, text: "", isFinal: false, thinking: "让我"))
        #expect(subject.update() == nil, "it was sent")
        _ = subject.machine.think("想想")
        #expect(subject.update()?.thinking == "让我想想")
        _ = subject.machine.append("答")
        #expect(subject.update() == BubbleUpdate(bubble: 0, text: "答", isFinal: false, thinking: "让我想想"))
        _ = subject.machine.finish()
        #expect(subject.update() == BubbleUpdate(bubble: 0, text: "答", isFinal: true, thinking: "让我想想"))
        #expect(subject.machine.outcome == .delivered)
        #expect(subject.machine.think("更多") == .ignored)
    }

    @Test("that it thinks is shown only until there is something to read")
    func animation() {
        var subject = Subject()
        _ = subject.machine.think("")
        #expect(subject.update() == BubbleUpdate(bubble: 0, text: "", isFinal: false, thinking: ""))
        _ = subject.machine.append("答")
        #expect(subject.update() == BubbleUpdate(bubble: 0, text: "答", isFinal: false))
    }

    @Test("an answer that only thinks ends with something visible; one whose thinking was never shown is empty")
    func onlyThinking() {
        var subject = Subject()
        _ = subject.machine.think("嗯")
        _ = subject.update()
        _ = subject.machine.finish()
        #expect(subject.update() == BubbleUpdate(bubble: 0, text: "✅", isFinal: true, thinking: "嗯"))
        var unseen = Subject()
        _ = unseen.machine.think("嗯")
        _ = unseen.machine.finish()
        #expect(unseen.update() == nil)
        #expect(unseen.machine.outcome?.isDelivered == false)
    }

    @Test("a turn that is cancelled while it thinks says so")
    func cancelled() {
        var subject = Subject()
        _ = subject.machine.think("嗯")
        _ = subject.update()
        _ = subject.machine.cancelled(notice: "interrupted")
        #expect(subject.update()?.text == "interrupted")
    }

    @Test("a channel that shows none gets none")
    func unable() {
        var subject = Subject(markup: nil)
        #expect(subject.machine.think("嗯") == .none)
        #expect(subject.update() == nil)
        _ = subject.machine.append("答")
        #expect(subject.update()?.thinking == nil)
    }

    @Test("thinking counts in the size of the bubble: at n it fits, at n + 1 it does not", arguments: ["a", "思", "😀"])
    func counts(character: String) {
        // 15 bytes of markup and 12 of thinking leave 73 for text.
        for (count, fits) in [(73, true), (74, false)] {
            var subject = Subject(maximumBytes: 100)
            _ = subject.machine.think("思考思考")
            let size = character.utf8.count
            let text = String(repeating: "x", count: count % size) + String(repeating: character, count: count / size)
            _ = subject.machine.append(text)
            let update = subject.update()
            #expect(update?.isFinal == !fits)
            #expect((update?.text == text) == fits)
            #expect(update.map { bytes($0) <= 100 } == true)
        }
    }

    @Test("of more than half a bubble, the newest whole characters are shown", arguments: ["a", "思", "👩‍👩‍👧‍👦", "e\u{301}"])
    func newest(character: String) {
        var subject = Subject(maximumBytes: 200)
        for _ in 0..<100 { _ = subject.machine.think(character) }
        _ = subject.machine.append("答")
        let update = subject.update()
        let thinking = update?.thinking ?? ""
        #expect(thinking.hasPrefix("…") && thinking.utf8.count <= 85)
        #expect(thinking.utf8.count > 85 - character.utf8.count)
        #expect(thinking.dropFirst().allSatisfy { String($0) == character })
        #expect(update.map { bytes($0) <= 200 } == true)
    }

    @Test("at half a bubble it is whole, at one byte more it is not")
    func half() {
        for (count, isWhole) in [(85, true), (86, false)] {
            var subject = Subject(maximumBytes: 200)
            let thinking = String(repeating: "a", count: count)
            _ = subject.machine.think(thinking)
            #expect((subject.update()?.thinking == thinking) == isWhole)
        }
    }

    @Test("the next bubble begins without it, and nothing of the text is lost")
    func nextBubble() {
        var subject = Subject(maximumBytes: 100)
        _ = subject.machine.think("思考")
        let text = String(repeating: "字", count: 60)
        _ = subject.machine.append(text)
        _ = subject.machine.finish()
        var updates: [BubbleUpdate] = []
        while let update = subject.update() { updates.append(update) }
        #expect(updates.first?.thinking == "思考")
        #expect(updates.dropFirst().allSatisfy { $0.thinking == nil })
        #expect(updates.filter(\.isFinal).map(\.text).joined() == text)
        #expect(updates.allSatisfy { bytes($0) <= 100 })
    }

    @Test("thinking that comes later shrinks the room for the text that is there")
    func later() {
        var subject = Subject(maximumBytes: 100)
        let text = String(repeating: "x", count: 90)
        _ = subject.machine.append(text)
        #expect(subject.update()?.text == text)
        _ = subject.machine.think("想了想")
        var updates: [BubbleUpdate] = []
        _ = subject.machine.finish()
        while let update = subject.update() { updates.append(update) }
        #expect(updates.allSatisfy { bytes($0) <= 100 })
        #expect(updates.filter(\.isFinal).map(\.text).joined() == text)
    }

    @Test("what only thinks goes on in the next bubble when its window ends")
    func window() {
        var subject = Subject(bubbleWindow: .seconds(330))
        _ = subject.machine.think("想")
        _ = subject.update()
        for _ in 0..<5 { _ = subject.update() }
        #expect(subject.update() == BubbleUpdate(bubble: 0, text: "✅", isFinal: true, thinking: "想"))
        _ = subject.machine.think("了")
        let update = subject.update()
        #expect(update?.bubble == 1 && update?.thinking == "了")
    }

    @Test("a restart keeps the text and forgets the thinking")
    func restart() {
        var subject = Subject()
        _ = subject.machine.think("想")
        _ = subject.machine.append("答")
        _ = subject.update()
        #expect(subject.machine.saved.text == "答" && subject.machine.saved.isShown)
    }

    @Test(
        "a feedback id that the channel does not take is left out, and that is said; where nothing is rated, it is not"
    )
    func feedback() {
        let stream = ReplyStream(
            capabilities: ReplyCapabilities(maximumFeedbackIDBytes: 4),
            log: capture.log
        )
        stream.requestFeedback(id: "")
        stream.requestFeedback(id: "一二")
        #expect(capture.messages(from: .warning).count == 2)
        let without = ReplyStream(capabilities: ReplyCapabilities(), log: capture.log)
        without.requestFeedback(id: "fb")
        #expect(capture.messages(from: .warning).count == 2)
        #expect(stream.saved == without.saved)
    }

    @Test("a feedback id goes with every update: the channel knows which of them opens something")
    func feedbackID() {
        var subject = Subject()
        subject.machine.feedbackID = "fb"
        _ = subject.machine.append("a")
        #expect(subject.update()?.feedbackID == "fb")
        _ = subject.machine.append("b")
        #expect(subject.update()?.feedbackID == "fb")
    }

    @Test("an answer without text has the outcome of what was sent beside it, one with text its own")
    func beside() {
        let no = Delivery.refused(.init(code: 40_058, "no"))
        for (deliveries, outcome) in [([Delivery.delivered], Delivery.delivered), ([.delivered, no, .delivered], no)] {
            var subject = Subject()
            for delivery in deliveries { subject.machine.sentBeside(delivery) }
            _ = subject.machine.finish()
            #expect(subject.update() == nil && subject.machine.outcome == outcome)
        }
        var subject = Subject()
        subject.machine.sentBeside(no)
        _ = subject.machine.append("答")
        _ = subject.machine.finish()
        _ = subject.update()
        #expect(subject.machine.outcome == .delivered)
    }

    private let capture = LogCapture()
}
