/// Finds where a text that does not fit into one bubble is cut.
///
/// Offsets count UTF-8 bytes from the start of the whole text. A cut never loses or moves a byte: what is before it goes into
/// one bubble, what is after it into the next, and both contain something visible.
struct TextSplitter: Sendable {
    /// What to do with a text that is too long.
    enum Cut: Equatable {
        /// The bubble ends before this offset.
        case at(Int)
        /// Everything before this offset is white space that leaves no room for anything visible: it is left out. This and
        /// the white space after ``blankRest`` are the only text that is ever lost.
        case skip(to: Int)
        /// All that is visible is one grapheme at the start, and what does not fit is white space: there is no cut that
        /// leaves both sides visible.
        case blankRest
    }

    /// The most bytes of one bubble.
    let limit: Int

    /// A splitter for bubbles of at most `limit` bytes; at least 4, the longest scalar.
    init(limit: Int) {
        self.limit = max(limit, 4)
    }

    /// Where to cut `text` from `start` on, which must be more than ``limit`` bytes.
    ///
    /// The best place in the second half of what fits: after or before a blank line, else a line break, else after a sentence,
    /// else a space, else between two graphemes; of equally good ones, the last. A grapheme is cut, between scalars, only if
    /// it does not fit into a bubble by itself.
    func cut(_ text: String, from start: Int) -> Cut {
        let end = text.utf8.count
        guard let first = text.firstVisible(in: start..<end), let last = text.lastVisible(in: start..<end) else {
            return .skip(to: end)
        }
        if first.upperBound > start + limit { return .skip(to: first.lowerBound) }

        let bound = min(start + limit, last.lowerBound)
        let highest = text.graphemeBoundary(atOrBefore: bound)
        guard highest >= first.upperBound else {
            if last.upperBound <= start + limit { return .blankRest }
            let visible = text.index(utf8: first.lowerBound)
            let fitsAlone = text.utf8.distance(from: visible, to: text.index(after: visible)) <= limit
            if fitsAlone, first.lowerBound > start { return .skip(to: first.lowerBound) }
            return .at(text.scalarBoundary(atOrBefore: start + limit))
        }
        let lowest = max(first.upperBound, highest - limit / 2)
        return .at(bestBoundary(in: text, lowest...highest).offset)
    }

    /// The most bytes that are left to the next bubble for the sake of a good end.
    static let maximumRest = 1_024

    /// Where a bubble that has to end now, and holds `range`, does: after the best and last paragraph, line or sentence that ends
    /// in its last ``maximumRest`` bytes and second half, else at the end. Both sides contain something visible, or the second
    /// is empty.
    func end(of text: String, in range: Range<Int>) -> Int {
        guard let first = text.firstVisible(in: range), let last = text.lastVisible(in: range) else {
            return range.upperBound
        }
        let lowest = max(first.upperBound, range.upperBound - min(range.count / 2, Self.maximumRest))
        guard text.isGraphemeBoundary(range.upperBound), lowest <= range.upperBound else { return range.upperBound }
        let best = bestBoundary(in: text, lowest...range.upperBound)
        return best.boundary >= .sentence && best.offset <= last.lowerBound ? best.offset : range.upperBound
    }

    /// How much of a text from `start` on can be shown in one bubble if none of it is cut off for another.
    func fittingEnd(_ text: String, from start: Int) -> Int {
        let end = text.utf8.count
        guard end - start > limit else { return end }
        return text.scalarBoundary(atOrBefore: start + limit)
    }

    /// The last of the best boundaries in `range`, whose upper bound is a grapheme boundary.
    private func bestBoundary(in text: String, _ range: ClosedRange<Int>) -> (offset: Int, boundary: Boundary) {
        // Five bytes before and two after decide what kind of boundary an offset is.
        let base = max(0, range.lowerBound - 5)
        let bytes = Array(
            text.utf8[text.index(utf8: base)..<text.index(utf8: min(text.utf8.count, range.upperBound + 2))]
        )
        var best = (offset: range.upperBound, boundary: Boundary.grapheme)
        for offset in range.reversed() {
            let boundary = Boundary(bytes, at: offset - base)
            guard boundary > best.boundary else { continue }
            // A combining scalar may follow a space or a full stop; nothing combines with a line break.
            if boundary < .line, !text.isGraphemeBoundary(offset) { continue }
            best = (offset, boundary)
            if boundary == .paragraph { break }
        }
        return best
    }
}

/// How good a place is to cut, judged by the bytes around it.
private enum Boundary: Int, Comparable {
    case grapheme, space, sentence, line, paragraph

    static func < (left: Boundary, right: Boundary) -> Bool { left.rawValue < right.rawValue }

    private static let newline = UInt8(ascii: "\n")
    private static let sentenceEnds = ["。", "！", "？", "；", "…", ". ", "! ", "? "].map { Array($0.utf8) }

    init(_ bytes: [UInt8], at offset: Int) {
        let before = bytes[..<offset]
        let after = bytes[offset...]
        switch (before.last, after.first) {
        case (UInt8(ascii: "\r"), Self.newline):
            self = .grapheme
        case (Self.newline, Self.newline):
            self = .paragraph
        case (Self.newline, _):
            let line = before.dropLast()
            let isBlank = line.last == Self.newline || line.suffix(2) == [Self.newline, UInt8(ascii: "\r")]
            self = isBlank ? .paragraph : .line
        case (_, Self.newline):
            self = after.dropFirst().first == Self.newline ? .paragraph : .line
        case (let byte?, _) where byte >= 0x80 || byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t"):
            let isSentence = Self.sentenceEnds.contains { before.suffix($0.count) == $0[...] }
            self = isSentence ? .sentence : byte < 0x80 ? .space : .grapheme
        default:
            self = .grapheme
        }
    }
}
