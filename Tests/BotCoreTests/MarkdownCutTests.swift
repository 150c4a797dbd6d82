import BotFoundation
import TestSupport
import Testing

@testable import BotCore

/// How code blocks and tables are cut.
@Suite("Markdown, cut")
struct MarkdownCutTests {
    private let now = ContinuousClock.now

    /// The bubbles of an answer, and of each the part of the text that it holds.
    private func bubbles(_ text: String, limit: Int) -> [(shown: String, part: String)] {
        var machine = StreamMachine(capabilities: ReplyCapabilities(maximumBytes: limit, streams: false))
        _ = machine.append(text)
        _ = machine.finish()
        var bubbles: [(shown: String, part: String)] = []
        while case .send(let update) = machine.next(now: now) {
            let part = update.text.utf8.dropFirst(machine.added.before).dropLast(machine.added.after)
            bubbles.append((update.text, String(decoding: part, as: UTF8.self)))
            machine.settled(.delivered)
        }
        return bubbles
    }

    private func shown(_ text: String, limit: Int) -> [String] { bubbles(text, limit: limit).map(\.shown) }

    private func lines(_ count: Int, _ line: String = "0123456789") -> String {
        (0..<count).map { "\(line)\($0 % 10)\n" }.joined()
    }

    @Test(
        "a code block is closed at the end of a bubble and opened again as it was",
        arguments: [
            ("```swift\n", "```"), ("```\n", "```"), ("~~~~ py thon\n", "~~~~"), ("   `````c++\n", "   `````"),
            (" ~~~ `x`\r\n", " ~~~"),
        ]
    )
    func code(opening: String, end: String) {
        let text = "前\n\n" + opening + lines(20) + end + "  \n后"
        let result = shown(text, limit: 120)
        #expect(result.count >= 3)
        #expect(result.dropLast().allSatisfy { $0.hasSuffix("\n" + end) && $0.utf8.count <= 120 })
        #expect(result.dropFirst().allSatisfy { $0.hasPrefix(opening) })
        #expect(result.last?.hasSuffix(end + "  \n后") == true)
        #expect(bubbles(text, limit: 120).map(\.part).joined() == text)
    }

    @Test(
        "what is no code block is not closed, and what does not end one leaves it open",
        arguments: [
            ("    ```\n", false), ("``\n", false), ("```a` b\n", false), ("x ```\n", false), ("> ```\n", false),
            ("```\n```\n", false), ("~~~\n~~~~ \n", false), ("````\n```\n", true), ("```\n~~~\n", true),
            ("```\n    ```\n", true), ("```\n``` x\n", true), ("~~~ ~\n", true),
        ]
    )
    func isCode(beginning: String, isOpen: Bool) {
        let result = bubbles(beginning + lines(20), limit: 100)
        #expect(result.map(\.part).joined() == beginning + lines(20))
        #expect(result.dropLast().allSatisfy { ($0.shown != $0.part) == isOpen })
    }

