import BotFoundation
import Foundation
import Testing

@testable import BotCrypto
@testable import WeComAIBot

/// The platform's end of a callback address: it signs, encrypts, and reads the answers with Foundation's dynamic JSON.
struct Platform {
    static let token = "QDG6eK3hTq"
    static let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

    /// What a stream answer says.
    struct Shown: Sendable, Hashable {
        let id: String
        let text: String
        let isFinal: Bool
    }

    let cipher: CallbackCipher
    private let nonce: String

    init(token: String = token, key: String = key, nonce: String = "1597212914") throws {
        cipher = CallbackCipher(token: Secret(token), key: try AESKey(Secret(key)))
        self.nonce = nonce
    }

    static var configuration: WebhookConfiguration {
        get throws { try WebhookConfiguration(token: Secret(token), encodingAESKey: Secret(key)) }
    }

    /// The delivery of a callback.
    func delivery(_ plain: [UInt8], timestamp: String = "1767225600") throws -> WebhookRequest {
        let encrypted = try cipher.seal(plain)
        let signature = try cipher.signature(timestamp: timestamp, nonce: nonce, encrypted: encrypted)
        return WebhookRequest(
            method: "POST",
            path: "/webhook/wecom-ai-bot",
            query: "msg_signature=\(signature)&timestamp=\(timestamp)&nonce=\(nonce)",
            body: Array(#"{"encrypt":"\#(encrypted)"}"#.utf8)
        )
    }

    /// A text of a user, in the single chat unless there is a group.
    func text(
        _ id: String,
        _ text: String,
        from user: String = "zhangsan",
        in group: String? = nil
    ) throws -> WebhookRequest {
        var message: [String: Any] = [
            "msgid": id, "aibotid": "aib", "chattype": group == nil ? "single" : "group",
            "from": ["userid": user], "msgtype": "text", "text": ["content": text],
            "response_url": "https://qyapi.weixin.qq.com/cgi-bin/aibot/response?response_code=RC1",
        ]
        message["chatid"] = group
        return try delivery([UInt8](JSONSerialization.data(withJSONObject: message)))
    }

    /// The question what a stream shows.
    func refresh(_ stream: String) throws -> WebhookRequest {
        let message: [String: Any] = [
            "msgid": "REFRESH", "aibotid": "aib", "chattype": "single", "from": ["userid": "zhangsan"],
            "msgtype": "stream", "stream": ["id": stream],
        ]
        return try delivery([UInt8](JSONSerialization.data(withJSONObject: message)))
    }

    /// An event.
    func event(_ event: [String: Any], id: String = "EVT", responseURL: String? = nil) throws -> WebhookRequest {
        var message: [String: Any] = [
            "msgid": id, "aibotid": "aib", "chattype": "single", "from": ["userid": "zhangsan"], "msgtype": "event",
            "event": event,
        ]
        message["response_url"] = responseURL
        return try delivery([UInt8](JSONSerialization.data(withJSONObject: message)))
    }

    /// What an answer says; it has to be one the platform accepts.
    func shown(_ response: WebhookResponse) throws -> Shown {
        let answer = try self.answer(response)
        #expect(answer["msgtype"] as? String == "stream")
        let stream = try #require(answer["stream"] as? [String: Any])
        let text = try #require(stream["content"] as? String)
        #expect(text.utf8.count <= 20_480)
        #expect(text.contains { !$0.isWhitespace }, "a blank text does not close a bubble, or clears it")
        return Shown(
            id: try #require(stream["id"] as? String),
            text: text,
            isFinal: try #require(stream["finish"] as? Bool)
        )
    }

    /// What a response says, in an envelope that the platform accepts.
    func answer(_ response: WebhookResponse) throws -> [String: Any] {
        #expect(response.status == 200)
        let envelope = try #require(
            try JSONSerialization.jsonObject(with: Data(response.body)) as? [String: Any]
        )
        #expect(Set(envelope.keys) == ["encrypt", "msgsignature", "timestamp", "nonce"])
        #expect(envelope["nonce"] as? String == nonce, "the callback's nonce")
        let timestamp = try #require(envelope["timestamp"] as? Int, "a number")
        let plain = try cipher.open(
            try #require(envelope["encrypt"] as? String),
            signature: try #require(envelope["msgsignature"] as? String),
            timestamp: String(timestamp),
            nonce: nonce
        )
        return try #require(try JSONSerialization.jsonObject(with: Data(plain)) as? [String: Any])
    }
}
