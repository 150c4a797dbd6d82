/// Shows Markdown in a terminal, as far as answers use it: headings, lists, fenced code, `**bold**` and `` `code` ``.
///
/// Markdown that is still being written is shown as far as it is clear what it is; more text never changes anything but the last
/// line.
enum Markdown {
    /// The lines of a text at this width.
    static func lines(of text: Substring, width: Int, accent: Style.Color?) -> [StyledLine] {
        var lines: [StyledLine] = []
        var isCode = false
        for paragraph in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if paragraph.hasPrefix("```") {
                isCode.toggle()
                let label = isCode ? paragraph.dropFirst(3) : ""
                lines.append(StyledLine(isCode ? "┌╴\(label)" : "└╴", .dim))
            } else if isCode {
                let depth = paragraph.prefix { $0 == " " }.count
                let code = StyledLine(paragraph, .color(.cyan)).wrapped(to: max(1, width - 2), hanging: depth + 2)
                lines += code.map { StyledLine("│ ", .dim) + $0 }
            } else {
                lines += prose(paragraph, accent: accent, width: width)
            }
        }
        return lines
    }

    private static func prose(_ paragraph: Substring, accent: Style.Color?, width: Int) -> [StyledLine] {
        let marks = paragraph.prefix { $0 == "#" }.count
        if (1...6).contains(marks), paragraph.dropFirst(marks).first == " " {
            return inline(paragraph.dropFirst(marks + 1), base: .color(accent, isBold: true)).wrapped(to: width)
        }
        if paragraph.hasPrefix("- ") {
            let item = StyledLine("• ", .color(accent)) + inline(paragraph.dropFirst(2), base: .plain)
            return item.wrapped(to: width, hanging: 2)
        }
        return inline(paragraph, base: .plain).wrapped(to: width)
    }

    private static func inline(_ text: some StringProtocol, base: Style) -> StyledLine {
        var line = StyledLine()
        var style = base
        var rest = Substring(text)
        while let character = rest.first {
            if rest.hasPrefix("**") {
                style.isBold = style.isBold == base.isBold ? !base.isBold : base.isBold
                rest = rest.dropFirst(2)
            } else if character == "`" {
                style.color = style.color == base.color ? .cyan : base.color
                rest = rest.dropFirst()
            } else {
                line.append(String(character), style)
                rest = rest.dropFirst()
            }
        }
        return line
    }
}
