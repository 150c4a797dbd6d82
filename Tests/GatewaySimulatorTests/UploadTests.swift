import Foundation
import Testing

@testable import GatewaySimulator

@Suite("GatewayMachine: uploads")
struct UploadTests {
    private static let content = Array("hello, 世界".utf8)
    /// By `md5sum`.
    private static let md5 = "cefdd3eea005254556f7617f1901d5a6"

    private func begin(
        _ script: inout Transcript,
        type: String = "file",
        name: String = "你好.txt",
        size: Int = content.count,
        chunks: Int = 2,
        md5: String? = nil
    ) -> String? {
        let md5 = md5.map { #","md5":"\#($0)""# } ?? ""
        script.frame(
            "aibot_upload_media_init",
            "u1",
            #"{"type":"\#(type)","filename":"\#(name)","total_size":\#(size),"total_chunks":\#(chunks)\#(md5)}"#
        )
        return body(script)?["upload_id"] as? String
    }

    /// The body of the last acknowledgement.
    private func body(_ script: Transcript) -> [String: Any]? {
        let frame = try? JSONSerialization.jsonObject(with: Data(script.lastBytes)) as? [String: Any]
        return frame?["body"] as? [String: Any]
    }

    private func chunk(_ script: inout Transcript, _ id: String, _ index: Int, _ bytes: [UInt8], on connection: Int = 1)
    {
        let data = Data(bytes).base64EncodedString()
        script.frame(
            "aibot_upload_media_chunk",
            "c\(index)",
            #"{"upload_id":"\#(id)","chunk_index":\#(index),"base64_data":"\#(data)"}"#,
            on: connection
        )
    }

    private func finish(_ script: inout Transcript, _ id: String, on connection: Int = 1) -> String? {
        script.frame("aibot_upload_media_finish", "f", #"{"upload_id":"\#(id)"}"#, on: connection)
        return body(script)?["media_id"] as? String
    }

    /// Uploads the content: the media's id.
    private func upload(_ script: inout Transcript, type: String = "file") -> String? {
        guard let id = begin(&script, type: type) else { return nil }
        chunk(&script, id, 1, Array(Self.content[6...]))
        chunk(&script, id, 0, Array(Self.content[..<6]))
        return finish(&script, id)
    }

    @Test("chunks in any order, one of them twice, become media")
    func whole() throws {
        var script = Transcript.subscribed()
        let id = try #require(begin(&script, md5: Self.md5))
        chunk(&script, id, 1, Array(Self.content[6...]))
        chunk(&script, id, 1, Array(Self.content[6...]))
        chunk(&script, id, 0, Array(Self.content[..<6]))
        let media = try #require(finish(&script, id))
        #expect(script.take() == ["u1", "c1", "c1", "c0", "f"].map { "#1 ack \($0) 0" })
        #expect(script.machine.media[media]?.md5 == Self.md5)
        #expect(script.machine.media[media]?.name == "你好.txt" && script.machine.media[media]?.bytes == 13)
        #expect(script.violations.isEmpty)
        #expect(script.observations.contains { $0.event == .repeatedChunk(uploadID: id, index: 1) })
    }

    @Test("created_at is a number and a text in turn")
    func createdAt() throws {
        var script = Transcript.subscribed()
        var kinds: Set<String> = []
        for _ in 0..<4 {
            _ = try #require(upload(&script))
            kinds.insert(body(script)?["created_at"] is String ? "text" : "number")
            _ = script.push()
        }
        #expect(kinds == ["text", "number"])
    }

    @Test(
        "an init at a limit is taken, and beyond it is not",
        arguments: [
            ("file", 5, 1, 0), ("file", 4, 1, 40_058), ("file", 20_971_520, 40, 0), ("file", 20_971_521, 41, 40_058),
            ("image", 10_485_760, 20, 0), ("image", 10_485_761, 21, 40_058), ("voice", 2_097_152, 4, 0),
            ("voice", 2_097_153, 5, 40_058), ("video", 10_485_760, 20, 0), ("video", 10_485_761, 21, 40_058),
            ("text", 100, 1, 40_058), ("file", 100_000, 100, 0), ("file", 100_000, 101, 40_058),
            ("file", 100_000, 0, 40_058), ("file", 524_288, 1, 0), ("file", 524_289, 1, 40_058), ("file", 5, 6, 40_058),
        ]
    )
    func limits(type: String, size: Int, chunks: Int, code: Int) {
        var script = Transcript.subscribed()
        _ = begin(&script, type: type, size: size, chunks: chunks)
        #expect(script.take() == ["#1 ack u1 \(code)"])
        #expect(script.violations.count == (code == 0 ? 0 : 1))
    }

    @Test("a name has 1 to 256 bytes, an MD5 32 digits")
    func names() {
        for (name, md5, code) in [
            (String(repeating: "字", count: 84) + ".txt", nil, 0),
            ("x" + String(repeating: "字", count: 84) + ".txt", nil, 40_058),
            ("", nil, 40_058), ("a.b", Self.md5, 0), ("a.b", Self.md5.uppercased(), 40_058), ("a.b", "abc", 40_058),
        ] as [(String, String?, Int)] {
            var script = Transcript.subscribed()
            _ = begin(&script, name: name, md5: md5)
            #expect(script.take() == ["#1 ack u1 \(code)"], "\(name)")
        }
    }

    @Test("a wrong chunk has no effect")
    func wrongChunks() throws {
        var script = Transcript.subscribed()
        let id = try #require(begin(&script))
        _ = script.take()
        chunk(&script, id, 2, [1])
        chunk(&script, id, -1, [1])
        chunk(&script, id, 0, [])
        chunk(&script, id, 0, [UInt8](repeating: 1, count: 15))
        script.frame("aibot_upload_media_chunk", "c", #"{"upload_id":"\#(id)","chunk_index":0,"base64_data":"?"}"#)
        chunk(&script, id, 0, [1, 2, 3])
        chunk(&script, id, 0, [1, 2, 4])
        #expect(
            script.take().map { String($0.split(separator: " ")[3]) } == [
                "40058", "40058", "40058", "40058", "40058", "0", "40058",
            ]
        )
        #expect(script.violations.count == 6)
        #expect(finish(&script, id) == nil, "a chunk is missing")
        chunk(&script, id, 1, [1, 2, 3])
        #expect(finish(&script, id) == nil, "not all bytes")
    }

    @Test("another MD5 than announced is refused")
    func damaged() throws {
        var script = Transcript.subscribed()
        let id = try #require(begin(&script, chunks: 1, md5: Self.md5))
        chunk(&script, id, 0, Array(Self.content.reversed()))
        #expect(finish(&script, id) == nil)
    }

    @Test("an upload ends with its finish, after 30 minutes, and where so configured with its connection")
    func ends() throws {
        var script = Transcript.subscribed()
        let id = try #require(begin(&script, chunks: 1))
        chunk(&script, id, 0, Self.content)
        #expect(finish(&script, id) != nil)
        #expect(finish(&script, id) == nil)

        let old = try #require(begin(&script))
        script.advance(.seconds(1_800))
        chunk(&script, old, 0, [1])
        #expect(script.take().last == "#1 ack c0 0")
        script.advance(.nanoseconds(1))
        chunk(&script, old, 0, [1])
        #expect(script.take() == ["#1 ack c0 40058"])

        for survives in [true, false] {
            script = Transcript.subscribed { $0.uploadsSurviveReconnect = survives }
            let id = try #require(begin(&script, chunks: 1))
            script.disconnect(1)
            script.connect(2)
            script.subscribe(2)
            chunk(&script, id, 0, Self.content, on: 2)
            #expect((finish(&script, id, on: 2) != nil) == survives)
        }
        #expect(script.violations.isEmpty, "that may happen to a client that does all it should")
    }

    @Test("a lost acknowledgement and a refusal are faults like those of other frames")
    func faults() throws {
        var script = Transcript.subscribed()
        script.inject(.onFrame(.chunks, .dropAcknowledgement))
        script.inject(.onFrame(.chunks, .answer(.systemBusy)))
        let id = try #require(begin(&script, chunks: 1))
        _ = script.take()
        chunk(&script, id, 0, Self.content)
        #expect(script.take() == [])
        chunk(&script, id, 0, Self.content)
        #expect(script.take() == ["#1 ack c0 -1"])
        #expect(finish(&script, id) != nil, "the first one had its effect")
    }

    @Test("only media that were uploaded, as what they are and within three days, can be sent")
    func sending() throws {
        var script = Transcript.subscribed()
        let message = script.push()
        let media = try #require(upload(&script))
        _ = script.take()
        func send(_ script: inout Transcript, _ type: String, _ id: String) -> String? {
            let content = #""msgtype":"\#(type)","\#(type)":{"media_id":"\#(id)"}"#
            script.frame("aibot_respond_msg", message.requestID, "{\(content)}")
            script.frame("aibot_send_msg", "s", #"{"chatid":"zhang",\#(content)}"#)
            let codes = Set(script.take().compactMap { $0.split(separator: " ").last.map(String.init) })
            return codes.count == 1 ? codes.first : "\(codes)"
        }
        #expect(send(&script, "file", media) == "0")
        #expect(script.machine.answer(to: message.messageID).map(\.mediaID) == [media])
        #expect(send(&script, "image", media) == "40007")
        #expect(send(&script, "file", "M") == "40007")
        #expect(send(&script, "file", "") == "40058")

        script = Transcript.subscribed { $0.replyWindow = .seconds(1_000_000) }
        _ = script.push()
        let old = try #require(upload(&script))
        script.advance(.seconds(3 * 86_400))
        _ = script.take()
        #expect(send(&script, "file", old) == "0")
        script.advance(.nanoseconds(1))
        #expect(send(&script, "file", old) == "40007")
    }
}
