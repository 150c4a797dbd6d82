import BotFoundation
import Foundation
import Testing

@testable import BotCrypto

@Suite("MediaDecryptor")
struct MediaDecryptorTests {
    private static let key = String(repeating: "a1", count: 32)

    private func encrypted(_ plain: [UInt8], padding: [UInt8]? = nil) throws -> [UInt8] {
        let key = try AESKey(Secret(Self.key))
        let cipher = try CBCCipher(.encrypt, key: key.bytes, vector: key.vector)
        return try cipher.update(plain + (padding ?? BlockPadding.bytes(behind: plain.count)))
    }

    @Test func decryptsEveryVectorWholeAndInPieces() throws {
        let vectors = try Vectors.load().media
        #expect(vectors.count >= 4)
        for vector in vectors {
            let key = try AESKey(Secret(vector.aeskey))
            let bytes = Array(try #require(Data(base64Encoded: vector.ciphertext_base64)))
            let whole = try MediaDecryptor.decrypt(bytes, key: key)
            #expect(whole.count == vector.plaintext_len, "\(vector.name)")
            #expect(try Digest.md5(whole).hexadecimal == vector.plaintext_md5, "\(vector.name)")
            for size in [1, 15, 16, 17, 31, 33] {
                let decryptor = try MediaDecryptor(key: key)
                var pieces: [UInt8] = []
                for start in stride(from: 0, to: bytes.count, by: size) {
                    pieces += try decryptor.update(Array(bytes[start..<min(start + size, bytes.count)]))
                }
                pieces += try decryptor.finish()
                #expect(pieces == whole, "\(vector.name) in pieces of \(size)")
            }
        }
    }

    @Test func everyPadLengthComesOffAndNoOtherDoes() throws {
        let key = try AESKey(Secret(Self.key))
        for length in 0..<96 {
            let plain = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 5) }
            #expect(try MediaDecryptor.decrypt(encrypted(plain), key: key) == plain)
        }
        // 0, 33, and a pad of 32 whose bytes differ, at each place.
        var wrong = [[UInt8](repeating: 0, count: 32), [UInt8](repeating: 33, count: 64)]
        for place in 0..<31 {
            var padding = [UInt8](repeating: 32, count: 32)
            padding[place] = 31
            wrong.append(padding)
        }
        for padding in wrong {
            let bytes = try encrypted([], padding: padding)
            let error = #expect(throws: CryptoError.self) { try MediaDecryptor.decrypt(bytes, key: key) }
            #expect(error?.code == .invalidPadding)
        }
    }

    @Test func whatIsCutShortOrHasAnotherKeyIsAnError() throws {
        let key = try AESKey(Secret(Self.key))
        let other = try AESKey(Secret(String(repeating: "b2", count: 32)))
        let bytes = try encrypted([UInt8](repeating: 1, count: 100))
        for length in [0, 1, 15, 17, bytes.count - 1] {
            let error = #expect(throws: CryptoError.self) {
                try MediaDecryptor.decrypt(Array(bytes.prefix(length)), key: key)
            }
            #expect(error?.code == .invalidLength, "\(length)")
        }
        #expect(throws: CryptoError.self) { try MediaDecryptor.decrypt(bytes, key: other) }
        #expect(throws: CryptoError.self) { try MediaDecryptor.decrypt(Array(bytes.dropLast(16)), key: key) }
    }

    @Test func aPadIsOneToThirtyTwo() {
        for count in 1...40 {
            let bytes = [UInt8](repeating: UInt8(count), count: count)
            #expect(BlockPadding.count(in: [9] + bytes) == (count <= 32 ? count : nil))
            #expect(BlockPadding.count(in: bytes.dropLast()) == nil)
        }
        #expect(BlockPadding.count(in: [0]) == nil)
    }
}
