import BotCore
import BotCrypto
import BotFoundation
import FoundationEssentials

@testable import WeComAIBot

/// One request to the callback address: the input as it is, and sealed as the platform would.
enum CallbackFuzzing {
    private static let token = Secret("a token that signs none of the inputs")
    private static let key = Secret("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")

    static func run(_ input: [UInt8]) throws(Violation) {
        do {
            try deliver(input)
        } catch let violation as Violation {
            throw violation
        } catch {
            throw Violation(description: "not so: what we seal can be opened, and is JSON of the documented shape")
        }
    }

    private static func deliver(_ input: [UInt8]) throws {
        let received = Locked<[Inbound]>([])
        let endpoint = WebhookEndpoint(try WebhookConfiguration(token: token, encodingAESKey: key)) { message, _ in
            received.withLock { $0.append(message) }
        }
        let text = String(decoding: input, as: UTF8.self)
        for method in ["GET", "POST"] {
            let status = refusal(of: WebhookRequest(method: method, path: "", query: text, body: input), by: endpoint)
            try claim(status == .badRequest || status == .forbidden, "an outsider is turned away")
        }
        try claim(received.withLock { $0.isEmpty }, "an outsider says nothing to the bot")

        let cipher = CallbackCipher(token: token, key: try AESKey(key))
        let encrypted = try cipher.seal(input)
        let signature = try cipher.signature(timestamp: "1", nonce: "2", encrypted: encrypted)
        let request = WebhookRequest(
            method: "POST",
            path: "",
            query: "msg_signature=\(signature)&timestamp=1&nonce=2",
            body: Array(#"{"encrypt":"\#(encrypted)"}"#.utf8)
        )
        let answer: WebhookEndpoint.Answer
        do throws(WebhookFailure) {
            answer = try endpoint.answer(request)
        } catch {
            try claim(error.status == .badRequest, "what is signed is at worst a bad request")
            return try claim(!error.message.contains(planted), "an error repeats nothing of the request")
        }
        guard case .ready(let reply) = answer, reply.response != .empty else {
            return try claim(received.withLock { $0.isEmpty }, "a message opens a stream")
        }
        let envelope = try JSONDecoder().decode(Envelope.self, from: Data(reply.response.body))
        let plain = try cipher.open(
            envelope.encrypt,
            signature: envelope.msgsignature,
            timestamp: String(envelope.timestamp),
            nonce: envelope.nonce
        )
        let stream = try JSONDecoder().decode(Answer.self, from: Data(plain)).stream
        try claim(
            !stream.id.isEmpty && !stream.content.isEmpty,
            "an answer shows something in a bubble that has a name"
        )
        let messages = received.withLock { $0 }
        try claim(
            messages.count == (stream.finish ? 0 : 1),
            "a message opens a stream; nobody writes to an unknown one"
        )
        try claim(messages.allSatisfy { $0.raw == input }, "a message keeps the callback as received")
    }

    private static func refusal(of request: WebhookRequest, by endpoint: WebhookEndpoint) -> WebhookFailure.Status? {
        do throws(WebhookFailure) {
            _ = try endpoint.answer(request)
            return nil
        } catch {
            return error.status
        }
    }

    private struct Envelope: Decodable {
        let encrypt, msgsignature, nonce: String
        let timestamp: Int
    }

    private struct Answer: Decodable {
        struct Stream: Decodable {
            let id, content: String
            let finish: Bool
        }
        let stream: Stream
    }
}