    @Test("a table's header is repeated where its rows go on, and only there")
    func table() {
        let head = "| 名 | b |\n|:--|--:|\n"
        let text = "前\n\n" + head + lines(12, "| 行 | ") + "\n" + lines(12)
        let result = bubbles(text, limit: 120)
        #expect(result.map(\.part).joined() == text)
        #expect(result.contains { $0.shown == head + $0.part && $0.part.hasPrefix("| 行 |") })
        for bubble in result.dropFirst() { #expect(bubble.shown.hasPrefix(head) == bubble.part.hasPrefix("| 行")) }
        for head in ["a | b\n--|--\n", "|a\\|b|c|\r\n| - | :-: |\r\n"] {
            let result = bubbles(head + lines(20, "1 | "), limit: 100)
            #expect(result.dropFirst().allSatisfy { $0.shown == head + $0.part })
        }
        for head in ["| a | b |\n|---|\n", "| a |\nx\n", "| a | b |\n| - | = |\n", "a\n-\n"] {
            let result = bubbles(head + lines(20, "| 1 "), limit: 100)
            #expect(result.allSatisfy { $0.shown == $0.part })
        }
    }

    @Test("a cut is made before a code block rather than in it, and not between its fences and what is next to them")
    func preference() {
        let first = String(repeating: "字", count: 24) + "。\n"
        #expect(shown(first + "```c\n" + lines(10) + "```\n", limit: 120).first == first)
        // The line that ends it goes with it, or a line of it goes to the next bubble.
        for count in 1...12 {
            let text = "```c\n" + lines(count) + "```\n" + lines(12, "正文")
            let result = shown(text, limit: 120)
            #expect(!result.contains { $0.hasPrefix("```c\n```") })
            #expect(!result.contains { $0.hasSuffix("```c\n```") })
            #expect(bubbles(text, limit: 120).map(\.part).joined() == text)
        }
        let head = "| a | b |\n|---|---|\n"
        for count in 0..<60 {
            let text = String(repeating: "x", count: count) + "\n\n" + head + lines(10, "| 1 | 2")
            #expect(!shown(text, limit: 100).contains { $0.hasSuffix(head) || $0.hasSuffix("| a | b |\n") })
        }
    }

    @Test("what is added counts", arguments: [119, 120, 121])
    func limit(count: Int) {
        // Ten bytes a line; what is closed takes three.
        let code = (0..<11).map { "12345678\($0 % 10)\n" }.joined()
        let text = "```\n" + code + String(repeating: "y", count: count - 4 - 110)
        let result = shown(text, limit: 120)
        #expect(result.allSatisfy { $0.utf8.count <= 120 })
        #expect(result.count == (count <= 120 ? 1 : 2))
        // The bubble is full to the last byte: 4 + 110 + 3 bytes fit into 117 and not into 116.
        let longer = "```\n" + code + code
        #expect(shown(longer, limit: 117).first == "```\n" + code + "```")
        #expect(shown(longer, limit: 116).first == "```\n" + code.dropLast(10) + "```")
    }

    @Test("what would take more than a quarter of a bubble is not added")
    func tooMuch() {
        for (length, isAdded) in [(20, true), (21, false)] {
            let opening = "```" + String(repeating: "i", count: length - 4) + "\n"
            // With what closes it, opening takes length + 4 bytes.
            let result = bubbles(opening + lines(30), limit: 96)
            #expect(result.dropLast().allSatisfy { ($0.shown != $0.part) == isAdded })
        }
    }

    @Test("a replacement is compared with the text, not with what was added")
    func replace() {
        var machine = StreamMachine(capabilities: ReplyCapabilities(maximumBytes: 100))
        let text = "```c\n" + lines(12)
        _ = machine.append(text)
        guard case .send(let first) = machine.next(now: now) else {
            Issue.record("nothing is sent")
            return
        }
        #expect(first.text.hasSuffix("\n```"))
        let rest = text.dropFirst(first.text.count - 3)
        _ = machine.replace(text + "z")
        _ = machine.finish()
        machine.settled(.delivered)
        #expect(
            machine.next(now: now) == .send(BubbleUpdate(bubble: 1, text: "```c\n" + rest + "z", isFinal: true))
        )
    }

    @Test(
        "an apology stands behind a code block, not in it",
        arguments: [
            ("```c\nint", "```c\nint\n```\n\n抱歉"), ("```c\nint\n", "```c\nint\n```\n\n抱歉"),
            ("  ~~~~\n😀e\u{301}", "  ~~~~\n😀e\u{301}\n  ~~~~\n\n抱歉"), ("```c", "```c\n```\n\n抱歉"),
            ("```c\nint\n``", "```c\nint\n``\n```\n\n抱歉"), ("```c\nint\n```", "```c\nint\n```\n\n抱歉"),
            ("```c\nint\n```\n", "```c\nint\n```\n\n\n抱歉"), ("字", "字\n\n抱歉"),
        ]
    )
    func apology(text: String, expected: String) {
        let capabilities = ReplyCapabilities(maximumBytes: 100)
        for isRestarted in [false, true] {
            var machine = StreamMachine(capabilities: capabilities)
            _ = machine.append(text)
            if isRestarted { machine = StreamMachine(resuming: machine.saved, capabilities: capabilities) }
            _ = machine.fail(apology: "抱歉")
            #expect(machine.next(now: now) == .send(BubbleUpdate(bubble: 0, text: expected, isFinal: true)))
        }
    }

