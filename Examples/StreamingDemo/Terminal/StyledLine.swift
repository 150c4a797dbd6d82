/// How something is shown. Colours are those of the terminal's own palette, so that they fit its theme.
struct Style: Hashable {
    enum Color: Int, Hashable {
        case red = 31
        case green, yellow, blue, magenta, cyan
    }

    var color: Color?
    var isBold = false
    var isDim = false

    static let plain = Style()
    static let bold = Style(isBold: true)
    static let dim = Style(isDim: true)

    static func color(_ color: Color?, isBold: Bool = false, isDim: Bool = false) -> Style {
        Style(color: color, isBold: isBold, isDim: isDim)
    }

    /// The numbers of the escape sequence.
    fileprivate var parameters: [Int] {
        (isBold ? [1] : []) + (isDim ? [2] : []) + (color.map { [$0.rawValue] } ?? [])
    }
}

/// Characters, each with its style: a line, or a paragraph before it is wrapped.
struct StyledLine: Hashable {
    struct Cell: Hashable {
        let character: Character
        let style: Style
    }

    var cells: [Cell] = []

    init() {}

    init(_ cells: some Sequence<Cell>) {
        self.cells = Array(cells)
    }

    init(_ text: some StringProtocol, _ style: Style = .plain) {
        append(text, style)
    }

    var columns: Int { cells.reduce(0) { $0 + $1.character.columns } }

    mutating func append(_ text: some StringProtocol, _ style: Style = .plain) {
        cells += text.map { Cell(character: $0, style: style) }
    }

    static func + (left: StyledLine, right: StyledLine) -> StyledLine { StyledLine(left.cells + right.cells) }

    /// As much of it as fits, with `…` at the end if something is missing.
    func cut(to columns: Int) -> StyledLine {
        guard self.columns > columns else { return self }
        var room = columns - 1
        let fitting = cells.prefix { cell in
            room -= cell.character.columns
            return room >= 0
        }
        return StyledLine(fitting) + StyledLine("…", fitting.last?.style ?? .plain)
    }

    /// With spaces after it.
    func padded(to columns: Int) -> StyledLine {
        self + StyledLine(String(repeating: " ", count: max(0, columns - self.columns)))
    }

    /// As it is sent to the terminal.
    func encoded(inColor: Bool) -> String {
        guard inColor else { return String(cells.map(\.character)) }
        var text = ""
        var style = Style.plain
        for cell in cells {
            if cell.style != style {
                style = cell.style
                text += "\u{1B}[" + ([0] + style.parameters).map(String.init).joined(separator: ";") + "m"
            }
            text.append(cell.character)
        }
        return style == .plain ? text : text + "\u{1B}[0m"
    }
}
