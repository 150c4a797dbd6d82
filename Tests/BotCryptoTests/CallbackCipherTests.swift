import BotFoundation
import Foundation
import Testing

@testable import BotCrypto

@Suite("CallbackCipher")
struct CallbackCipherTests {
    @Test func opensAndSealsEveryVector() throws {
        let vectors = try Vectors.load()
        #expect(vectors.messages.count + vectors.url_verification.count >= 11)
        for vector in vectors.messages + vectors.url_verification {
            let cipher = CallbackCipher(
                token: Secret(vector.token),
                key: try AESKey(Secret(vector.key)),
                receiveID: vector.receiveID
            )
            let opened = try cipher.open(
                vector.encrypted,
                signature: vector.signature,
                timestamp: vector.timestamp,
                nonce: vector.nonce
            )
            #expect(opened == Array(vector.plaintext.utf8), "\(vector.name)")
            let sealed = try cipher.seal(Array(vector.plaintext.utf8), prefix: bytes(hexadecimal: vector.prefix))
            #expect(sealed == vector.encrypted, "\(vector.name)")
            let signature = try cipher.signature(
                timestamp: vector.timestamp,
                nonce: vector.nonce,
                encrypted: sealed
            )
            #expect(signature == vector.signature, "\(vector.name)")
        }
    }

    @Test func refusesEveryNegativeVector() throws {
        let vectors = try Vectors.load()
        let codes: [String: CryptoError.Code] = [
            "bad_signature": .invalidSignature, "bad_padding_valid_signature": .invalidPadding,
            "truncated_ciphertext_valid_signature": .invalidLength, "length_field_too_large": .invalidLength,
            "receive_id_mismatch": .invalidReceiveID,
        ]
        #expect(Set(codes.keys) == Set(vectors.negative.map(\.name)))
        for vector in vectors.negative {
            let account = try #require(vectors.accounts[vector.account])
            let cipher = CallbackCipher(
                token: Secret(account.token),
                key: try AESKey(Secret(account.encoding_aes_key))
            )
            let error = #expect(throws: CryptoError.self, "\(vector.name)") {
                try cipher.open(
                    vector.encrypt,
                    signature: vector.msg_signature,
                    timestamp: vector.timestamp,
                    nonce: vector.nonce
                )
            }
            #expect(error?.code == codes[vector.name], "\(vector.name)")
        }
    }

    @Test func everyLengthComesBackWithAFreshPrefix() throws {
        let cipher = CallbackCipher(
            token: Secret("token"),
            key: try AESKey(Secret(String(repeating: "7", count: 43))),
            receiveID: "企业🏢e\u{301}"
        )
        for length in 0...70 {
            let message = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ length) }
            let sealed = try cipher.seal(message)
            #expect(try cipher.seal(message) != sealed)
            let signature = try cipher.signature(timestamp: "1", nonce: "2", encrypted: sealed)
            #expect(try cipher.open(sealed, signature: signature, timestamp: "1", nonce: "2") == message)
            #expect(throws: CryptoError.self) {
                try cipher.open(sealed, signature: signature.uppercased(), timestamp: "1", nonce: "2")
            }
        }
    }

    @Test func whatIsNotBase64IsRefused() throws {
        let cipher = CallbackCipher(token: Secret("t"), key: try AESKey(Secret(String(repeating: "7", count: 43))))
        for text in ["", "!", "AAAA", "消息"] {
            let signature = try cipher.signature(timestamp: "1", nonce: "2", encrypted: text)
            let error = #expect(throws: CryptoError.self) {
                try cipher.open(text, signature: signature, timestamp: "1", nonce: "2")
            }
            #expect(error?.code == .invalidLength)
        }
    }

    @Test func theLengthFieldMayNotExceedTheDataByOne() throws {
        let key = try AESKey(Secret(String(repeating: "7", count: 43)))
        let cipher = CallbackCipher(token: Secret("t"), key: key)
        for (length, isAccepted) in [(UInt8(9), false), (10, true), (11, false), (255, false)] {
            var plain = [UInt8](repeating: 1, count: 16) + [0, 0, 0, length] + [UInt8](repeating: 2, count: 10)
            plain += BlockPadding.bytes(behind: plain.count)
            let encryptor = try CBCCipher(.encrypt, key: key.bytes, vector: key.vector)
            let text = Data(try encryptor.update(plain)).base64EncodedString()
            let signature = try cipher.signature(timestamp: "1", nonce: "2", encrypted: text)
            let message = try? cipher.open(text, signature: signature, timestamp: "1", nonce: "2")
            #expect((message != nil) == isAccepted, "\(length)")
        }
    }
}
