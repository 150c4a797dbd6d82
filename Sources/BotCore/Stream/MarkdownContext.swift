/// What of a Markdown text is open at some place in it: what a bubble that ends there has to close, and the next one to begin with.
///
/// It knows code blocks between fences (``` or ~~~, three or more, indented by at most three spaces) and tables; everything else can
/// be cut anywhere. Costs as much as the text that it reads is long.
package struct MarkdownContext: Sendable, Hashable {
    /// A code block that is open.
    struct Fence: Sendable, Hashable {
        /// The line that opened it, with its end.
        var line: [UInt8]
        var indentation: Int
        var mark: UInt8
        var length: Int

        /// The line that closes it.
        var end: [UInt8] { Array(line.prefix(indentation)) + Array(repeating: mark, count: length) }

        /// Whether a line, without its end, closes it.
        func isClosed(by line: ArraySlice<UInt8>) -> Bool {
            guard let other = Fence(line), other.mark == mark, other.length >= length else { return false }
            return line.dropFirst(other.indentation + other.length).allSatisfy { $0 == .space || $0 == .tab }
        }
    }

    enum Block: Sendable, Hashable {
        case text
        /// After a line that may be the first of a table.
        case perhapsTable([UInt8])
        /// After the first two lines of a table, which these are, or after a row.
        case table(head: [UInt8], hasRows: Bool)
        case code(Fence, hasLines: Bool)
    }

    private(set) var block = Block.text
    /// Whether the place is in the midst of a line. What follows of it is neither a fence nor a row.
    package private(set) var isMidLine = false

    /// Where every text begins.
    package init() {}

    /// What another process had come to.
    package init(opening: String, isMidLine: Bool) {
        read(opening.utf8)
        self.isMidLine = isMidLine
    }

    /// Reads on.
    package mutating func read(_ text: some Sequence<UInt8>) {
        var line: [UInt8] = []
        for byte in text {
            line.append(byte)
            guard byte == .newline else { continue }
            finish(line)
            line.removeAll(keepingCapacity: true)
        }
        if !line.isEmpty { breakOff(line) }
    }

    /// Reads the beginning of a line that ends in another bubble. A fence counts as it is then: that is how the bubble looks.
    private mutating func breakOff(_ line: [UInt8]) {
        guard !isMidLine else { return }
        isMidLine = true
        if case .code(let fence, _) = block {
            if fence.isClosed(by: line.lineContent) { block = .text }
        } else if var fence = Fence(line.lineContent) {
            fence.line = line.lineContent + [.newline]
            block = .code(fence, hasLines: false)
        }
    }

    /// Reads a whole line, or the rest of one.
    private mutating func finish(_ line: [UInt8]) {
        guard !isMidLine else {
            isMidLine = false
            switch block {
            case .perhapsTable: block = .text
            case .code(let fence, _): block = .code(fence, hasLines: true)
            case .text, .table: break
            }
            return
        }
        let content = line.lineContent
        switch block {
        case .code(let fence, _):
            block = fence.isClosed(by: content) ? .text : .code(fence, hasLines: true)
        case .perhapsTable(let first) where content.isTableDelimiter(below: first.lineContent):
            block = .table(head: first + line, hasRows: false)
        case .table(let head, _) where content.isTableRow && Fence(content) == nil:
            block = .table(head: head, hasRows: true)
        case .text, .perhapsTable, .table:
            if var fence = Fence(content) {
                fence.line = line
                block = .code(fence, hasLines: false)
            } else {
                block = content.isTableRow ? .perhapsTable(line) : .text
            }
        }
    }

    /// The most bytes that a bubble has more for what is open here.
    var maximumAddition: Int {
        switch block {
        case .text, .perhapsTable: 0
        case .table(let head, _): head.count
        case .code(let fence, _): fence.line.count + fence.end.count + 1
        }
    }

    /// What a bubble begins with whose text starts here.
    ///
    /// - Parameter line: The text from here to the end of the line.
    func opening(before line: some Sequence<UInt8>) -> [UInt8] {
        switch block {
        case .text, .perhapsTable: []
        case .table(let head, _): !isMidLine && line.prefix { $0 != .newline }.contains(.bar) ? head : []
        case .code(let fence, _): fence.line
        }
    }

    /// Whether a code block is open.
    var isInCode: Bool { if case .code = block { true } else { false } }

    /// What a bubble ends with whose text stops here.
    package var closing: [UInt8] {
        guard case .code(let fence, _) = block else { return [] }
        return (isMidLine ? [.newline] : []) + fence.end
    }

    /// What another process needs for ``init(opening:isMidLine:)``.
    package var opening: String {
        switch block {
        case .text, .perhapsTable: ""
        case .table(let head, _): String(decoding: head, as: UTF8.self)
        case .code(let fence, _): String(decoding: fence.line, as: UTF8.self)
        }
    }
}

