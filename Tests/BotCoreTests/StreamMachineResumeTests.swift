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

    @Test("a complete answer that was handed over is sent again as it was, and nothing more")
    func handed() {
        var machine = machine(SavedAnswer(bubble: 2, handed: "完", text: "", isShown: false, isComplete: true))
        _ = machine.finish()
        #expect(machine.saved == SavedAnswer(bubble: 2, handed: "完", text: "", isShown: false, isComplete: true))
        #expect(machine.next(now: now) == .send(BubbleUpdate(bubble: 2, text: "完", isFinal: true)))
        #expect(machine.saved == SavedAnswer(bubble: 2, handed: "完", text: "", isShown: false, isComplete: true))
        machine.settled(.unknown(.init("?")))
        #expect(machine.next(now: now) == .done(.unknown(.init("?"))))
    }

    @Test("what follows the bubble that was handed over goes into the next ones")
    func handedAndMore() {
        var machine = machine(
            SavedAnswer(bubble: 1, handed: "one", text: "two two two three", isShown: false, isComplete: true)
        )
        _ = machine.finish()
        let sent = run(&machine, .refused(.init(code: 1, "no")))
        #expect(sent.map(\.bubble) == [1, 2, 3])
        #expect(sent.allSatisfy { $0.isFinal })
        #expect(sent.map(\.text).joined() == "onetwo two two three")
        #expect(machine.outcome == .refused(.init(code: 1, "no")))
    }

    @Test("an interrupted answer goes on in its bubble, and says so after what it had")
    func interrupted() {
        var answer = SavedAnswer(bubble: 4, handed: nil, text: "half", isShown: true, isComplete: false)
        var machine = machine(answer, limit: 100)
        _ = machine.fail(apology: "sorry")
        #expect(run(&machine) == [BubbleUpdate(bubble: 4, text: "half\n\nsorry", isFinal: true)])
        answer.handed = "before"
        machine = self.machine(answer, limit: 100)
        _ = machine.fail(apology: "sorry")
        #expect(run(&machine).map(\.text) == ["before", "half\n\nsorry"])
        machine = self.machine(.init(), limit: 100)
        _ = machine.fail(apology: "sorry")
        #expect(run(&machine) == [BubbleUpdate(bubble: 0, text: "sorry", isFinal: true)])
    }

    @Test("a bubble that has shown something and ends blank is closed")
    func blank() {
        var machine = machine(SavedAnswer(bubble: 0, handed: nil, text: " ", isShown: true, isComplete: true))
        _ = machine.finish()
        #expect(run(&machine).map(\.text) == ["✅"])
        machine = self.machine(SavedAnswer(bubble: 0, handed: nil, text: " ", isShown: false, isComplete: true))
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
            let wasNeverSent = verdict == .refused(.init("stopped"))
            let saved = SavedAnswer(
                bubble: 0,
                handed: wasNeverSent ? nil : "text",
                text: wasNeverSent ? "text" : "",
                isShown: false,
                isComplete: true
            )
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