    @Test("an apology in a bubble of its own does not open the code block again", arguments: ["", "\n ", "x"])
    func apologyAfterABubble(rest: String) {
        var machine = StreamMachine(capabilities: ReplyCapabilities(bubbleWindow: .seconds(10)))
        _ = machine.append("```c\nint")
        _ = machine.next(now: now)
        machine.settled(.delivered)
        let first = BubbleUpdate(bubble: 0, text: "```c\nint\n```", isFinal: true)
        #expect(machine.next(now: now + .seconds(10)) == .send(first))
        _ = machine.append(rest)
        let saved = machine.saved
        for var machine in [machine, StreamMachine(resuming: saved, capabilities: machine.capabilities)] {
            _ = machine.fail(apology: "sorry")
            machine.settled(.delivered)
            guard case .send(var update) = machine.next(now: now + .seconds(11)) else {
                Issue.record("nothing is sent")
                return
            }
            if update == first {
                machine.settled(.delivered)
                guard case .send(let next) = machine.next(now: now + .seconds(11)) else { return }
                update = next
            }
            #expect(update.text == (rest == "x" ? "```c\nx\n```\n\nsorry" : rest + "sorry"))
        }
    }

    @Test("a bubble that ends in time and has no room to close its code block ends earlier", arguments: [false, true])
    func windowAtTheLimit(hasPaused: Bool) {
        // Nine lines are 112 bytes with what opens them, and four bytes close a line that is not whole.
        let whole = "```\n" + lines(9) + "```"
        for (code, first) in [
            (lines(9) + "0123", nil), (lines(9) + "01234", whole), (lines(9) + "01234567", whole),
            (lines(9) + "0123456\n", whole), (String(repeating: "字", count: 38), nil),
        ] {
            let text = "```\n" + code
            var machine = StreamMachine(
                capabilities: ReplyCapabilities(maximumBytes: 120, bubbleWindow: .seconds(10))
            )
            _ = machine.append("```\n")
            _ = machine.next(now: now)
            machine.settled(.delivered)
            _ = machine.append(code)
            let shownAt = now + (hasPaused ? .seconds(1) : .milliseconds(9_500))
            _ = machine.next(now: shownAt)
            machine.settled(.delivered)
            guard case .send(let update) = machine.next(now: now + .seconds(10)), update.isFinal else {
                Issue.record("no bubble ends")
                return
            }
            #expect(update.text.utf8.count <= 120 && update.text.hasSuffix("\n```"), "\(update.text)")
            if let first { #expect(update.text == first) }
            let part = String(decoding: update.text.utf8.dropLast(machine.added.after), as: UTF8.self)
            _ = machine.finish()
            machine.settled(.delivered)
            guard case .send(let last) = machine.next(now: now + .seconds(11)) else {
                #expect(part == text)
                continue
            }
            #expect(last.text.hasPrefix("```\n") && part + last.text.dropFirst(4) == text)
        }
    }

    @Test("a bubble that ends in time closes its code block, also where the answer has paused")
    func window() {
        for (text, shown, rest) in [
            ("```c\nint i;\n", "```c\nint i;\n```", "```c\nx"), ("```c\nint", "```c\nint\n```", "```c\nx"),
            ("```c\nint\n```", "```c\nint\n```", "x"), ("```c", "```c\n```", "```c\nx"),
        ] {
            var machine = StreamMachine(capabilities: ReplyCapabilities(bubbleWindow: .seconds(10)))
            _ = machine.append(text)
            _ = machine.next(now: now)
            machine.settled(.delivered)
            #expect(
                machine.next(now: now + .seconds(10)) == .send(BubbleUpdate(bubble: 0, text: shown, isFinal: true))
            )
            _ = machine.append("x")
            _ = machine.finish()
            machine.settled(.delivered)
            let last = BubbleUpdate(bubble: 1, text: rest, isFinal: true)
            #expect(machine.next(now: now + .seconds(11)) == .send(last))
        }
    }

    // MARK: - Any text

