/// A bubble: a frame with a name in its upper edge and remarks in its lower one.
struct Box {
    var title = StyledLine()
    var body: [StyledLine] = []
    var footer = StyledLine()
    /// How far from the left it stands.
    var indentation = 0
    /// From one outer edge to the other.
    var width = 0
    var edge = Style.dim

    /// What is around the text on each line: the edges and a space inside of each.
    static let padding = 4

    /// How wide a box must be for these lines.
    static func width(fitting lines: [StyledLine], title: StyledLine) -> Int {
        max(lines.map(\.columns).max() ?? 0, title.columns + 2) + padding
    }

    /// Its lines as they are sent to the terminal.
    func encoded(inColor: Bool) -> [String] {
        let inner = width - Box.padding
        let margin = String(repeating: " ", count: indentation)
        let upper = rule("╭", title.cut(to: inner - 2), "╮")
        let lower = rule("╰", footer.cut(to: inner - 2), "╯")
        let left = StyledLine(margin) + StyledLine("│ ", edge)
        let right = StyledLine("│", edge).encoded(inColor: inColor)
        // The right edge is put in its column, so that it is straight even where a terminal disagrees about a width.
        let column = "\u{1B}[\(indentation + width)G"
        let lines = body.map {
            (left + $0.cut(to: inner).padded(to: inner + 1)).encoded(inColor: inColor) + column + right
        }
        return [(StyledLine(margin) + upper).encoded(inColor: inColor)] + lines
            + [(StyledLine(margin) + lower).encoded(inColor: inColor)]
    }

    private func rule(_ start: String, _ text: StyledLine, _ end: String) -> StyledLine {
        let label = text.cells.isEmpty ? StyledLine() : StyledLine(" ") + text + StyledLine(" ")
        let rest = String(repeating: "─", count: max(0, width - 3 - label.columns))
        return StyledLine(start + "─", edge) + label + StyledLine(rest + end, edge)
    }
}
