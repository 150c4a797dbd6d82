import BotCore
import BotFoundation
import TestSupport
import Testing

/// Random sequences of events against a shadow model.
@Suite("StreamMachine, random")
struct StreamMachineRandomTests {
    /// What is known about an answer from the outside.
    private struct Shadow {
        let limit: Int
        var text = ""
        var finals: [String] = []
        var outstanding: BubbleUpdate?
        var lastSend: ContinuousClock.Instant?
        var lastIntermediate: BubbleUpdate?
        var verdicts: [Delivery] = []

        var rest: String { String(decoding: text.utf8.dropFirst(finals.joined().utf8.count), as: UTF8.self) }

        mutating func sent(_ update: BubbleUpdate, now: ContinuousClock.Instant, isOpen: Bool) {
            #expect(outstanding == nil, "one outstanding")
            #expect(update.bubble == finals.count, "bubbles count up")
            #expect(update.text.utf8.count <= limit)
            #expect(update.text.unicodeScalars.contains { !$0.properties.isWhitespace })
            if update.isFinal {
                #expect(rest.utf8.starts(with: update.text.utf8))
                finals.append(update.text)
            } else {
                #expect(isOpen)
                #expect(update.text.utf8.elementsEqual(rest.utf8), "latest wins")
                #expect(lastIntermediate != update, "not sent again")
                if let lastSend { #expect(lastSend.duration(to: now) >= .milliseconds(300)) }
                lastIntermediate = update
            }
            lastSend = now
            outstanding = update
        }
    }

    @Test("one outstanding, latest wins, the final always goes, no byte is lost, whatever happens")
    func invariants() {
        let seed = SeededGenerator.seed(for: "StreamMachine")
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<600 { round(&generator) }
    }

    private let pieces = ["a", "word ", "你好。", "\n", "👨‍👩‍👧‍👦", "e\u{301}", "\r\n", "🇨🇳", ". ", "x\n\ny"]
    private let outcomes: [Delivery] = [.delivered, .delivered, .unknown(.init("lost")), .refused(.init("no"))]

    private func round(_ generator: inout SeededGenerator) {
        let limit = Int.random(in: 40...120, using: &generator)
        var machine = StreamMachine(capabilities: ReplyCapabilities(maximumBytes: limit))
        var shadow = Shadow(limit: limit)
        var now = ContinuousClock.now
        var isIdle = false

        func ask() -> StreamMachine.Step {
            let step = machine.next(now: now)
            if case .send(let update) = step { shadow.sent(update, now: now, isOpen: machine.isOpen) }
            isIdle = step == .idle && shadow.outstanding == nil
            return step
        }
        func settle() {
            guard let update = shadow.outstanding, let outcome = outcomes.randomElement(using: &generator) else {
                return
            }
            if update.isFinal { shadow.verdicts.append(outcome) }
            shadow.outstanding = nil
            machine.settled(outcome)
        }

        for _ in 0..<Int.random(in: 1..<120, using: &generator) {
            switch Int.random(in: 0..<10, using: &generator) {
            case 0..<5:
                let piece = pieces.randomElement(using: &generator) ?? "a"
                shadow.text += piece
                let effect = machine.append(piece)
                if isIdle { #expect(effect == .attention, "an idle driver is told of new text") }
                if effect == .attention { _ = ask() }
            case 5:
                // A replacement that keeps what is final, so that the model stays simple.
                shadow.text = shadow.finals.joined() + (pieces.randomElement(using: &generator) ?? "a") + "r"
                if machine.replace(shadow.text) == .attention { _ = ask() }
            case 6..<8:
                now += .milliseconds(Int.random(in: 0..<400, using: &generator))
                _ = ask()
            default:
                settle()
                _ = ask()
            }
        }
        _ = machine.finish()
        var done: Delivery?
        for _ in 0..<1_000 where done == nil {
            switch ask() {
            case .done(let outcome): done = outcome
            case .wait: Issue.record("a finished answer never waits for time")
            case .send, .idle: settle()
            }
        }
        check(shadow, done)
    }

    private func check(_ shadow: Shadow, _ done: Delivery?) {
        let isBlank = !shadow.text.unicodeScalars.contains { !$0.properties.isWhitespace }
        if isBlank {
            #expect(shadow.finals.isEmpty && done == .refused(.init("the answer is empty: nothing was sent")))
        } else {
            #expect(shadow.finals.joined().utf8.elementsEqual(shadow.text.utf8))
            let worst = shadow.verdicts.first { if case .refused = $0 { true } else { false } }
            #expect(done == worst ?? shadow.verdicts.first { $0 != .delivered } ?? .delivered)
        }
    }
}
