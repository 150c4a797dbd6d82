import Foundation

/// The test vectors of `Fixtures/crypto/vectors.json`, made and cross-checked with implementations that are not ours.
struct Vectors: Decodable {
    struct Message: Decodable {
        let name: String
        let token: String
        let key: String
        let receiveID: String
        let timestamp: String
        let nonce: String
        let prefix: String
        let plaintext: String
        let encrypted: String
        let signature: String

        private enum CodingKeys: String, CodingKey {
            case name, token, timestamp, nonce, plaintext, encrypt, echostr
            case key = "encoding_aes_key"
            case receiveID = "receive_id"
            case prefix = "random16_hex"
            case signature = "msg_signature"
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            name = try container.decode(String.self, forKey: .name)
            token = try container.decode(String.self, forKey: .token)
            key = try container.decode(String.self, forKey: .key)
            receiveID = try container.decode(String.self, forKey: .receiveID)
            timestamp = try container.decode(String.self, forKey: .timestamp)
            nonce = try container.decode(String.self, forKey: .nonce)
            prefix = try container.decode(String.self, forKey: .prefix)
            plaintext = try container.decode(String.self, forKey: .plaintext)
            signature = try container.decode(String.self, forKey: .signature)
            encrypted =
                try container.decodeIfPresent(String.self, forKey: .encrypt)
                ?? container.decode(String.self, forKey: .echostr)
        }
    }

    struct Negative: Decodable {
        let name: String
        let account: String
        let timestamp: String
        let nonce: String
        let encrypt: String
        let msg_signature: String
    }

    struct Account: Decodable {
        let token: String
        let encoding_aes_key: String
        let aes_key_hex: String
    }

    struct Media: Decodable {
        let name: String
        let aeskey: String
        let plaintext_md5: String
        let plaintext_len: Int
        let ciphertext_base64: String
    }

    let accounts: [String: Account]
    let messages: [Message]
    let url_verification: [Message]
    let negative: [Negative]
    let media: [Media]

    static func load() throws -> Vectors {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "../../Fixtures/crypto/vectors.json"
        )
        return try JSONDecoder().decode(Vectors.self, from: Data(contentsOf: file))
    }
}

func bytes(hexadecimal text: String) -> [UInt8] {
    let digits = Array(text.utf8)
    return stride(from: 0, to: digits.count, by: 2).map { start in
        UInt8(String(decoding: digits[start..<start + 2], as: UTF8.self), radix: 16) ?? 0
    }
}
