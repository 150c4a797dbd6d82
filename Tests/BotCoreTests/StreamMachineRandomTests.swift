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
        let window: Duration?
        let keepAlive: Duration?
        var text = ""
        /// When the bubble was begun, as far as is known, and whether it shows something.
        var openTime: ContinuousClock.Instant?
        var isShown = false
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
                openTime = nil
                isShown = false
            } else {
                #expect(isOpen)
                #expect(update.text.utf8.elementsEqual(rest.utf8), "latest wins")
                if let window, let openTime, isShown { #expect(now < openTime + window, "the window has ended") }
                if lastIntermediate == update {
                    let silence = lastSend.map { $0.duration(to: now) } ?? .zero
                    #expect(keepAlive.map { silence >= $0 } ?? false, "sent again only to keep it alive")
                }
                openTime = openTime ?? now
                if let lastSend { #expect(lastSend.duration(to: now) >= .milliseconds(300)) }
                lastIntermediate = update
            }
            lastSend = now
            outstanding = update
        }

        mutating func settled(_ update: BubbleUpdate, _ outcome: Delivery) {
            outstanding = nil
            if update.isFinal { return verdicts.append(outcome) }
            if case .refused = outcome {
                if !isShown { openTime = nil }
            } else {
                isShown = true
            }
        }

        /// A driver that does as it is told never misses the end of a window, nor a time to keep a bubble alive.
        func check(_ step: StreamMachine.Step, now: ContinuousClock.Instant) {
            guard outstanding == nil, isShown, let openTime, let lastSend else { return }
            let dues = [window.map { openTime + $0 }, keepAlive.map { lastSend + $0 }].compactMap(\.self)
            guard let due = dues.min() else { return }
            switch step {
            case .wait(let until): #expect(until > now && until <= due)
            case .idle: Issue.record("nobody will wake the driver")
            case .send, .done: break
            }
        }
    }

    @Test("one outstanding, latest wins, the final always goes, no byte is lost, whatever happens")
    func invariants() {
        let seed = SeededGenerator.seed(for: "StreamMachine")
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<600 { round(&generator) }
    }

    private let pieces = ["a", "word ", "你好。", "\n", "👨‍👩‍👧‍👦", "e\u{301}", "\r\n", "🇨🇳", ". ", "x\n\ny"]
    private let outcomes: [Delivery] = [
        .delivered, .delivered, .redirected(.init("expired")), .unknown(.init("lost")), .refused(.init("no")),
    ]

    private func round(_ generator: inout SeededGenerator) {
        let limit = Int.random(in: 40...120, using: &generator)
        let window: Duration? =
            Bool.random(using: &generator) ? .seconds(Int.random(in: 1...4, using: &generator)) : nil
        let keepAlive: Duration? = Bool.random(using: &generator) ? .milliseconds(700) : nil
        var machine = StreamMachine(
            capabilities: ReplyCapabilities(maximumBytes: limit, bubbleWindow: window, keepAlive: keepAlive)
        )
        var shadow = Shadow(limit: limit, window: window, keepAlive: keepAlive)
        var now = ContinuousClock.now
        var isIdle = false

        func ask() -> StreamMachine.Step {
            let step = machine.next(now: now)
            if case .send(let update) = step { shadow.sent(update, now: now, isOpen: machine.isOpen) }
            isIdle = step == .idle && shadow.outstanding == nil
            if machine.isOpen { shadow.check(step, now: now) }
            return step
        }
        func settle() {
            guard let update = shadow.outstanding, let outcome = outcomes.randomElement(using: &generator) else {
                return
            }
            shadow.settled(update, outcome)
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
            let worst = [0, 1, 2].lazy.compactMap { rank in shadow.verdicts.first { self.rank($0) == rank } }.first
            #expect(done == worst ?? .delivered)
        }
    }

    private func rank(_ delivery: Delivery) -> Int {
        switch delivery {
        case .refused: 0
        case .unknown: 1
        case .redirected: 2
        case .delivered: 3
        }
    }
}
