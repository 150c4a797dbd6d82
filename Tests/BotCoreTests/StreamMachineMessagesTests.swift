import Testing

@testable import BotCore

/// A text as several messages.
struct StreamMachineMessagesTests {
    private func messages(_ text: String) -> [String] { StreamMachine.messages(of: text, maximumBytes: 4_096) }

    @Test(arguments: ["x", "字", "👩‍👩‍👧‍👦", "e\u{301}\u{323}", "🇨🇳", "x\u{200D}"])
    func isCutBetweenGraphemesAndLosesNothing(grapheme: String) {
        let most = 4_096 / grapheme.utf8.count
        let full = String(repeating: grapheme, count: most)
        #expect(messages(full) == [full])
        let pieces = messages(full + grapheme)
        #expect(pieces.count == 2 && pieces.joined() == full + grapheme)
        for piece in pieces {
            #expect(piece.utf8.count <= 4_096 && piece.count * grapheme.utf8.count == piece.utf8.count)
        }
    }

    @Test func isCutAtTheLimitAndNotBefore() {
        let text = String(repeating: "x", count: 4_096)
        #expect(messages(text) == [text])
        #expect(messages(text + "y") == [text, "y"])
    }

    @Test func prefersBlocksAndOpensFencesAgain() {
        let line = String(repeating: "let x = 1\n", count: 600)
        let pieces = messages("说明：\n\n```swift\n\(line)```\n\n完。")
        #expect(pieces.count == 2)
        #expect(pieces.allSatisfy { $0.contains("```swift\n") && $0.utf8.count <= 4_096 })
        #expect(pieces[0].hasSuffix("```") && pieces[1].hasSuffix("完。"))
        let paragraph = String(repeating: "字", count: 1_000)
        #expect(messages("\(paragraph)\n\n\(paragraph)") == ["\(paragraph)\n\n", paragraph])
    }

    @Test(arguments: ["", " \n\t", "\u{3000}"]) func aBlankTextIsNone(text: String) { #expect(messages(text) == []) }
}
