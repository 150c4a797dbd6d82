import BotFoundation
import Foundation
import Testing

@testable import WeComAIBot

struct FrameTraceTests {
    static let secret = #"s3c"r\et/机密"#
    private let trace = FrameTrace(secret: Secret(secret))

    private func shown(_ json: String) -> String { trace.excerpt(of: Array(json.utf8)).json }

    private func quoted(_ text: String) throws -> String {
        String(decoding: try JSONEncoder().encode(text), as: UTF8.self)
    }

    @Test func aFrameIsShownWithItsCommandAndRequestID() {
        let excerpt = trace.excerpt(of: Array(#"{"headers":{"req_id":"R"},"cmd":"ping","n":[1,2.5,true,null]}"#.utf8))
        #expect(
            excerpt
                == FrameTrace.Excerpt(
                    command: "ping",
                    requestID: "R",
                    json: #"{"cmd":"ping","headers":{"req_id":"R"},"n":[1,2.5,true,null]}"#
                )
        )
    }

    @Test(arguments: [
        "secret", "token", "aeskey", "encoding_aes_key", "EncodingAESKey", "Secret", "access_token", "msg_signature",
    ])
    func whatIsUnderASecretsNameIsNotShown(key: String) {
        for value in [#""hidden""#, "[\"hidden\"]", #"{"a":"hidden"}"#, #"12345hidden"#.filter(\.isNumber)] {
            let text = shown(#"{"body":{"list":[{"\#(key)":\#(value)}]}}"#)
            #expect(text == #"{"body":{"list":[{"\#(key)":"•••"}]}}"#)
        }
    }

    @Test(arguments: ["url", "response_url", "pic_url", "image_url", "ICON_URL"])
    func theQueryOfAURLIsNotShown(key: String) {
        for end in ["?sign=abc", "#sign=abc", "?a=1&sign=abc#x", "?\u{301}sign=abc", "?x=\u{3000}sign=abc"] {
            #expect(shown(#"{"\#(key)":"https://h.example/p\#(end)"}"#) == #"{"\#(key)":"https://h.example/p?•••"}"#)
        }
        #expect(shown(#"{"\#(key)":"h.example/p?sign=abc"}"#) == #"{"\#(key)":"h.example/p?•••"}"#)
        #expect(shown(#"{"\#(key)":"https://h.example/p"}"#) == #"{"\#(key)":"https://h.example/p"}"#)
        #expect(shown(#"{"\#(key)":["https://h.example/p?sign=abc"]}"#) == #"{"\#(key)":["https://h.example/p?•••"]}"#)
    }

    @Test func theQueriesOfURLsInATextAreNotShownAndTheRestIs() {
        let text = #"看 https://a.example/x?sign=1 和 (wss://b.example?sign=2> 为什么? \"https://c.example/y#z\" ok?"#
        #expect(
            shown(#"{"content":"\#(text)"}"#)
                == #"{"content":"看 https://a.example/x?••• 和 (wss://b.example?•••> 为什么? \"https://c.example/y?•••\" ok?"}"#
        )
    }

    @Test func theBotsSecretIsNeverShownHoweverItIsWritten() throws {
        let escaped = Self.secret.utf16.map { unit in
            let digits = String(unit, radix: 16)
            return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }.joined()
        for json in [
            #"{"errmsg":\#(try quoted("no such secret: \(Self.secret)!"))}"#, #"{"errmsg":"\#(escaped)"}"#,
            #"{\#(try quoted(Self.secret)):1}"#, #"{"errmsg":\#(try quoted(Self.secret + "\u{301}"))}"#,
            #"{"errmsg":\#(try quoted(Self.secret + Self.secret))}"#,
        ] {
            let text = shown(json)
            #expect(Array(text.utf8).firstRange(of: Array("•••".utf8)) != nil)
            let decoded = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
            let texts = decoded.keys + decoded.values.map { "\($0)" }
            #expect(!texts.contains { Array($0.utf8).firstRange(of: Array(Self.secret.utf8)) != nil })
        }
        let number = FrameTrace(secret: Secret("4711"))
        #expect(number.excerpt(of: Array(#"{"a":47110}"#.utf8)).json == #"{"a":"•••"}"#)
    }

    @Test(arguments: [#"{"secret":"hidden""#, "hidden", #"{"a":"\u{0}hidden"}"#, "[\"hidden\""])
    func aFrameThatCannotBeDecodedIsNotShown(text: String) {
        #expect(shown(text) == "(not shown: it cannot be decoded)")
    }

    @Test func bytesThatAreNoTextAreNotShown() {
        #expect(
            trace.excerpt(of: Array(#"{"a":"hidden"#.utf8) + [0xFF] + Array(#""}"#.utf8)).json.hasPrefix("(not shown")
        )
    }

    @Test(arguments: [(60, true), (63, true), (65, false), (500, false), (100_000, false)])
    func deepNestingIsNotShown(levels: Int, isShown: Bool) {
        for (open, close) in [("[", "]"), (#"{"a":"#, "}")] {
            let json = String(repeating: open, count: levels) + "1" + String(repeating: close, count: levels)
            #expect(shown(json).hasPrefix("(not shown") != isShown)
        }
    }

    @Test func aFrameOf128KiBIsLookedIntoAndALongerOneIsNot() {
        let longest = #"{"a":""# + String(repeating: "字", count: (131_072 - 8) / 3) + #""}"#
        let padded = longest + String(repeating: " ", count: 131_072 - longest.utf8.count)
        #expect(shown(padded).hasPrefix(#"{"a":"字字"#))
        #expect(shown(padded + " ") == "(not shown: too long)")
    }

    @Test func longStringsAndFramesAreCutWithANote() {
        let most = String(repeating: "字", count: 341) + "a"
        #expect(shown(#"{"a":"\#(most)"}"#) == #"{"a":"\#(most)"}"#)
        #expect(shown(#"{"a":"\#(most)b"}"#) == #"{"a":"\#(most)… (cut, 1025 bytes)"}"#)
        let many = #"["# + Array(repeating: #""字字字字""#, count: 2_000).joined(separator: ",") + "]"
        let text = shown(many)
        #expect(text.utf8.count < FrameTrace.maximumBytes + 40 && text.hasSuffix("… (cut, \(many.utf8.count) bytes)"))
    }
}
