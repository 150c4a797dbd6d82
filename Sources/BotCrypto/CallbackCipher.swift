package import BotFoundation
internal import FoundationEssentials

/// Opens and seals what the platform and a callback address exchange (official doc 101033).
///
/// A message is 16 random bytes, its length in 4 bytes (big endian), itself, and the receive id; all of that is padded to a
/// multiple of 32 and encrypted with AES-256-CBC. A SHA-1 over the sorted token, timestamp, nonce and cipher text signs it.
package struct CallbackCipher: Sendable {
    private static let prefixBytes = 16
    private static let lengthBytes = 4

    private let token: Secret
    private let key: AESKey
    private let receiveID: [UInt8]

    /// - Parameters:
    ///   - token: The token of the callback's settings.
    ///   - key: The `EncodingAESKey` of the callback's settings.
    ///   - receiveID: What has to stand behind each message; empty for the AI bots of an enterprise.
    package init(token: Secret, key: AESKey, receiveID: String = "") {
        self.token = token
        self.key = key
        self.receiveID = Array(receiveID.utf8)
    }

    /// The signature over an encrypted text: 40 hexadecimal digits in lower case.
    package func signature(timestamp: String, nonce: String, encrypted: String) throws(CryptoError) -> String {
        // By bytes: a comparison of Swift strings goes by Unicode.
        let parts = [token.value, timestamp, nonce, encrypted].map { Array($0.utf8) }
        let sorted = parts.sorted { $0.lexicographicallyPrecedes($1) }
        return try Digest.sha1(Array(sorted.joined())).hexadecimal
    }

    /// Checks the signature, decrypts, and gives the message.
    ///
    /// - Throws: ``CryptoError/Code/invalidSignature``, before anything is decrypted; ``CryptoError/Code/invalidLength``,
    ///   ``CryptoError/Code/invalidPadding`` or ``CryptoError/Code/invalidReceiveID``. No message quotes what was decrypted.
    package func open(
        _ encrypted: String,
        signature: String,
        timestamp: String,
        nonce: String
    ) throws(CryptoError) -> [UInt8] {
        let expected = try self.signature(timestamp: timestamp, nonce: nonce, encrypted: encrypted)
        guard Digest.areEqual(Array(expected.utf8), Array(signature.utf8)) else {
            throw CryptoError(.invalidSignature, "the signature does not match: is the token the one of this callback?")
        }
        guard let data = Data(base64Encoded: encrypted) else {
            throw CryptoError(.invalidLength, "the encrypted text is not Base64")
        }
        return try message(in: MediaDecryptor.decrypt(Array(data), key: key))
    }

    /// Encrypts a message.
    ///
    /// - Returns: The encrypted text, in Base64; ``signature(timestamp:nonce:encrypted:)`` signs it.
    package func seal(_ message: [UInt8]) throws(CryptoError) -> String {
        try seal(message, prefix: Digest.random(Self.prefixBytes))
    }

    func seal(_ message: [UInt8], prefix: [UInt8]) throws(CryptoError) -> String {
        guard let count = UInt32(exactly: message.count) else {
            throw CryptoError(.invalidLength, "the message is too long")
        }
        var plain = prefix
        plain += withUnsafeBytes(of: count.bigEndian) { Array($0) }
        plain += message
        plain += receiveID
        plain += BlockPadding.bytes(behind: plain.count)
        let cipher = try CBCCipher(.encrypt, key: key.bytes, vector: key.vector)
        let encrypted = try cipher.update(plain)
        try cipher.finish()
        return Data(encrypted).base64EncodedString()
    }

    private func message(in plain: [UInt8]) throws(CryptoError) -> [UInt8] {
        let start = Self.prefixBytes + Self.lengthBytes
        guard plain.count >= start else { throw CryptoError(.invalidLength, "the decrypted data is too short") }
        let length = plain[Self.prefixBytes..<start].reduce(0) { $0 << 8 | Int($1) }
        guard length <= plain.count - start else {
            throw CryptoError(.invalidLength, "the length field says \(length) bytes; there are \(plain.count - start)")
        }
        guard Digest.areEqual(Array(plain[(start + length)...]), receiveID) else {
            throw CryptoError(.invalidReceiveID, "the receive id is another one: the message is for another receiver")
        }
        return Array(plain[start..<(start + length)])
    }
}

extension Sequence<UInt8> {
    /// Two lower-case hexadecimal digits for each byte.
    package var hexadecimal: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
