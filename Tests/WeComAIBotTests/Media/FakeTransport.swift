import BotCore
import BotCrypto
import BotFoundation
import TestSupport

@testable import WeComAIBot

/// Servers that a test makes up.
final class FakeTransport: MediaTransport {
    /// An answer: what it has, and how it ends.
    struct Answer: Sendable {
        var status = 200
        var headers: [(name: String, value: String)] = []
        var pieces: [[UInt8]] = []
        /// Makes the pieces behind ``pieces`` as they are asked for, if there is one: the first is number 0.
        var more: (@Sendable (Int) -> [UInt8]?)?
        /// How the body ends if not well.
        var failure: MediaError?
        /// Held back until this is fulfilled.
        var gate: Promise<Void>?
    }

    /// What was asked for.
    struct Request: Sendable, Hashable {
        let url: String
        let reach: MediaReach
    }

    let requests = EventRecorder<Request>()
    /// How many answers are under way.
    let running = Locked((now: 0, most: 0))
    private let answer: @Sendable (MediaAddress) throws(MediaError) -> Answer

    init(_ answer: @escaping @Sendable (MediaAddress) throws(MediaError) -> Answer) {
        self.answer = answer
    }

    func get(_ address: MediaAddress, reach: MediaReach) async throws(MediaError) -> MediaResponse {
        requests.record(Request(url: address.url, reach: reach))
        let answer = try answer(address)
        running.withLock { running in
            running.now += 1
            running.most = max(running.most, running.now)
        }
        return MediaResponse(status: answer.status, headers: answer.headers, body: Body(answer, running))
    }

    private final class Body: MediaBody {
        private let answer: Answer
        private let sent = Locked(0)
        private let running: Locked<(now: Int, most: Int)>

        init(_ answer: Answer, _ running: Locked<(now: Int, most: Int)>) {
            self.answer = answer
            self.running = running
        }

        deinit { running.withLock { $0.now -= 1 } }

        func next() async throws(MediaError) -> [UInt8]? {
            if let gate = answer.gate, await gate.value() == nil { throw .cancelled }
            let index = sent.withLock { sent in
                sent += 1
                return sent - 1
            }
            if index < answer.pieces.count { return answer.pieces[index] }
            if let piece = answer.more?(index - answer.pieces.count) { return piece }
            if let failure = answer.failure { throw failure }
            return nil
        }
    }
}

/// Media as the platform encrypts them.
enum EncryptedMedia {
    static let key = Secret("r9HNgda5VW9g1rjYGr3+4C8QNmG/m6s7lRVjUj/aMos=")

    static let bytes: [UInt8] = [
        0xAF, 0xD1, 0xCD, 0x81, 0xD6, 0xB9, 0x55, 0x6F, 0x60, 0xD6, 0xB8, 0xD8, 0x1A, 0xBD, 0xFE, 0xE0,
        0x2F, 0x10, 0x36, 0x61, 0xBF, 0x9B, 0xAB, 0x3B, 0x95, 0x15, 0x63, 0x52, 0x3F, 0xDA, 0x32, 0x8B,
    ]

    /// Encrypted with ``key``, and padded by code of its own.
    static func encrypt(_ plain: [UInt8]) throws -> [UInt8] {
        let padding = 32 - plain.count % 32
        let cipher = try CBCCipher(.encrypt, key: bytes, vector: Array(bytes[..<16]))
        return try cipher.update(plain + [UInt8](repeating: UInt8(padding), count: padding))
    }
}
