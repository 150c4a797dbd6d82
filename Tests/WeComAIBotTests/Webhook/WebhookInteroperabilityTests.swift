import BotCore
import BotFoundation
import Foundation
import TestSupport
import Testing

@testable import WeComAIBot

/// The library `wechatpy` as the platform: what both ends of this package agree on could still be wrong.
///
/// `WECOM_SDK_PYTHON` names a Python that has it; see `Tests/Interoperability`.
@Suite(.enabled(if: WebhookPeer.python != nil, "WECOM_SDK_PYTHON is not set"))
struct WebhookInteroperabilityTests {
    private static let texts = [
        "", "hi", "你好，企业微信", "👩‍👩‍👧‍👦🇨🇳 e\u{301} é \"引号\" \\ /", String(repeating: "字", count: 5_000),
    ]

    @Test("each opens what the other has sealed")
    func bothWays() async throws {
        let received = Mailbox<String>()
        let endpoint = WebhookEndpoint(try Platform.configuration, clock: ManualClock()) { message, channel in
            received.put(message.text)
        }
        let messages = try Self.texts.enumerated().map { number, text in
            let message: [String: Any] = [
                "msgid": "\(number)", "chattype": "single", "from": ["userid": "张三"], "msgtype": "text",
                "text": ["content": text],
            ]
            return String(decoding: try JSONSerialization.data(withJSONObject: message), as: UTF8.self)
        }
        let deliveries = try JSONDecoder().decode(
            [WebhookPeer.Delivery].self,
            from: await WebhookPeer.run(["seal": messages])
        )
        #expect(deliveries.count == Self.texts.count)
        var envelopes: [Any] = []
        for (delivery, text) in zip(deliveries, Self.texts) {
            let request = WebhookRequest(
                method: "POST",
                path: "/",
                query: "msg_signature=\(delivery.signature)&timestamp=\(delivery.timestamp)&nonce=\(delivery.nonce)",
                body: [UInt8](try JSONSerialization.data(withJSONObject: ["encrypt": delivery.encrypt]))
            )
            let response = await endpoint.respond(to: request)
            #expect(response.status == 200)
            #expect(await received.next() == text)
            envelopes.append(try JSONSerialization.jsonObject(with: Data(response.body)))
        }
        let answers = try JSONDecoder().decode([String].self, from: await WebhookPeer.run(["open": envelopes]))
        #expect(answers.count == Self.texts.count)
        for answer in answers {
            let plain = try JSONSerialization.jsonObject(with: Data(answer.utf8)) as? [String: Any]
            let stream = try #require(plain?["stream"] as? [String: Any])
            #expect(stream["content"] as? String == "<think></think>")
            #expect(stream["finish"] as? Bool == false)
        }
    }

    @Test("verification of an address by the library's signature")
    func verification() async throws {
        let endpoint = WebhookEndpoint(try Platform.configuration, clock: ManualClock()) { _, _ in }
        let echo = "1616140317555161061"
        let delivery = try #require(
            try JSONDecoder().decode([WebhookPeer.Delivery].self, from: await WebhookPeer.run(["seal": [echo]])).first
        )
        let unreserved = CharacterSet.alphanumerics.union(CharacterSet(charactersIn: "-._~"))
        let encoded = try #require(delivery.encrypt.addingPercentEncoding(withAllowedCharacters: unreserved))
        let query =
            "msg_signature=\(delivery.signature)&timestamp=\(delivery.timestamp)&nonce=\(delivery.nonce)&echostr=\(encoded)"
        let response = await endpoint.respond(to: WebhookRequest(method: "GET", path: "/", query: query))
        #expect(response.status == 200 && response.body == Array(echo.utf8))
    }
}
