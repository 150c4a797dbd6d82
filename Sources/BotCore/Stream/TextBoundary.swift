/// How good a place is to cut, judged by the bytes around it.
enum TextBoundary: Int, Comparable {
    /// Within what belongs together, such as a fence and its first line.
    case broken
    case grapheme, space, sentence, line, paragraph

    static func < (left: TextBoundary, right: TextBoundary) -> Bool { left.rawValue < right.rawValue }

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
