import Foundation
import Testing

@testable import GatewaySimulator

/// What the simulated service takes at a group webhook, and what not.
@Suite(.timeLimit(.minutes(2)))
struct SimulatedGroupWebhookTests {
    private var webhook = SimulatedGroupWebhook(keys: ["K", "L"])

    private mutating func send(_ json: String, key: String = "K", at time: Duration = .zero) throws -> Int {
        try post("/cgi-bin/webhook/send", "key=\(key)", "application/json", Array(json.utf8), at: time).code
    }

    private mutating func post(
        _ path: String,
        _ query: String,
        _ contentType: String,
        _ body: [UInt8],
        at time: Duration = .zero
    ) throws -> (code: Int, id: String?) {
        let request = SimulatedGroupWebhook.Request(path: path, query: query, contentType: contentType, body: body)
        let answer = webhook.answer(request, now: time)
        let fields = try #require(try JSONSerialization.jsonObject(with: Data(answer)) as? [String: Any])
        return (try #require(fields["errcode"] as? Int), fields["media_id"] as? String)
    }

    private mutating func upload(
        _ content: String,
        type: String = "file",
        key: String = "K",
        name: String = "name=\"media\"; filename=\"a.txt\""
    ) throws -> (code: Int, id: String?) {
        let body = "--B\r\nContent-Disposition: form-data; \(name)\r\n\r\n\(content)\r\n--B--\r\n"
        return try post(
            "/cgi-bin/webhook/upload_media",
            "key=\(key)&type=\(type)",
            "multipart/form-data; boundary=B",
            Array(body.utf8)
        )
    }

    private func text(_ type: String, _ count: Int) -> String {
        #"{"msgtype":"\#(type)","\#(type)":{"content":"\#(String(repeating: "x", count: count))"}}"#
    }

    @Test(arguments: [("text", 2_048), ("markdown", 4_096), ("markdown_v2", 4_096)])
    mutating func textsHaveALimit(type: String, limit: Int) throws {
        #expect(try send(text(type, limit)) == 0)
        #expect(try send(text(type, limit + 1)) == 40_058)
        #expect(try send(text(type, 0)) == 40_058)
        #expect(webhook.messages(of: "K") == [.text(String(repeating: "x", count: limit))])
        #expect(webhook.messages(of: "L") == [])
    }

    @Test mutating func twentyMessagesAMinuteForEachKey() throws {
        let message = text("text", 1)
        for second in 0..<20 { #expect(try send(message, at: .seconds(second)) == 0) }
        #expect(try send(message, at: .seconds(59)) == 45_009)
        #expect(try send(message, key: "L", at: .seconds(59)) == 0)
        #expect(try send(message, at: .seconds(60)) == 0)
        #expect(try send(message, at: .seconds(60)) == 45_009)
        #expect(try send(message, at: .seconds(61)) == 0)
    }

    @Test mutating func whatIsNoMessageIsRefused() throws {
        #expect(try send(text("text", 1), key: "M") == 93_000)
        #expect(try send("{") == 40_058)
        #expect(try send(#"{"msgtype":"text"}"#) == 40_008)
        #expect(try send(text("video", 1)) == 40_008)
        #expect(try send(#"{"msgtype":"template_card","template_card":{"card_type":"vote_interaction"}}"#) == 40_058)
        #expect(try send(#"{"msgtype":"template_card","template_card":{"card_type":"text_notice"}}"#) == 0)
        #expect(try post("/cgi-bin/webhook/send", "key=K", "text/plain", Array(text("text", 1).utf8)).code == 40_058)
        #expect(try post("/cgi-bin/send", "key=K", "application/json", Array(text("text", 1).utf8)).code == 93_000)
        #expect(webhook.messages(of: "K").count == 1)
    }

    @Test mutating func picturesHaveAChecksumAndALimit() throws {
        func image(_ count: Int, md5: String? = nil, head: [UInt8] = [0x89, 0x50, 0x4E, 0x47]) throws -> String {
            let bytes = head + [UInt8](repeating: 0, count: count - head.count)
            let sum = try #require(try SimulatedGroupWebhook.md5(bytes))
            return
                #"{"msgtype":"image","image":{"base64":"\#(Data(bytes).base64EncodedString())","md5":"\#(md5 ?? sum)"}}"#
        }
        #expect(try send(image(2 << 20)) == 0)
        #expect(try send(image(2 << 20 + 1)) == 40_009)
        #expect(try send(image(8, md5: "b03d9d40b1fb78805d1552b3d29c9ef3")) == 301_019)
        #expect(try send(image(8, head: Array("GIF89a".utf8))) == 40_058)
        #expect(try send(#"{"msgtype":"image","image":{"base64":"§","md5":""}}"#) == 40_058)
        #expect(webhook.messages(of: "K").count == 1)
    }

    @Test mutating func filesBelongToTheirKeyAndType() throws {
        let file = try upload("12345 字")
        let id = try #require(file.id)
        func message(_ type: String) -> String { #"{"msgtype":"\#(type)","\#(type)":{"media_id":"\#(id)"}}"# }
        #expect(try file.code == 0 && send(message("file")) == 0)
        #expect(try send(message("voice")) == 40_007)
        #expect(try send(message("file"), key: "L") == 40_007)
        #expect(try send(message("file"), at: .seconds(3 * 24 * 3_600) - .nanoseconds(1)) == 0)
        #expect(try send(message("file"), at: .seconds(3 * 24 * 3_600)) == 40_007)
        let shown = GroupMessage.file(GroupFile(type: "file", name: "a.txt", bytes: Array("12345 字".utf8)))
        #expect(webhook.messages(of: "K") == [shown, shown])
    }

    @Test mutating func uploadsHaveLimits() throws {
        #expect(try upload("1234").code == 40_006)
        #expect(try upload("12345").code == 0)
        #expect(try upload(String(repeating: "x", count: 20 << 20)).code == 0)
        #expect(try upload(String(repeating: "x", count: 20 << 20 | 1)).code == 40_006)
        let voice = "#!AMR\n" + String(repeating: "x", count: 2 << 20 - 6)
        #expect(try upload(voice, type: "voice").code == 0)
        #expect(try upload(voice + "x", type: "voice").code == 40_006)
        #expect(try upload("no AMR", type: "voice").code == 40_058)
        #expect(try upload("12345", type: "image").code == 40_058)
        #expect(try upload("12345", key: "M").code == 93_000)
        for name in ["name=\"media\"", "name=\"file\"; filename=\"a\"", "name=media; filename=a", "filename=\"a\"\""] {
            #expect(try upload("12345", name: name).code == 40_058)
        }
    }

    @Test(arguments: [
        "", "--B", "--B--\r\n", "--B\r\n", "--B\r\nA: b\r\n\r\nx", "--B\r\nA: b\r\n\r\nx\r\n--B",
        "--B\r\nx\r\n--B--\r\n",
        "x--B\r\nA: b\r\n\r\nx\r\n--B--\r\n", "--B\r\nA: b\r\n\r\nx\r\n--B--\r\nx", "--B\r\nA\r\n\r\nx\r\n--B--\r\n",
    ])
    func aFormThatIsNoneIsRefused(body: String) {
        let form = try? MultipartBody(Array(body.utf8), contentType: "multipart/form-data; boundary=B")
        #expect(form == nil || form?.parts.isEmpty == true)
    }
}
