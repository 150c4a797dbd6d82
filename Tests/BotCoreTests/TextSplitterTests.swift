import BotFoundation
import TestSupport
import Testing

@testable import BotCore

@Suite("TextSplitter")
struct TextSplitterTests {
    private func cut(_ text: String, limit: Int, from start: Int = 0) -> TextSplitter.Cut {
        TextSplitter(limit: limit).cut(text, from: start)
    }

    /// The parts that a stream makes of a text, and what was left out.
    private func parts(_ text: String, limit: Int) -> [String] {
        let splitter = TextSplitter(limit: limit)
        var parts: [String] = []
        var start = 0
        while text.utf8.count - start > splitter.limit {
            switch splitter.cut(text, from: start) {
            case .at(let end):
                parts.append(text.slice(utf8: start..<end))
                start = end
            case .skip(let next): start = next
            case .blankRest: return parts + [text.slice(utf8: start..<splitter.fittingEnd(text, from: start))]
            }
        }
        return parts + [text.slice(utf8: start..<text.utf8.count)]
    }

    @Test("the best boundary wins over a later, worse one")
    func bestBoundary() {
        #expect(cut("aaaa bbbb\n\ncccc\ndddd. e fffffff", limit: 20) == .at(11))
        #expect(cut("aaaa bbbb  cccc\ndddd. e fffffff", limit: 25) == .at(16))
        #expect(cut("aaaa bbbb. cccc dddd eeeeeeeeeee", limit: 20) == .at(11))
        #expect(cut("aaaa bbbb, cccc dddd eeeeeeeeeee", limit: 19) == .at(16))
        #expect(cut("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", limit: 19) == .at(19))
        #expect(cut("你好吗。我很好你呢你好吗我很好", limit: 20) == .at(12))
    }

    @Test("of equally good boundaries the last wins, and it may be right at the limit")
    func lastBoundary() {
        #expect(cut("aaaa\n\nbbbb\n\ncccc\n\ndddd", limit: 18) == .at(18))
        #expect(cut("aaaa\n\nbbbb\n\ncccc\n\ndddd", limit: 17) == .at(17))
        #expect(cut("aaaa\n\nbbbb\n\ncccc\n\ndddd", limit: 16) == .at(16))
        #expect(cut("aaaa\n\nbbbb\n\ncccc\n\ndddd", limit: 15) == .at(12))
    }

    @Test("a boundary in the first half of what fits is not taken: bubbles would shrink")
    func firstHalfIsNotSearched() {
        #expect(cut("aa\n\naaaaaaaaaaaaaaaaaaaaaaaaa", limit: 20) == .at(20))
        #expect(cut("aaaaaaaa\n\naaaaaaaaaaaaaaaaaaa", limit: 20) == .at(10))
    }

    @Test("CR LF is not cut in two")
    func crlf() {
        #expect(cut("aaaaaaaaa\r\nbbbbbbbbb", limit: 10) == .at(9))
        #expect(cut("aaaaaaaaa\r\nbbbbbbbbb", limit: 11) == .at(11))
    }

    @Test(
        "no grapheme is cut at the limit, one byte below it, or one above",
        arguments: ["a", "é", "e\u{301}", "你", "😀", "👨‍👩‍👧‍👦", "🇨🇳", "👍🏽", "각"],
        [20_479, 20_480, 20_481, 24, 25, 26, 27, 64]
    )
    func noGraphemeIsCut(grapheme: String, limit: Int) {
        // 25 bytes at the most, so that 24 is the one limit that splits the family.
        guard grapheme.utf8.count <= limit else { return }
        for offset in 0..<3 {
            let text =
                String(repeating: "x", count: offset)
                + String(repeating: grapheme, count: limit * 2 / grapheme.utf8.count)
            let parts = parts(text, limit: limit)
            #expect(parts.joined().utf8.elementsEqual(text.utf8))
            #expect(parts.allSatisfy { $0.utf8.count <= limit && !$0.isEmpty })
            #expect(parts.reduce(0) { $0 + $1.count } == text.count)
            // As full as graphemes allow.
            #expect(parts.dropLast().allSatisfy { $0.utf8.count > limit - grapheme.utf8.count })
        }
    }

