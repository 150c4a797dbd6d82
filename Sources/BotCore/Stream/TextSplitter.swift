/// Finds where a text that does not fit into one bubble is cut.
///
/// Offsets count UTF-8 bytes from the start of the whole text. A cut never loses or moves a byte: what is before it goes into
/// one bubble, what is after it into the next, and both contain something visible.
///
/// A code block that is cut is closed at the end of the bubble and opened again, the same way, at the start of the next; a table that
/// is cut has its header again. Both count against the bubble's limit, and are left out where they would take more than a quarter of
/// it.
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

    /// Where to cut `text` from `start` on, which must be more bytes than fit.
    ///
    /// The best place in the second half of what fits: around a blank line or a code block, else a line break, else after a sentence,
    /// else a space, else between two graphemes; of equally good ones, the last. A grapheme is cut, between scalars, only if
    /// it does not fit into a bubble by itself.
    func cut(_ text: String, from start: Int, in context: MarkdownContext = .init()) -> Cut {
        let limit = room(for: text, from: start, in: context)
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
        return .at(bestBoundary(in: text, lowest...highest, from: start, in: context).offset)
    }

    /// The most bytes that are left to the next bubble for the sake of a good end.
    static let maximumRest = 1_024

    /// Where a bubble that has to end now, and holds `range`, does: after the best and last paragraph, line or sentence that ends
    /// in its last ``maximumRest`` bytes and second half, else at the end, or if what closes a code block there does not fit, where
    /// a text that is too long is cut. Both sides contain something visible, or the second is empty.
    ///
    /// - Parameter hasPaused: Nothing follows soon, so that all of it is to stay together.
    func end(
        of text: String,
        in range: Range<Int>,
        hasPaused: Bool = false,
        _ context: MarkdownContext = .init()
    ) -> Int {
        let end = hasPaused ? range.upperBound : goodEnd(of: text, in: range, context)
        var last = context
        last.read(text.slice(utf8: range.lowerBound..<end).utf8)
        let bytes = end - range.lowerBound + closing(in: last).utf8.count
        guard bytes > room(for: text, from: range.lowerBound, in: context),
            case .at(let offset) = cut(text, from: range.lowerBound, in: context)
        else { return end }
        return offset
    }

    private func goodEnd(of text: String, in range: Range<Int>, _ context: MarkdownContext) -> Int {
        guard let first = text.firstVisible(in: range), let last = text.lastVisible(in: range) else {
            return range.upperBound
        }
        let lowest = max(first.upperBound, range.upperBound - min(range.count / 2, Self.maximumRest))
        guard text.isGraphemeBoundary(range.upperBound), lowest <= range.upperBound else { return range.upperBound }
        let best = bestBoundary(in: text, lowest...range.upperBound, from: range.lowerBound, in: context)
        return best.boundary >= .sentence && best.offset <= last.lowerBound ? best.offset : range.upperBound
    }

    /// How much of a text from `start` on can be shown in one bubble if none of it is cut off for another.
    func fittingEnd(_ text: String, from start: Int, in context: MarkdownContext = .init()) -> Int {
        let end = text.utf8.count
        let limit = room(for: text, from: start, in: context)
        guard end - start > limit else { return end }
        return text.scalarBoundary(atOrBefore: start + limit)
    }

    /// The last of the best boundaries in `range`, whose upper bound is a grapheme boundary, of a bubble that begins at `start`.
    private func bestBoundary(
        in text: String,
        _ range: ClosedRange<Int>,
        from start: Int,
        in context: MarkdownContext
    ) -> (offset: Int, boundary: TextBoundary) {
        // Five bytes before and two after decide what kind of boundary an offset is.
        let base = max(0, range.lowerBound - 5)
        let bytes = Array(
            text.utf8[text.index(utf8: base)..<text.index(utf8: min(text.utf8.count, range.upperBound + 2))]
        )
        let lines = MarkdownLines(text, start..<range.upperBound, after: context)
        let room = room(for: text, from: start, in: context)
        var best: (offset: Int, boundary: TextBoundary)?
        for offset in range.reversed() {
            let plain = TextBoundary(bytes, at: offset - base)
            // Only between lines can Markdown make a place better.
            if let best, plain <= best.boundary, plain < .line { continue }
            let boundary = lines.boundary(plain, at: offset)
            if let best, boundary <= best.boundary { continue }
            // A combining scalar may follow a space or a full stop; nothing combines with a line break.
            if boundary < .line, !text.isGraphemeBoundary(offset) { continue }
            guard offset - start + closing(in: lines.context(at: offset)).utf8.count <= room else { continue }
            best = (offset, boundary)
            if boundary == .paragraph { break }
        }
        return best ?? (range.upperBound, .broken)
    }
}

// MARK: What is added

extension TextSplitter {
    /// How many bytes of a text from `start` on fit into a bubble.
    func room(for text: String, from start: Int, in context: MarkdownContext) -> Int {
        limit - opening(of: text, from: start, in: context).utf8.count
    }

    /// What a bubble begins with whose text starts at `start`.
    func opening(of text: String, from start: Int, in context: MarkdownContext) -> String {
        guard isWorthIt(context) else { return "" }
        return String(decoding: context.opening(before: text.utf8[text.index(utf8: start)...]), as: UTF8.self)
    }

    /// What a bubble ends with whose text stops where Markdown stands like that, if there is room.
    func closing(in context: MarkdownContext) -> String {
        isWorthIt(context) ? String(decoding: context.closing, as: UTF8.self) : ""
    }

    private func isWorthIt(_ context: MarkdownContext) -> Bool {
        context.maximumAddition > 0 && context.maximumAddition <= limit / 4
    }
}
