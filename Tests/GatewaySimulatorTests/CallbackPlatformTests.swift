import BotCrypto
import BotFoundation
import Foundation
import TestSupport
import Testing

@testable import GatewaySimulator

/// The simulated platform against a callback address that is written down here, with Foundation's dynamic JSON.
@Suite(.timeLimit(.minutes(2)))
struct CallbackPlatformTests {
    private static let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

    /// Answers each callback with what `answer` makes of it: the content and whether that is the end.
    private final class Address: Sendable {
        let cipher: CallbackCipher
        let callbacks = EventRecorder<String>()
        private let answer: @Sendable (_ type: String, _ number: Int) -> (text: String, isFinal: Bool)?

        init(_ answer: @escaping @Sendable (String, Int) -> (text: String, isFinal: Bool)?) throws {
            cipher = CallbackCipher(token: Secret("t"), key: try AESKey(Secret(CallbackPlatformTests.key)))
            self.answer = answer
        }

        func respond(to delivery: CallbackDelivery) throws -> CallbackReply {
            let items = URLComponents(string: "?\(delivery.query)")?.queryItems ?? []
            func parameter(_ name: String) throws -> String {
                try #require(items.first { $0.name == name }?.value)
            }
            let nonce = try parameter("nonce")
            func open(_ text: String) throws -> [UInt8] {
                try cipher.open(
                    text,
                    signature: parameter("msg_signature"),
                    timestamp: parameter("timestamp"),
                    nonce: nonce
                )
            }
            guard delivery.method == "POST" else {
                return CallbackReply(status: 200, body: try open(try parameter("echostr")))
            }
            let body = try JSONSerialization.jsonObject(with: Data(delivery.body)) as? [String: String]
            let plain = try open(try #require(body?["encrypt"]))
            let callback = try #require(try JSONSerialization.jsonObject(with: Data(plain)) as? [String: Any])
            let type = try #require(callback["msgtype"] as? String)
            callbacks.record(type)
            guard let (text, isFinal) = answer(type, callbacks.events.count) else {
                return CallbackReply(status: 503, body: [])
            }
            let stream: [String: Any] = ["id": "S", "finish": isFinal, "content": text]
            let shown = try JSONSerialization.data(withJSONObject: ["msgtype": "stream", "stream": stream])
            let encrypted = try cipher.seal([UInt8](shown))
            let envelope: [String: Any] = [
                "encrypt": encrypted, "nonce": nonce, "timestamp": 1,
                "msgsignature": try cipher.signature(timestamp: "1", nonce: nonce, encrypted: encrypted),
            ]
            return CallbackReply(
                status: 200,
                body: [UInt8](try JSONSerialization.data(withJSONObject: envelope))
            )
        }
    }

    private let clock = ManualClock()
    private let observed = EventRecorder<Observation.Event>()

    private func platform(_ address: Address) throws -> CallbackPlatform {
        let observed = observed
        let configuration = CallbackPlatformConfiguration(token: Secret("t"), encodingAESKey: Secret(Self.key))
        return try CallbackPlatform(configuration, clock: clock, observer: { observed.record($0) }) { delivery in
            try address.respond(to: delivery)
        }
    }

    /// Lets time pass while `goesOn`.
    private func pass(_ platform: CallbackPlatform, while goesOn: () -> Bool) async {
        while goesOn(), !Task.isCancelled {
            if platform.requestsUnderWay == 0, clock.sleepers > 0 { clock.advance(by: .milliseconds(500)) }
            await Task.yield()
        }
    }

    private var violations: [String] {
        observed.events.compactMap { if case .violation(_, let text) = $0 { text } else { nil } }
    }

    @Test func itVerifiesDeliversAndAsksUntilTheEnd() async throws {
        let address = try Address { type, number in
            type == "text" ? ("…", false) : ("第\(number)次", number == 4)
        }
        let platform = try platform(address)
        #expect(try await platform.verify().isProven)
        let running = Task { await platform.run() }
        let message = platform.pushText(from: "张三", "你好")
        await pass(platform) { platform.bubble(of: message)?.isFinished != true }
        #expect(address.callbacks.events == ["text", "stream", "stream", "stream"])
        #expect(platform.answer(to: message) == ["第4次"])
        running.cancel()
        await running.value
        #expect(violations.isEmpty)
    }

    @Test func aMessageThatNobodyTakesIsDeliveredFourTimes5SecondsApartAndLost() async throws {
        let address = try Address { _, _ in nil }
        let platform = try platform(address)
        let running = Task { await platform.run() }
        let start = clock.now
        platform.pushText(from: "u", "hi")
        await pass(platform) { !observed.events.contains { if case .lost = $0 { true } else { false } } }
        #expect(address.callbacks.events.count == 4)
        #expect(start.duration(to: clock.now) >= .seconds(15))
        running.cancel()
        await running.value
    }

    @Test func whatBreaksARuleIsSaid() async throws {
        let long = String(repeating: "a", count: 20_481)
        let address = try Address { type, number in
            type == "text" ? ("…", false) : number == 2 ? (" ", false) : (long, true)
        }
        let platform = try platform(address)
        let running = Task { await platform.run() }
        let message = platform.pushText(from: "u", "hi")
        await pass(platform) { platform.bubble(of: message)?.isFinished != true }
        #expect(violations.count == 2 && violations[1].contains("20481"))
        running.cancel()
        await running.value
    }

    @Test func aResponseURLTakesOneMessageForAnHour() throws {
        let platform = try platform(try Address { _, _ in nil })
        let first = platform.pushText(from: "u", "hi")
        let second = platform.pushText(from: "u", "hi")
        func post(_ body: String, _ id: String) -> String {
            String(
                decoding: platform.receive(Array(body.utf8), at: "https://x/?response_code=\(id)").body,
                as: UTF8.self
            )
        }
        let markdown = #"{"msgtype":"markdown","markdown":{"content":"晚了"}}"#
        #expect(post(#"{"msgtype":"text","text":{"content":"x"}}"#, first.messageID).contains("40008"))
        #expect(post("x", first.messageID).contains("40058"))
        #expect(post(markdown, first.messageID).contains(#""errcode":0"#))
        #expect(post(markdown, first.messageID).contains(#""errcode":0"#), "reported as taken, and not shown")
        #expect(platform.answer(to: first) == ["晚了"])
        #expect(violations.count == 3)
        clock.advance(by: .seconds(3_600))
        #expect(post(markdown, second.messageID).contains("40096"))
    }
}
