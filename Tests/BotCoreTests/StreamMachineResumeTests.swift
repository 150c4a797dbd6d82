import BotCore
import BotFoundation
import TestSupport
import Testing

@Suite("StreamMachine, resumed")
struct StreamMachineResumeTests {
    private let now = ContinuousClock.now

    private func machine(_ answer: SavedAnswer = .init(), limit: Int = 10) -> StreamMachine {
        StreamMachine(resuming: answer, capabilities: ReplyCapabilities(maximumBytes: limit))
    }

    /// Everything that is sent until the end, each update with the verdict.
    private func run(_ machine: inout StreamMachine, _ verdict: Delivery = .delivered) -> [BubbleUpdate] {
        var sent: [BubbleUpdate] = []
        while case .send(let update) = machine.next(now: now) {
            sent.append(update)
            machine.settled(verdict)
        }
        return sent
    }

    private func final(_ bubble: Int, _ text: String, _ mayHaveArrived: Bool = true) -> SavedAnswer.Final {
        SavedAnswer.Final(bubble: bubble, text: text, mayHaveArrived: mayHaveArrived)
    }

    private func ended(_ finals: [SavedAnswer.Final], bubble: Int, text: String = "") -> SavedAnswer {
        SavedAnswer(finals: finals, bubble: bubble, text: text, isShown: false, isComplete: true)
    }

    @Test("a complete answer whose end may have left is sent again as it was, and nothing more")
    func repeated() {
        let saved = ended([final(2, "完")], bubble: 2)
        var machine = machine(saved)
        _ = machine.finish()
        #expect(machine.saved == saved)
        #expect(machine.next(now: now) == .send(BubbleUpdate(bubble: 2, text: "完", isFinal: true)))
        #expect(machine.saved == saved)
        machine.settled(.unknown(.init("?")))
        #expect(machine.next(now: now) == .done(.unknown(.init("?"))))
    }

    @Test("what follows the bubbles that are sent again goes into the next ones")
    func repeatedAndMore() {
        let finals = [final(1, "one"), final(3, "three", false)]
        var machine = machine(ended(finals, bubble: 4, text: "four four four five"))
        _ = machine.finish()
        let sent = run(&machine, .refused(.init(code: 1, "no")))
        #expect(sent.map(\.bubble) == [1, 3, 4, 5])
        #expect(sent.allSatisfy { $0.isFinal })
        #expect(sent.map(\.text).joined() == "onethreefour four four five")
        #expect(machine.outcome == .refused(.init(code: 1, "no")))
        #expect(!machine.isOwed)
    }

    @Test("an interrupted answer goes on in its bubble, and says so after what it had")
    func interrupted() {
        var answer = SavedAnswer(bubble: 4, text: "half", isShown: true, isComplete: false)
        var machine = machine(answer, limit: 100)
        _ = machine.fail(apology: "sorry")
        #expect(run(&machine) == [BubbleUpdate(bubble: 4, text: "half\n\nsorry", isFinal: true)])
        answer.finals = [final(3, "before")]
        machine = self.machine(answer, limit: 100)
        _ = machine.fail(apology: "sorry")
        #expect(run(&machine).map(\.text) == ["before", "half\n\nsorry"])
        machine = self.machine(.init(), limit: 100)
        _ = machine.fail(apology: "sorry")
        #expect(run(&machine) == [BubbleUpdate(bubble: 0, text: "sorry", isFinal: true)])
    }

    @Test("what is owed is known bubble by bubble: what the server judged is not, what was turned away may go any way")
    func owedByBubble() {
        let stopped = Delivery.refused(.init("stopped"))
        let lost = Delivery.unknown(.init("?"))
        let no = Delivery.refused(.init(code: 5, "no"))
        let doubtful = Delivery.unknown(.init(code: 5, "no"))
        let verdicts: [Delivery] = [.delivered, .redirected(.init("so")), stopped, lost, no, doubtful]
        for first in verdicts {
            for second in verdicts {
                var machine = machine(limit: 4)
                _ = machine.append("aaaabb")
                _ = machine.finish()
                var owed: [SavedAnswer.Final] = []
                for (bubble, text, verdict) in [(0, "aaaa", first), (1, "bb", second)] {
                    #expect(machine.next(now: now) == .send(BubbleUpdate(bubble: bubble, text: text, isFinal: true)))
                    machine.departs(by: nil)
                    machine.settled(verdict)
                    if verdict == stopped || verdict == lost { owed.append(final(bubble, text, verdict == lost)) }
                }
                guard case .done = machine.next(now: now) else {
                    Issue.record("not the end")
                    continue
                }
                #expect(machine.isOwed == !owed.isEmpty)
                #expect(machine.saved == ended(owed, bubble: 1))
                var successor = self.machine(machine.saved)
                _ = successor.finish()
                #expect(run(&successor) == owed.map { BubbleUpdate(bubble: $0.bubble, text: $0.text, isFinal: true) })
            }
        }
    }

