import BotFoundation
import Foundation
import TestSupport
import Testing

@testable import WeComAIBot

/// Whatever is sent to the address, it answers, and with nothing that it decrypted.
@Suite("WebhookGarbage", .timeLimit(.minutes(10)))
struct WebhookGarbageTests {
    private let platform: Platform
    private let endpoint: WebhookEndpoint

    init() throws {
        platform = try Platform()
        endpoint = WebhookEndpoint(try Platform.configuration, clock: ManualClock()) { _, _ in }
    }

    private static let pieces = [
        "%", "%2", "%zz", "%00", "%FF", "+", "&", "=", "#", "?", "\u{0}", "\r\n", "你", "👩‍👩‍👧‍👦", "e\u{301}", "{", "}", "[",
        "]",
        "\"", "\\", "\\u0000", "\\ud800", ":", ",", "null", "1e999", "-", "99999999999999999999", "\u{FEFF}", "msgtype",
        "stream",
    ]

    private func mutate(_ bytes: [UInt8], using generator: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            let place = Int.random(in: 0...bytes.count, using: &generator)
            switch Int.random(in: 0..<4, using: &generator) {
            case 0:
                guard place < bytes.count else { continue }
                bytes[place] = UInt8.random(in: .min ... .max, using: &generator)
            case 1: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...20, using: &generator)))
            case 2:
                bytes.insert(contentsOf: Array((Self.pieces.randomElement(using: &generator) ?? "").utf8), at: place)
            default:
                let end = min(bytes.count, place + Int.random(in: 1...40, using: &generator))
                bytes.insert(contentsOf: Array(bytes[place..<end]), at: place)
            }
        }
        return bytes
    }

    @Test("requests of outsiders, with everything changed")
    func outsiders() async throws {
        var generator = SeededGenerator(seed: SeededGenerator.seed(for: "outsiders"))
        let request = try platform.text("1", "hunter2")
        for _ in 0..<3_000 {
            var changed = request
            changed.query = String(decoding: mutate(Array(request.query.utf8), using: &generator), as: UTF8.self)
            if Bool.random(using: &generator) { changed.body = mutate(request.body, using: &generator) }
            if Bool.random(using: &generator) { changed.method = Bool.random(using: &generator) ? "GET" : "%\u{0}" }
            let response = await endpoint.respond(to: changed)
            #expect([200, 400, 403, 405].contains(response.status))
            #expect(!String(decoding: response.body, as: UTF8.self).contains("hunter2"))
        }
    }

    @Test("callbacks that are signed and make little sense")
    func nonsense() async throws {
        var generator = SeededGenerator(seed: SeededGenerator.seed(for: "nonsense"))
        let names = Fixture.names("message-") + Fixture.names("quote-") + Fixture.names("event-")
        var plain = try names.map { name in
            let frame = try JSONSerialization.jsonObject(with: Data(Fixture.bytes(name))) as? [String: Any]
            return [UInt8](try JSONSerialization.data(withJSONObject: #require(frame?["body"])))
        }
        plain.append(Array(#"{"msgid":"R","msgtype":"stream","stream":{"id":"S"}}"#.utf8))
        for _ in 0..<3_000 {
            let changed = mutate(plain.randomElement(using: &generator) ?? [], using: &generator)
            let response = await endpoint.respond(to: try platform.delivery(changed))
            #expect([200, 400, 503].contains(response.status))
            if response.status == 200, response != .empty { _ = try platform.shown(response) }
        }
    }
}
