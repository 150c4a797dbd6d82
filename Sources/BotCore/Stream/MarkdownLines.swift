/// The lines of a part of a text, with where Markdown stands before each.
struct MarkdownLines {
    private struct Line {
        let start: Int
        let context: MarkdownContext
        /// Without its end; of one that is longer than is looked at, its beginning.
        let content: ArraySlice<UInt8>
    }

    /// How far beyond the part the last line is looked at.
    private static let lookahead = 512

    private var lines: [Line] = []

    /// The lines of what is in `range`.
    init(_ text: String, _ range: Range<Int>, after context: MarkdownContext) {
        let end = min(text.utf8.count, range.upperBound + Self.lookahead)
        let bytes = Array(text.utf8[text.index(utf8: range.lowerBound)..<text.index(utf8: end)])
        var context = context
        var start = 0
        while range.lowerBound + start <= range.upperBound {
            let newline = bytes[start...].firstIndex(of: UInt8(ascii: "\n"))
            let line = bytes[start..<(newline ?? bytes.count)]
            let content = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
            lines.append(Line(start: range.lowerBound + start, context: context, content: content))
            guard let newline else { break }
            context.read(bytes[start...newline])
            start = newline + 1
        }
    }

    /// Where Markdown stands at an offset within the part.
    func context(at offset: Int) -> MarkdownContext {
        let line = lines[index(of: offset)]
        var context = line.context
        context.read(line.content.prefix(offset - line.start))
        return context
    }

    /// How good an offset is to cut, if it is as good as `boundary` by the bytes around it.
    func boundary(_ boundary: TextBoundary, at offset: Int) -> TextBoundary {
        let index = index(of: offset)
        let line = lines[index]
        guard offset == line.start, index > 0 else { return line.context.boundary(boundary, within: line.content) }
        return line.context.boundary(boundary, before: line.content, isAfterCode: lines[index - 1].context.isInCode)
    }

    /// The line that an offset is in, or at the start of.
    private func index(of offset: Int) -> Int {
        var (low, high) = (0, lines.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if lines[middle].start <= offset { low = middle } else { high = middle }
        }
        return low
    }
}
