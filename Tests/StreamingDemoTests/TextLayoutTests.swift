import BotFoundation
import TestSupport
import Testing

@testable import StreamingDemo

struct TextLayoutTests {
    @Test(arguments: [
        ("abc", 3), ("你好", 4), ("，", 2), ("é", 1), ("e\u{301}", 1), ("👋", 2), ("🇨🇳", 2), ("👩‍💻", 2), ("⌨️", 2), ("✓", 1),
        ("⚡", 2),
        ("가", 2), ("─", 1), ("Ａ", 2), ("\u{200B}", 0), ("", 0),
    ])
    func aTextTakesTheColumnsATerminalGivesIt(_ text: String, _ columns: Int) {
        #expect(text.columns == columns)
    }

    @Test func latinBreaksAtSpacesAndChineseBetweenCharactersButNotBeforePunctuation() {
        #expect(wrap("one two three", 8) == ["one two", "three"])
        #expect(wrap("一二三四五", 6) == ["一二三", "四五"])
        #expect(wrap("一二三，四", 6) == ["一二", "三，四"])
        #expect(wrap("一（二三）", 4) == ["一", "（二", "三）"])
        #expect(wrap("abcdefgh", 3) == ["abc", "def", "gh"])
        #expect(wrap("", 3) == [""])
    }

    @Test func everyLineButTheFirstOfAnItemIsIndented() {
        #expect(wrap("• one two three", 8, hanging: 2) == ["• one", "  two", "  three"])
    }

    @Test func noLineIsTooWideAndNothingVisibleIsLost() {
        var generator = SeededGenerator(seed: SeededGenerator.seed(for: #function))
        for _ in 0..<2_000 {
            let text = TextLayoutTests.randomText(using: &generator)
            let width = Int.random(in: 2...20, using: &generator)
            let lines = wrap(text, width)
            #expect(lines.allSatisfy { $0.columns <= width }, "\(text) at \(width)")
            #expect(
                lines.joined().filter { $0 != " " } == text.filter { $0 != " " },
                "\(text) at \(width)"
            )
        }
    }

    /// What lets lines scroll away while the answer still grows.
    @Test func moreTextChangesOnlyTheLastLine() {
        for turn in Script.standard(isFast: false).turns {
            for width in [11, 17, 24, 52, 84] {
                let all = Markdown.lines(of: turn.answer[...], width: width, accent: .cyan)
                for count in 0...turn.answer.count {
                    let some = Markdown.lines(of: turn.answer.prefix(count), width: width, accent: .cyan)
                    guard !all.starts(with: some.dropLast()) else { continue }
                    Issue.record("\(turn.answer.prefix(count)) at \(width)")
                    return
                }
            }
        }
    }

    @Test func markdownIsShownWithoutItsMarks() {
        let text = "## Title\n- **bold** and `code`\n```swift\n  x\n```"
        let lines = Markdown.lines(of: text[...], width: 40, accent: nil).map { $0.encoded(inColor: false) }
        #expect(lines == ["Title", "• bold and code", "┌╴swift", "│   x", "└╴"])
    }

    @Test func tokensAreTheWholeText() {
        for turn in Script.standard(isFast: true).turns {
            #expect(Script.tokens(of: turn.answer).joined() == turn.answer)
        }
        #expect(Script.tokens(of: "one two 你好吗 x") == ["one ", "two ", "你好", "吗", " ", "x"])
    }

    private func wrap(_ text: String, _ width: Int, hanging: Int = 0) -> [String] {
        StyledLine(text).wrapped(to: width, hanging: hanging).map { $0.encoded(inColor: false) }
    }

    private static func randomText(using generator: inout SeededGenerator) -> String {
        let alphabet: [Character] = ["a", "b", " ", " ", "你", "好", "，", "（", "👋", "e\u{301}", "1"]
        return String(
            (0..<Int.random(in: 0...40, using: &generator)).compactMap { _ in alphabet.randomElement(using: &generator)
            }
        )
    }
}
