import BotCore
import BotFoundation
import Foundation
import Testing

@testable import WeComAIBot

struct FrameEncodingTests {
    let codec = FrameCodec()

    /// Read by an independent decoder.
    func object(_ bytes: [UInt8]) throws -> NSDictionary {
        try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? NSDictionary)
    }

    static let streamID = "stream_1767225600000_ab12cd34"
    static let request = RequestID(rawValue: "REQ-1")

    @Test(arguments: [
        (
            "out-subscribe",
            ClientFrame.subscribe(
                RequestID(rawValue: "aibot_subscribe_1767225600000_1a2b3c4d"),
                botID: "aibXXXXXXXXXXXXXXXX",
                secret: Secret("s3cr3t-from-console")
            )
        ),
        ("out-ping", .ping(RequestID(rawValue: "ping_1767225630000_9f8e7d6c"))),
        (
            "out-stream-first",
            .respondStream(request, StreamFrame(id: streamID, isFinal: false, content: "Let me", feedbackID: "fb-1"))
        ),
        (
            "out-stream-next",
            .respondStream(request, StreamFrame(id: streamID, isFinal: false, content: "Let me look that up"))
        ),
        (
            "out-stream-final",
            .respondStream(
                request,
                StreamFrame(id: streamID, isFinal: true, content: "Let me look that up. Here is the answer.")
            )
        ),
    ])
    func encodedFrameIsTheDocumentedOne(name: String, frame: ClientFrame) throws {
        #expect(try object(codec.encode(frame)) == object(Fixture.bytes(name)))
    }

    @Test func pingHasNoBody() throws {
        let text = String(decoding: try codec.encode(.ping(Self.request)), as: UTF8.self)
        #expect(!text.contains("body"))
    }

    @Test(arguments: [
        "", "plain", "引号\"反斜杠\\斜杠/", "line\nbreak\ttab\u{0}\u{1f}", "👩‍👩‍👧‍👦🇨🇳e\u{301}", "\u{2028}\u{feff}<think></think>",
    ])
    func contentSurvives(content: String) throws {
        let stream = StreamFrame(id: "s", isFinal: true, content: content)
        let frame = try object(codec.encode(.respondStream(Self.request, stream)))
        let decoded = (frame["body"] as? NSDictionary)?["stream"] as? NSDictionary
        #expect(Array((decoded?["content"] as? String ?? "?").unicodeScalars) == Array(content.unicodeScalars))
    }

    /// `count` bytes that end with `tail`.
    static func text(_ count: Int, _ tail: String) -> String {
        String(repeating: "a", count: count - tail.utf8.count) + tail
    }

    @Test(arguments: ["a", "字", "😀", "👩‍👩‍👧‍👦", "e\u{301}"])
    func contentIsLimitedInBytes(tail: String) throws {
        func frame(_ count: Int) -> ClientFrame {
            .respondStream(Self.request, StreamFrame(id: "s", isFinal: true, content: Self.text(count, tail)))
        }
        #expect(throws: Never.self) { try codec.encode(frame(20_480)) }
        let error = #expect(throws: WireError.self) { try codec.encode(frame(20_481)) }
        #expect(error?.code == .tooLong)
        #expect(error?.message.contains("aaaa") == false)
    }

    @Test func feedbackIDIsLimitedInBytes() throws {
        func frame(_ id: String) -> ClientFrame {
            .respondStream(Self.request, StreamFrame(id: "s", isFinal: false, content: "x", feedbackID: id))
        }
        #expect(throws: Never.self) { try codec.encode(frame(Self.text(256, "字"))) }
        #expect(throws: WireError.self) { try codec.encode(frame(Self.text(257, "字"))) }
        #expect(throws: WireError.self) { try codec.encode(frame("")) }
    }

    @Test(arguments: [
        ClientFrame.ping(RequestID(rawValue: "")),
        .subscribe(RequestID(rawValue: ""), botID: "b", secret: Secret("s")),
        .subscribe(RequestID(rawValue: "r"), botID: "", secret: Secret("s")),
        .subscribe(RequestID(rawValue: "r"), botID: "b", secret: Secret("")),
        .respondStream(RequestID(rawValue: ""), StreamFrame(id: "s", isFinal: true, content: "x")),
        .respondStream(RequestID(rawValue: "r"), StreamFrame(id: "", isFinal: true, content: "x")),
        .message(.sendMessage, RequestID(rawValue: ""), body: [:]),
    ])
    func emptyFieldsAreRefused(frame: ClientFrame) {
        let error = #expect(throws: WireError.self) { try codec.encode(frame) }
        #expect(error?.code == .empty)
    }

    @Test func frameWithASecretDoesNotPrintIt() {
        let frame = ClientFrame.subscribe(Self.request, botID: "b", secret: Secret("s3cr3t"))
        var printed = "\(frame)"
        dump(frame, to: &printed)
        #expect(!printed.contains("s3cr3t"))
    }
}

struct RequestIDTests {
    @Test func ownIDsAreUniqueAndMarked() {
        var generator = SplitMix64(seed: 1)
        var seen: Set<RequestID> = []
        for stamp in 0..<2000 {
            let id = RequestID.fresh(for: .ping, stamp: UInt64(stamp / 100), using: &generator)
            #expect(id.rawValue.hasPrefix("swb-ping_\(stamp / 100)_"))
            #expect(id.rawValue.split(separator: "_").last?.utf8.count == 16)
            seen.insert(id)
        }
        #expect(seen.count == 2000)
    }
}

struct ErrorCodeTests {
    @Test func onlyProvenCredentialsCodesCountAsSuch() {
        let credentials: Set<Int> = [853_000, 600_041, 93_019, 40_001, 40_013]
        let others = [0, -1, 6000, 45_009, 45_033, 846_601, 846_605, 846_607, 846_609, 853_006, 40_008, 1, .max, .min]
        for code in credentials { #expect(ErrorCode(rawValue: code).isCredentialsRejected) }
        for code in others { #expect(!ErrorCode(rawValue: code).isCredentialsRejected) }
        #expect(others.filter { ErrorCode(rawValue: $0).isNotSubscribed } == [846_609])
        #expect(others.filter { ErrorCode(rawValue: $0).isPassing } == [-1, 6000, 846_601])
    }
}
