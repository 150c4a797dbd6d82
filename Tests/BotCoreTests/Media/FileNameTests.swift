import BotFoundation
import TestSupport
import Testing

@testable import BotCore

struct FileNameTests {
    @Test(arguments: [
        ("report.pdf", "report.pdf"), ("年度 报告.docx", "年度 报告.docx"), ("👨‍👩‍👧.png", "👨‍👩‍👧.png"),
        ("../../etc/passwd", "passwd"), ("/etc/shadow", "shadow"), (#"C:\Users\x\a.txt"#, "a.txt"),
        ("a/b\\c.txt", "c.txt"),
        ("a/\u{301}b", "\u{301}b"), ("..", nil), (".", nil), ("", nil), ("///", nil), ("....", nil), (" . ", nil),
        (".bashrc", "bashrc"), ("..hidden.txt", "hidden.txt"), ("name. . ", "name"), ("tail ", "tail"),
        ("a\u{0}b\nc\u{1B}[31m", "abc[31m"), ("a\u{202E}gnp.exe", "agnp.exe"), ("a\u{2028}b", "ab"),
        ("a\u{200B}b", "ab"),
        ("a<b>c:d\"e|f?g*h", "a_b_c_d_e_f_g_h"),
        ("CON", "_CON"), ("~", "_~"), ("~a.txt", "~a.txt"), ("con.txt", "_con.txt"), ("Nul.tar.gz", "_Nul.tar.gz"),
        ("COM1", "_COM1"),
        ("lpt9.x", "_lpt9.x"),
        ("COM", "COM"), ("COM10", "COM10"), ("console", "console"), ("CON .txt", "_CON .txt"),
        ("COM¹.txt", "_COM¹.txt"),
    ])
    func aNameIsMadeHarmless(name: String, expected: String?) {
        #expect(FileName.safe(name) == expected)
    }

    /// At the limit and one byte more, with characters of one, three, four and many bytes.
    @Test(arguments: ["x", "报", "🙂", "e\u{301}", "👨‍👩‍👧"])
    func aLongNameIsCutBetweenCharactersAndKeepsItsExtension(character: String) throws {
        let room = FileName.maximumBytes - ".pdf".utf8.count
        let count = room / character.utf8.count
        let fits = String(repeating: character, count: count)
        let padded = fits + String(repeating: "y", count: room - fits.utf8.count)
        #expect(FileName.safe(padded + ".pdf") == padded + ".pdf")
        #expect((padded + ".pdf").utf8.count == FileName.maximumBytes)
        let longer = try #require(FileName.safe(fits + character + ".pdf"))
        #expect(longer == fits + ".pdf")
        #expect(longer.utf8.count <= FileName.maximumBytes)
    }

    @Test func aCharacterThatIsTooLongIsNoName() {
        #expect(FileName.safe("e" + String(repeating: "\u{301}", count: 200)) == nil)
    }

    @Test func whatIsLeftOfALongNameEndsAsANameMay() {
        let text = String(repeating: "x", count: FileName.maximumBytes - 1)
        #expect(FileName.safe(text + ". " + String(repeating: "y", count: 40)) == text)
    }

    @Test func whatIsBehindADotButTooLongIsNoExtension() {
        let name = "a." + String(repeating: "b", count: 300)
        #expect(FileName.safe(name) == String(name.prefix(FileName.maximumBytes)))
    }

    @Test func aNumberComesBeforeTheExtension() {
        #expect(FileName.numbered("report.pdf", 2) == "report (2).pdf")
        #expect(FileName.numbered("report", 12) == "report (12)")
    }

    @Test func whateverComesOutIsOneHarmlessComponentAndStaysAsItIs() {
        let seed = SeededGenerator.seed(for: "FileNameTests")
        var generator = SplitMix64(seed: seed)
        let pieces = [
            "/", "\\", ".", "..", " ", "CON", "\u{0}", "\n", "报", "🙂", "\u{301}", "\u{202E}", ":", "x", ".pdf",
        ]
        for _ in 0..<2_000 {
            let count = Int.random(in: 0...80, using: &generator)
            let name = (0..<count).map { _ in pieces.randomElement(using: &generator) ?? "" }.joined()
            guard let safe = FileName.safe(name) else { continue }
            #expect(!safe.isEmpty && safe.utf8.count <= FileName.maximumBytes, "seed \(seed)")
            #expect(!safe.unicodeScalars.contains { $0 == "/" || $0 == "\\" || $0.value < 0x20 }, "seed \(seed)")
            #expect(!safe.hasPrefix(".") && FileName.safe(safe) == safe, "seed \(seed)")
        }
    }
}
