// Native strings are UTF-8, so going from a byte offset to an index and back costs O(1).
extension String {
    /// The index at a byte offset.
    func index(utf8 offset: Int) -> Index {
        utf8.index(utf8.startIndex, offsetBy: offset)
    }

    /// The bytes in a range, which must begin and end between scalars, as a string.
    func slice(utf8 range: Range<Int>) -> String {
        String(self[index(utf8: range.lowerBound)..<index(utf8: range.upperBound)])
    }

    /// The offset itself if it is between two scalars, else that of the scalar it is inside.
    func scalarBoundary(atOrBefore offset: Int) -> Int {
        guard offset < utf8.count else { return utf8.count }
        var offset = offset
        while utf8[index(utf8: offset)] & 0b1100_0000 == 0b1000_0000 { offset -= 1 }
        return offset
    }

    /// The offset itself if it is between two graphemes, else that of the grapheme it is inside.
    func graphemeBoundary(atOrBefore offset: Int) -> Int {
        let scalar = index(utf8: scalarBoundary(atOrBefore: offset))
        guard scalar > startIndex, scalar < endIndex else { return utf8.distance(from: startIndex, to: scalar) }
        // Both round down to a grapheme first, so this is where the grapheme around, or after, `scalar` starts.
        return utf8.distance(from: startIndex, to: index(before: index(after: scalar)))
    }

    /// Whether an offset is between two graphemes.
    func isGraphemeBoundary(_ offset: Int) -> Bool {
        Index(index(utf8: offset), within: self) != nil
    }

    /// The first scalar in a range of bytes that is not white space.
    func firstVisible(in range: Range<Int>) -> Range<Int>? {
        let scalars = unicodeScalars[index(utf8: range.lowerBound)..<index(utf8: range.upperBound)]
        guard let found = scalars.firstIndex(where: { !$0.properties.isWhitespace }) else { return nil }
        return bytes(ofScalarAt: found)
    }

    /// The last scalar in a range of bytes that is not white space.
    func lastVisible(in range: Range<Int>) -> Range<Int>? {
        let scalars = unicodeScalars[index(utf8: range.lowerBound)..<index(utf8: range.upperBound)]
        guard let found = scalars.lastIndex(where: { !$0.properties.isWhitespace }) else { return nil }
        return bytes(ofScalarAt: found)
    }

    /// What stands for text that is left out.
    static let omission = "…"

    /// The string if it has no more bytes than that, else as much of its end as fits behind ``omission``, from between two graphemes.
    func newest(maximumBytes: Int) -> String {
        guard utf8.count > maximumBytes else { return self }
        let earliest = utf8.count - max(0, maximumBytes - Self.omission.utf8.count)
        var offset = graphemeBoundary(atOrBefore: earliest)
        if offset < earliest { offset = utf8.distance(from: startIndex, to: index(after: index(utf8: offset))) }
        return Self.omission + slice(utf8: offset..<utf8.count)
    }

    /// Whether the strings are the same bytes. `==` would also find equivalent ones equal.
    func isIdentical(to other: String) -> Bool {
        utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
    }

    private func bytes(ofScalarAt index: Index) -> Range<Int> {
        let start = utf8.distance(from: startIndex, to: index)
        return start..<start + UTF8.width(unicodeScalars[index])
    }
}