    /// Whether a code block is open at the end, told by other means than those of the machine.
    private func endsInCode(_ text: String) -> Bool {
        var fence: Substring?
        for scalars in text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false) {
            let line = Substring(String(scalars.filter { $0 != "\r" }))
            let content = line.drop { $0 == " " }
            let marks = content.prefix { $0 == content.first && "`~".contains($0) }
            guard line.count - content.count <= 3, marks.count >= 3 else { continue }
            if let open = fence {
                let isBlank = content.dropFirst(marks.count).allSatisfy { $0 == " " }
                if marks.hasPrefix(open), isBlank { fence = nil }
            } else if !(marks.first == "`" && content.dropFirst(marks.count).contains("`")) {
                fence = marks
            }
        }
        return fence != nil
    }

    private let pieces = [
        "你好，世界。", "word and word. ", "e\u{301}\u{302}", "👨‍👩‍👧‍👦", "🇨🇳", "`code`", "\n", "\n\n", "\n```swift\n", "\n```\n",
        "\n~~~\n",
        "\n  ````\n", "let x = 1\n", "\n| a | b |\n|---|---|\n", "| 1 | 二 |\n", "| 3 | 4 |\n", "- x\n", "\r\n",
        "    y\n",
    ]

    @Test(
        "without what was added, the bubbles are the text, however often the process dies; every bubble closes its code"
    )
    func anyText() async {
        let seed = SeededGenerator.seed(for: "MarkdownCut")
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            round(&generator, dies: Bool.random(using: &generator), seed)
            await Task.yield()
        }
    }

    private func round(_ generator: inout SeededGenerator, dies: Bool, _ seed: UInt64) {
        let hasWindow = Bool.random(using: &generator)
        let capabilities = ReplyCapabilities(
            maximumBytes: Int.random(in: 160...400, using: &generator),
            bubbleWindow: hasWindow ? .milliseconds(Int.random(in: 500...4_000, using: &generator)) : nil
        )
        var machine = StreamMachine(capabilities: capabilities)
        var (whole, time) = ("", now)
        var finals: [Int: (shown: String, part: String)] = [:]
        var room = capabilities.maximumBytes
        @discardableResult func step() -> Bool {
            guard case .send(let update) = machine.next(now: time) else { return false }
            #expect(update.text.utf8.count <= capabilities.maximumBytes, "seed \(seed)")
            room = capabilities.maximumBytes - (update.isFinal ? 0 : update.text.utf8.count)
            guard update.isFinal else { return true }
            let part = update.text.utf8.dropFirst(machine.added.before).dropLast(machine.added.after)
            if let earlier = finals[update.bubble] {
                #expect(earlier.shown == update.text)
            } else {
                finals[update.bubble] = (update.text, String(decoding: part, as: UTF8.self))
            }
            return true
        }
        for _ in 0..<Int.random(in: 1...200, using: &generator) {
            let piece = pieces.randomElement(using: &generator) ?? ""
            whole += piece
            _ = machine.append(piece)
            switch Int.random(in: 0..<8, using: &generator) {
            case 0...2:
                _ = step()
                if Bool.random(using: &generator) { machine.settled(.delivered) }
            case 3: time += .milliseconds(400)
            case 5 where hasWindow:
                // The window of a bubble ends that is full, or nearly.
                let filling = String(repeating: "x", count: max(0, room - Int.random(in: 0...5, using: &generator)))
                whole += filling
                _ = machine.append(filling)
                for pause in [Duration.milliseconds(400), .seconds(5), .zero] {
                    time += pause
                    machine.settled(.delivered)
                    step()
                }
            case 4 where dies: machine = StreamMachine(resuming: machine.saved, capabilities: capabilities)
            default: break
            }
        }
        _ = machine.finish()
        repeat { machine.settled(.delivered) } while step()
        let bubbles = finals.sorted { $0.key < $1.key }.map(\.value)
        let parts = bubbles.map(\.part).joined()
        // White space alone opens no bubble.
        let rest = String(decoding: whole.utf8.dropFirst(parts.utf8.count), as: UTF8.self)
        #expect(whole.utf8.starts(with: parts.utf8) && rest.allSatisfy(\.isWhitespace), "seed \(seed)")
        for bubble in bubbles.dropLast() { #expect(!endsInCode(bubble.shown), "seed \(seed): \(bubble.shown)") }
    }
}