    @Test("a final text counts as one that may have left from when it does, with the way that it takes")
    func departure() {
        var machine = machine(limit: 4)
        _ = machine.append("aaaabb")
        _ = machine.next(now: now)
        #expect(machine.saved.finals == [final(0, "aaaa", false)])
        #expect(machine.saved.route == nil)
        machine.departs(by: "way")
        #expect(machine.saved.finals == [final(0, "aaaa")])
        #expect(machine.saved.route == "way" && machine.saved.text == "bb" && machine.saved.bubble == 1)
        machine.settled(.delivered)
        #expect(machine.saved.finals == [] && machine.saved.route == "way")
        machine.departs(by: "late")
        #expect(machine.saved.finals == [], "nothing is on its way")
        #expect(self.machine(machine.saved).saved == machine.saved)
    }

    @Test("a bubble that has shown something and ends blank is closed")
    func blank() {
        var machine = machine(SavedAnswer(bubble: 0, text: " ", isShown: true, isComplete: true))
        _ = machine.finish()
        #expect(run(&machine).map(\.text) == ["✅"])
        machine = self.machine(SavedAnswer(bubble: 0, text: " ", isShown: false, isComplete: true))
        _ = machine.finish()
        #expect(run(&machine) == [])
    }

    @Test("an answer is owed if its last update never left, not if the server refused it or nothing was said")
    func owed() {
        for (verdict, isOwed) in [
            (Delivery.refused(.init("stopped")), true), (.unknown(.init("?")), true), (.delivered, false),
            (.refused(.init(code: 5, "no")), false),
        ] {
            var machine = machine()
            _ = machine.append("text")
            _ = machine.finish()
            #expect(!machine.isOwed)
            _ = run(&machine, verdict)
            #expect(machine.isOwed == isOwed)
            let finals = isOwed ? [final(0, "text", verdict == .unknown(.init("?")))] : []
            let saved = ended(finals, bubble: 0)
            #expect(machine.saved == saved)
        }
        var empty = machine()
        _ = empty.finish()
        #expect(run(&empty).isEmpty && !empty.isOwed)
    }

    /// Interrupted at every step, the answer loses and repeats nothing: the final texts are together the whole text.
    @Test(arguments: 0..<200)
    func interruptedAnywhere(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let words = ["一", "二三", "👨‍👩‍👧", "e\u{301}", " ", "\n\n", "word", "。", "🇨🇳"]
        var whole = ""
        var machine = machine(limit: 12)
        var finals: [Int: String] = [:]
        func note(_ update: BubbleUpdate) {
            if let earlier = finals[update.bubble] {
                #expect(earlier == update.text, "a final text is not changed")
            } else if update.isFinal {
                finals[update.bubble] = update.text
            }
        }
        for _ in 0..<Int.random(in: 1...40, using: &generator) {
            switch Int.random(in: 0..<4, using: &generator) {
            case 0:
                if case .send(let update) = machine.next(now: now) { note(update) }
            case 1: machine.settled(.delivered)
            default:
                let word = words.randomElement(using: &generator) ?? ""
                whole += word
                _ = machine.append(word)
            }
            // The process dies here, or not, and another one goes on.
            if Int.random(in: 0..<4, using: &generator) == 0 {
                let saved = machine.saved
                machine = self.machine(saved, limit: 12)
                #expect(machine.saved == saved)
            }
        }
        _ = machine.finish()
        let saved = machine.saved
        machine = self.machine(saved, limit: 12)
        _ = machine.finish()
        while case .send(let update) = machine.next(now: now) {
            note(update)
            machine.settled(.delivered)
        }
        let shown = finals.sorted { $0.key < $1.key }.map(\.value)
        #expect(finals.count == (finals.keys.max().map { $0 + 1 } ?? 0), "no bubble is left out")
        // White space that leaves no room for anything visible may be left out, nothing else.
        let visible = { (text: String) in String(text.unicodeScalars.filter { !$0.properties.isWhitespace }) }
        if shown != ["✅"] { #expect(visible(shown.joined().replacing("✅", with: "")) == visible(whole)) }
    }
}
