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
        (
            "out-upload-init",
            .uploadInit(
                RequestID(rawValue: "u1"),
                UploadInit(
                    kind: .file,
                    fileName: "report.pdf",
                    totalBytes: 1_300_000,
                    chunkCount: 3,
                    md5: "9e107d9d372bb6826bd81d3542a419d6"
                )
            )
        ),
        (
            "out-upload-chunk",
            .uploadChunk(
                RequestID(rawValue: "u2"),
                UploadChunk(uploadID: "UP-1", index: 0, bytes: [0xFB, 0xFF, 0x00, 0x01])
            )
        ),
        ("out-upload-finish", .uploadFinish(RequestID(rawValue: "u5"), uploadID: "UP-1")),
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

    @Test func chunksAreLimitedTo512KiBAndNamesTo256Bytes() throws {
        func chunk(_ count: Int) -> ClientFrame {
            .uploadChunk(Self.request, UploadChunk(uploadID: "U", index: 0, bytes: [UInt8](repeating: 7, count: count)))
        }
        #expect(throws: Never.self) { try codec.encode(chunk(1)) }
        #expect(throws: Never.self) { try codec.encode(chunk(524_288)) }
        #expect(throws: WireError.self) { try codec.encode(chunk(524_289)) }
        #expect(throws: WireError.self) { try codec.encode(chunk(0)) }
        func named(_ name: String) -> ClientFrame {
            .uploadInit(
                Self.request,
                UploadInit(kind: .file, fileName: name, totalBytes: 5, chunkCount: 1, md5: nil)
            )
        }
        #expect(throws: Never.self) { try codec.encode(named(Self.text(256, "字"))) }
        #expect(throws: WireError.self) { try codec.encode(named(Self.text(257, "字"))) }
        #expect(throws: WireError.self) { try codec.encode(named("")) }
        #expect(throws: WireError.self) { try codec.encode(.uploadFinish(Self.request, uploadID: "")) }
        #expect(!String(decoding: try codec.encode(named("a.b")), as: UTF8.self).contains("md5"))
    }

    /// Every byte, and slashes that are not escaped, which would make a chunk larger.
    @Test func aChunkIsPlainBase64() throws {
        let bytes = (0..<3_000).map { UInt8(truncatingIfNeeded: $0 * 89) }
        let text = try codec.encode(.uploadChunk(Self.request, UploadChunk(uploadID: "U", index: 1, bytes: bytes)))
        #expect(!text.contains(UInt8(ascii: "\\")))
        let data = (try object(text)["body"] as? NSDictionary)?["base64_data"] as? String
        #expect(data.flatMap { Data(base64Encoded: $0) } == Data(bytes))
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

struct UploadAnswerTests {
    @Test(
        arguments: [
            ("ack-body", "UP-1", nil), ("ack-upload-finish", nil, "MEDIA"), ("ack-upload-finish-number", nil, "MEDIA"),
            ("ack-ok", nil, nil),
        ] as [(String, String?, String?)]
    )
    func anAcknowledgementNamesTheUploadOrTheMedia(name: String, uploadID: String?, mediaID: String?) throws {
        let answer = try UploadAnswer(Fixture.bytes(name))
        #expect(answer.uploadID == uploadID && answer.mediaID == mediaID)
    }

    @Test(arguments: [
        #"{"body":{"upload_id":17}}"#, #"{"body":{"upload_id":"17","media_id":null,"created_at":{}}}"#,
    ])
    func oddTypesAreRead(json: String) throws {
        #expect(try UploadAnswer(Array(json.utf8)).uploadID == "17")
    }

    @Test(arguments: [#"{"body":[]}"#, #"{"body":null}"#, #"{"body":"x"}"#, #"{}"#, #"{"body":{"upload_id":[]}}"#])
    func aBodyThatIsNoneSaysNothing(json: String) throws {
        let answer = try UploadAnswer(Array(json.utf8))
        #expect(answer.uploadID == nil && answer.mediaID == nil)
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
