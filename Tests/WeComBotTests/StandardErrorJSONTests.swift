import BotFoundation
import Foundation
import TestSupport
import Testing

@testable import WeComBot

@Suite struct StandardErrorJSONTests {
    /// 2026-11-21T02:16:41.123456789Z
    private let time = timespec(tv_sec: 1_795_227_401, tv_nsec: 123_456_789)

    private func line(
        _ message: String,
        _ metadata: [(key: LogKey, value: String)] = [],
        level: Log.Level = .info
    ) -> String {
        String(decoding: StandardErrorFormat(style: .json).line(level, message, metadata, at: time), as: UTF8.self)
    }

    /// A line as a parser that is not ours reads it; nil if it is not one line of valid JSON.
    private func read(_ line: String) -> [String: String]? {
        guard line.hasSuffix("\n"), !line.dropLast().utf8.contains(0x0A) else { return nil }
        return (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: String]
    }

    @Test func aLineHasTimeLevelMessageAndTheKeysOfTheRecord() {
        let text = line(
            "ready",
            [(.epoch, "3"), (.requestID, "REQ-1"), (.endpoint, "wss://host:443")],
            level: .warning
        )
        #expect(
            read(text) == [
                "time": "2026-11-21T02:16:41.123Z", "level": "warning", "message": "ready", "epoch": "3",
                "req_id": "REQ-1", "endpoint": "wss://host:443",
            ]
        )
        #expect(text.contains("wss://host:443"), "slashes are not escaped")
    }

    @Test func theNamesOfTheKeysAreStable() {
        let keys: [LogKey] = [
            .bot, .bytes, .command, .conversation, .count, .direction, .endpoint, .epoch, .errorCode, .frame,
            .messageID, .reason, .requestID, .retryIn, .state,
        ]
        #expect(
            keys.map(\.description) == [
                "bot", "bytes", "command", "conversation", "count", "direction", "endpoint", "epoch", "errcode",
                "frame",
                "msgid", "reason", "req_id", "retry_in", "state",
            ]
        )
        #expect(read(line("x", keys.map { ($0, "v") }))?.count == keys.count + 3)
    }

    @Test func noScalarBreaksTheLineOrReachesTheTerminal() throws {
        for value in Array(UInt32(0)...0x3FFF) + Array(0xE000...0xFFFF) + [0x1F600, 0xE0001] {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let text = line("m\(scalar)", [(.reason, "v\(scalar)")])
            #expect(read(text)?["message"] == "m\(scalar)" && read(text)?["reason"] == "v\(scalar)", "\(value)")
            let harmful = text.dropLast().unicodeScalars.contains {
                $0.value < 0x20 || (0x7F...0x9F).contains($0.value)
                    || [0x2028, 0x2029, 0x202E, 0xE0001].contains($0.value)
            }
            #expect(!harmful, "\(value)")
        }
    }

    @Test(arguments: ["小助手👨‍👩‍👧", "say \"hi\" \\ /", "e\u{301}\"\u{301}", "a\nb\r\t\u{0}", "", "{\"level\":\"error\"}"])
    func everyTextComesBackAsItWas(text: String) {
        #expect(read(line(text, [(.reason, text)]))?["message"] == text)
        #expect(read(line(text, [(.reason, text)]))?["reason"] == text)
    }

    @Test func aLineHasAtMost4096BytesAndIsStillJSON() {
        let room = StandardErrorFormat.maximumBytes - line("").utf8.count
        let fits = line(String(repeating: "x", count: room))
        #expect(fits.utf8.count == 4_096 && read(fits)?["message"]?.hasSuffix("xx") == true)
        let cut = line(String(repeating: "x", count: room + 1))
        #expect(cut.utf8.count <= 4_096 && cut.utf8.count > 4_000 && read(cut)?["message"]?.hasSuffix("x…") == true)
        for text in ["😀", "\u{0}", "\"", "e\u{301}", "字", "\u{202E}"] {
            for count in [700, 1_400, 5_000, 20_000] {
                let long = String(repeating: text, count: count)
                for shown in [line(long), line("m", [(.reason, long), (.frame, long)])] {
                    #expect(shown.utf8.count <= 4_096)
                    #expect(read(shown)?["time"] == "2026-11-21T02:16:41.123Z", "\(count) × \(text)")
                }
            }
        }
    }

    @Test func randomRecordsAreJSON() {
        let seed = SeededGenerator.seed(for: "StandardErrorJSON")
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            let bytes = (0..<Int.random(in: 0..<300, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(read(line(text, [(.reason, text)]))?["message"] == text, "TEST_SEED=\(seed)")
        }
    }
}