// MARK: - Where it is cut

extension MarkdownContext {
    /// How good a place between two lines is to cut: before `line`, which is without its end, if it is as good as `boundary` by
    /// what is around it alone.
    func boundary(_ boundary: TextBoundary, before line: ArraySlice<UInt8>, isAfterCode: Bool) -> TextBoundary {
        switch block {
        case .code(_, hasLines: false), .table(_, hasRows: false): .broken
        case .code(let fence, hasLines: true): fence.isClosed(by: line) ? .broken : .line
        case .table(_, hasRows: true): line.isTableRow ? .line : boundary
        case .perhapsTable(let head) where line.isTableDelimiter(below: head.lineContent): .broken
        case .text, .perhapsTable: isAfterCode || Fence(line) != nil ? .paragraph : boundary
        }
    }

    /// The same for a place in the midst of `line`, or at its end.
    func boundary(_ boundary: TextBoundary, within line: ArraySlice<UInt8>) -> TextBoundary {
        switch block {
        case .code(let fence, _):
            if !isMidLine, fence.isClosed(by: line) { return .broken }
            return boundary >= .line ? .sentence : min(boundary, .space)
        case .table where !isMidLine && line.isTableRow: return boundary >= .line ? .grapheme : min(boundary, .space)
        case .perhapsTable(let head) where !isMidLine && line.isTableDelimiter(below: head.lineContent): return .broken
        case .text, .perhapsTable, .table: return !isMidLine && Fence(line) != nil ? .broken : boundary
        }
    }
}

extension MarkdownContext.Fence {
    /// What a line opens, if it opens a code block; `line` is without its end.
    init?(_ line: ArraySlice<UInt8>) {
        let indentation = line.prefix { $0 == .space }.count
        let rest = line.dropFirst(indentation)
        guard indentation <= 3, let mark = rest.first, mark == .backtick || mark == .tilde else { return nil }
        let length = rest.prefix { $0 == mark }.count
        // A line with more backticks is code within a line.
        guard length >= 3, mark == .tilde || !rest.dropFirst(length).contains(mark) else { return nil }
        self.init(line: Array(line), indentation: indentation, mark: mark, length: length)
    }
}

extension UInt8 {
    fileprivate static let newline = UInt8(ascii: "\n")
    fileprivate static let space = UInt8(ascii: " ")
    fileprivate static let tab = UInt8(ascii: "\t")
    fileprivate static let backtick = UInt8(ascii: "`")
    fileprivate static let tilde = UInt8(ascii: "~")
    fileprivate static let bar = UInt8(ascii: "|")
}

extension Array<UInt8> {
    /// A line without its end.
    fileprivate var lineContent: ArraySlice<UInt8> {
        let line = last == .newline ? dropLast() : self[...]
        return line.last == UInt8(ascii: "\r") ? line.dropLast() : line
    }
}

extension ArraySlice<UInt8> {
    /// Whether a line can be one of a table.
    fileprivate var isTableRow: Bool { contains(.bar) }

    /// Whether a line is the second one of a table whose first one is `head`.
    fileprivate func isTableDelimiter(below head: ArraySlice<UInt8>) -> Bool {
        guard contains(.bar), allSatisfy("|:- \t".utf8.contains) else { return false }
        let cells = cells
        return cells.count == head.cells.count
            && cells.allSatisfy { cell in
                var marks = cell
                if marks.first == UInt8(ascii: ":") { marks = marks.dropFirst() }
                if marks.last == UInt8(ascii: ":") { marks = marks.dropLast() }
                return !marks.isEmpty && marks.allSatisfy { $0 == UInt8(ascii: "-") }
            }
    }

    /// What is between the bars of a line, without white space around it.
    private var cells: [ArraySlice<UInt8>] {
        var cells = [self[startIndex..<startIndex]]
        var isEscaped = false
        for index in indices {
            if self[index] == .bar, !isEscaped {
                cells.append(self[(index + 1)..<(index + 1)])
            } else {
                cells[cells.count - 1] = self[cells[cells.count - 1].startIndex...index]
            }
            isEscaped = self[index] == UInt8(ascii: "\\") && !isEscaped
        }
        cells = cells.map(\.trimmed)
        if cells.count > 1, cells.first?.isEmpty == true { cells.removeFirst() }
        if cells.count > 1, cells.last?.isEmpty == true { cells.removeLast() }
        return cells
    }

    private var trimmed: ArraySlice<UInt8> {
        let isBlank = { (byte: UInt8) in byte == .space || byte == .tab }
        guard let last = lastIndex(where: { !isBlank($0) }) else { return self[startIndex..<startIndex] }
        return self[...last].drop(while: isBlank)
    }
}
