import WeComBot

/// The conversation as it stands on the page: what there is to see, and how far each answer has been revealed.
struct Page {
    /// A piece of the page.
    enum Block {
        /// Lines as they are.
        case note([StyledLine])
        /// Text that is wrapped.
        case paragraph(StyledLine)
        /// Something that happened while an answer was under way.
        case remark(StyledLine)
        /// What somebody asked.
        case question(Script.Turn)
        /// An answer, by the id of its question.
        case answer(String)
        /// How it went.
        case summary(Verdict)
    }

    /// An answer, and how much of it is on the page.
    private struct Growth {
        var answer: Answer
        var text: Substring
        var revealed: Substring

        var isSettled: Bool { answer.isComplete && revealed.endIndex == text.endIndex }
    }

    private var blocks: [Block] = []
    private var growths: [String: Growth] = [:]
    private var colors: [Script.Chat: Style.Color] = [:]
    /// The lines of blocks that will not change, at one width.
    private var cache: (width: Int, lines: [Int: [String]]) = (0, [:])

    private static let palette: [Style.Color] = [.cyan, .magenta, .blue, .yellow]

    mutating func append(_ block: Block) {
        blocks.append(block)
    }

    mutating func ask(_ answer: Answer) {
        if colors[answer.turn.chat] == nil {
            colors[answer.turn.chat] = Page.palette[colors.count % Page.palette.count]
        }
        blocks.append(.question(answer.turn))
    }

    /// An answer has changed. What is already on the page stays there, if the new text begins with it.
    mutating func update(_ answer: Answer) {
        let text = Substring(answer.text)
        let old = growths[answer.messageID]?.revealed ?? ""
        let common = zip(text.indices, old).prefix { text[$0.0] == $0.1 }.count
        let growth = Growth(answer: answer, text: text, revealed: text.prefix(common))
        if growths.updateValue(growth, forKey: answer.messageID) == nil { blocks.append(.answer(answer.messageID)) }
    }

    /// Reveals some more: all that is there within about a third of a second.
    mutating func reveal() {
        for (id, growth) in growths where growth.revealed.endIndex != growth.text.endIndex {
            let missing = growth.text.count - growth.revealed.count
            growths[id]?.revealed = growth.text.prefix(growth.revealed.count + max(1, (missing + 6) / 7))
        }
    }

    mutating func revealAll() {
        for (id, growth) in growths { growths[id]?.revealed = growth.text }
    }

    /// Every line, ready to be sent to a terminal, and how many at the start will never change again.
    mutating func layout(width: Int, inColor: Bool) -> (lines: [String], settled: Int) {
        if cache.width != width { cache = (width, [:]) }
        var lines: [String] = []
        var settled: Int?
        for (index, block) in blocks.enumerated() {
            if let known = cache.lines[index] {
                lines += known
                continue
            }
            let made = encode(block, width: width, inColor: inColor)
            if case .answer(let id) = block, growths[id]?.isSettled != true {
                // The last line of the text may still change, and so may the lower edge.
                settled = settled ?? lines.count + max(0, made.count - 2)
            } else {
                cache.lines[index] = made
            }
            lines += made
        }
        return (lines, settled ?? lines.count)
    }

    private func encode(_ block: Block, width: Int, inColor: Bool) -> [String] {
        let indentation = width >= 50 ? 4 : 2
        switch block {
        case .note(let lines): return lines.map { $0.cut(to: width).encoded(inColor: inColor) }
        case .paragraph(let text): return text.wrapped(to: width).map { $0.encoded(inColor: inColor) }
        case .remark(let text):
            let margin = StyledLine(String(repeating: " ", count: indentation + 2))
            return text.wrapped(to: width - margin.columns, hanging: 3).map { (margin + $0).encoded(inColor: inColor) }
        case .question(let turn): return [""] + question(turn, width: width).encoded(inColor: inColor)
        case .answer(let id):
            guard let growth = growths[id] else { return [] }
            return answer(growth, indentation: indentation, width: width).encoded(inColor: inColor)
        case .summary(let verdict):
            let next = StyledLine(verdict.next, .dim).wrapped(to: width)
            return [""] + summary(verdict, width: width).encoded(inColor: inColor)
                + next.map { $0.encoded(inColor: inColor) }
        }
    }

    private func question(_ turn: Script.Turn, width: Int) -> Box {
        let color = colors[turn.chat]
        var title = StyledLine(turn.person.name, .color(color, isBold: true))
        if turn.chat.isGroup { title.append(" in \(turn.chat.name)", .color(color)) }
        let body = StyledLine(turn.question).wrapped(to: width * 3 / 4 - Box.padding)
        let boxWidth = min(width, Box.width(fitting: body, title: title))
        return Box(title: title, body: body, width: boxWidth, edge: .color(color))
    }

    private func answer(_ growth: Growth, indentation: Int, width: Int) -> Box {
        let answer = growth.answer
        let color = colors[answer.turn.chat]
        var box = Box(indentation: indentation, width: width - indentation, edge: .color(color, isDim: true))
        box.title =
            StyledLine("bot", .color(color, isBold: true)) + StyledLine(" → \(answer.turn.chat.name)", .color(color))
        // One column is left for the mark that shows where it grows.
        box.body = Markdown.lines(of: growth.revealed, width: box.width - Box.padding - 1, accent: color)
        box.footer = StyledLine("\(answer.frames.of("frame")) · \(answer.bytes.asBytes)", .dim)
        if growth.isSettled {
            let latency = answer.latency.map { " · first after \($0.short)" } ?? ""
            let remark = answer.crossedReset ? " · complete, across the reset" : latency
            box.footer = StyledLine("✓ ", .color(.green)) + box.footer + StyledLine(remark, .dim)
        } else if let last = box.body.popLast() {
            box.body.append(last + StyledLine("▍", .color(color)))
        }
        return box
    }

    private func summary(_ verdict: Verdict, width: Int) -> Box {
        let hasFaults = !verdict.faults.isEmpty
        let style = Style.color(hasFaults ? .red : .green, isBold: true)
        let title = StyledLine((hasFaults ? "✗ " : "✓ ") + verdict.headline, style)
        let faults = verdict.faults.flatMap { fault in
            fault.split(separator: "\n").flatMap {
                StyledLine($0, .color(.red)).wrapped(to: width - Box.padding, hanging: 2)
            }
        }
        let figures = verdict.rows.flatMap { row in
            let line = StyledLine(row.name.rightPadded(to: 13), .dim) + StyledLine(row.value)
            return line.wrapped(to: width - Box.padding, hanging: 13)
        }
        let body = faults + figures
        let boxWidth = min(width, Box.width(fitting: body, title: title))
        return Box(title: title, body: body, width: boxWidth, edge: .color(hasFaults ? .red : .green))
    }
}