    @Test("what fits exactly is one part, one byte more is two", arguments: [20_479, 20_480, 20_481])
    func exactFit(count: Int) {
        let text = String(repeating: "字", count: count / 3) + String(repeating: "x", count: count % 3)
        #expect(text.utf8.count == count)
        #expect(parts(text, limit: 20_480).count == (count <= 20_480 ? 1 : 2))
    }

    @Test("a grapheme that does not fit by itself is cut between scalars")
    func giantGrapheme() {
        let zalgo = "e" + String(repeating: "\u{301}", count: 50)
        #expect(zalgo.count == 1)
        let result = parts(zalgo + "x", limit: 20)
        #expect(result.joined().utf8.elementsEqual((zalgo + "x").utf8))
        #expect(result.allSatisfy { $0.utf8.count <= 20 })
        #expect(cut("\n" + zalgo, limit: 20) == .at(20))
        #expect(cut("👨‍👩‍👧‍👦", limit: 24) == .at(21))
    }

    @Test("a space that carries a combining scalar is not a place to cut")
    func combiningSpace() {
        #expect(cut("aaaaaaaaaaaaaa \u{301}aaaaaa", limit: 18) == .at(18))
    }

    @Test("white space after the limit takes something visible along")
    func trailingWhiteSpace() {
        #expect(cut("aaaa bbbb cccc\n\n", limit: 14) == .at(10))
        #expect(cut("aaaaaaaaaaaaaa\n", limit: 14) == .at(13))
        #expect(cut("aaaaaaaaaaaaa👨‍👩‍👧‍👦\n", limit: 38) == .at(13))
    }

    @Test("white space that leaves room for nothing visible is left out")
    func whiteSpaceFlood() {
        let flood = String(repeating: " ", count: 30)
        #expect(cut(flood + "x", limit: 20) == .skip(to: 30))
        #expect(cut(flood, limit: 20) == .skip(to: 30))
        #expect(cut("x" + flood, limit: 20) == .blankRest)
        #expect(parts("x" + flood, limit: 20) == ["x" + String(repeating: " ", count: 19)])
        #expect(
            parts("x" + flood + "y", limit: 20) == [
                "x" + String(repeating: " ", count: 19), String(repeating: " ", count: 11) + "y",
            ]
        )
    }

    @Test("any text comes back whole, and every part is visible")
    func anyTextComesBackWhole() {
        let seed = SeededGenerator.seed(for: "TextSplitter")
        var generator = SeededGenerator(seed: seed)
        let pieces = ["a", "word", " ", "\n", "\n\n", "\r\n", "。", ". ", "你好", "👨‍👩‍👧‍👦", "🇨🇳", "e\u{301}", "\u{301}", "\t"]
        for round in 0..<500 {
            let limit = Int.random(in: 60...160, using: &generator)
            var text = ""
            var spaces = 0
            for _ in 0..<Int.random(in: 1...250, using: &generator) {
                let piece = pieces.randomElement(using: &generator) ?? "a"
                spaces = piece.allSatisfy(\.isWhitespace) ? spaces + piece.utf8.count : 0
                text += spaces > 4 ? "x" : piece
                if spaces > 4 { spaces = 0 }
            }
            guard text.contains(where: { !$0.isWhitespace }) else { continue }
            let result = parts(text, limit: limit)
            #expect(result.joined().utf8.elementsEqual(text.utf8), "round \(round) seed \(seed)")
            #expect(result.allSatisfy { $0.utf8.count <= limit }, "round \(round) seed \(seed)")
            #expect(
                result.allSatisfy { $0.unicodeScalars.contains { !$0.properties.isWhitespace } },
                "round \(round) seed \(seed) \(result)"
            )
        }
    }
}
