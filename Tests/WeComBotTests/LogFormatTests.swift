import BotFoundation
import Glibc
import Testing

@testable import WeComBot

@Suite struct LogFormatTests {
    /// 2026-11-21T02:16:41.123456789Z
    private let time = timespec(tv_sec: 1_795_227_401, tv_nsec: 123_456_789)

    private func line(
        _ message: String,
        _ metadata: [(key: LogKey, value: String)] = [],
        level: Log.Level = .info,
        style: StandardErrorFormat.Style = .plain
    ) -> String {
        String(decoding: StandardErrorFormat(style: style).line(level, message, metadata, at: time), as: UTF8.self)
    }

    @Test func aPlainLineHasWholeUTCTimeLevelMessageAndPairs() {
        #expect(
            line("connected", [(.epoch, "3"), (.endpoint, "wss://host:443")])
                == "2026-11-21T02:16:41.123Z info connected epoch=3 endpoint=wss://host:443\n"
        )
    }

    @Test func aTerminalLineIsForReading() async {
        // In a process of its own, because the time zone belongs to the process.
        await #expect(processExitsWith: .success) {
            setenv("TZ", "CST-8", 1)
            tzset()
            let format = LogFormatTests()
            #expect(format.line("up", style: .terminal(isColoured: false)) == "10:16:41 INFO    up\n")
            #expect(
                format.line("lost", [(.count, "2")], level: .warning, style: .terminal(isColoured: true))
                    == "10:16:41 \u{1B}[33mWARNING\u{1B}[0m lost count=2\n"
            )
        }
    }

    @Test func coloursFollowNoColorAndTerm() {
        #expect(StandardErrorFormat.Style.terminal(noColor: nil, kind: "xterm") == .terminal(isColoured: true))
        #expect(StandardErrorFormat.Style.terminal(noColor: "", kind: nil) == .terminal(isColoured: true))
        #expect(StandardErrorFormat.Style.terminal(noColor: "1", kind: "xterm") == .terminal(isColoured: false))
        #expect(StandardErrorFormat.Style.terminal(noColor: nil, kind: "dumb") == .terminal(isColoured: false))
    }

    @Test(arguments: [
        ("plain", "plain"), ("小助手👨‍👩‍👧", "小助手👨‍👩‍👧"), ("https://h/?a", "https://h/?a"), ("", #""""#), ("a b", #""a b""#),
        ("a=b", #""a=b""#), ("say \"hi\"", #""say \"hi\"""#), (#"a\n"#, #""a\\n""#), ("a\nb", #""a\nb""#),
        ("\u{1B}[2J", #""\u{1b}[2J""#), ("a\u{202E}b", #""a\u{202e}b""#), ("全\u{3000}角", "\"全\u{3000}角\""),
        ("\u{85}", #""\u{85}""#), ("\u{2028}", #""\u{2028}""#), ("\u{0}", #""\u{0}""#), ("\r\t", #""\r\t""#),
        ("\u{FEFF}", #""\u{feff}""#), ("\"\n\\", #""\"\n\\""#), ("a\"\u{301} x=1", "\"a\\\"\u{301} x=1\""),
        ("\\\u{301}", "\"\\\\\u{301}\""), ("\\\u{200D}\"", "\"\\\\\u{200D}\\\"\""),
    ])
    func valuesAreReadBackAsOne(value: String, shown: String) {
        #expect(StandardErrorFormat.quoted(value) == shown)
    }

    @Test func noScalarCanBreakTheLineOrReachTheTerminal() {
        for value in UInt32(0)...0xFFFF {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let text = line("m\(scalar)", [(.reason, "v\(scalar)")]).unicodeScalars.dropLast()
            #expect(
                !text.contains { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) || $0 == "\u{2028}" },
                "\(value)"
            )
        }
    }

    @Test func aLineHasAtMost4096BytesAndEndsAtACharacter() {
        let start = line("").utf8.count
        let room = StandardErrorFormat.maximumBytes - start
        let fits = line(String(repeating: "x", count: room))
        #expect(fits.utf8.count == 4_096 && fits.hasSuffix("xx\n"))
        let cut = line(String(repeating: "x", count: room + 1))
        #expect(cut.utf8.count == 4_096 && cut.hasSuffix("xx…\n"))
        for shift in 0..<4 {
            let emoji = line(String(repeating: "x", count: shift) + String(repeating: "😀", count: 2_000))
            #expect(emoji.utf8.count <= 4_096 && emoji.utf8.count > 4_092 && emoji.hasSuffix("😀…\n"))
        }
    }
}
