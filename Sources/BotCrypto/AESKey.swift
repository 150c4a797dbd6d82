package import BotFoundation
internal import FoundationEssentials

/// The key of the callbacks or of one piece of media: 32 bytes, whose first 16 are also the initialisation vector.
package struct AESKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    let bytes: [UInt8]
    var vector: [UInt8] { Array(bytes.prefix(CBCCipher.blockBytes)) }

    /// Reads a key in any of the spellings in use: Base64 of 32 bytes with or without its `=`, with the URL-safe letters too,
    /// or 64 hexadecimal digits. White space around it is ignored.
    ///
    /// The last of the 43 letters carries two spare bits, which may be set and mean nothing.
    ///
    /// - Throws: ``CryptoError/Code/invalidKey``; the message does not quote the key.
    package init(_ text: Secret) throws(CryptoError) {
        let letters = text.value.utf8.filter { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
        guard let key = Self.hexadecimal(letters) ?? Self.base64(letters), key.count == 32 else {
            throw CryptoError(
                .invalidKey,
                "a key of \(letters.count) characters that are not 32 bytes: write 43 letters of Base64, the same with a "
                    + "closing =, or 64 hexadecimal digits"
            )
        }
        bytes = key
    }

    /// What tells this key from others, whatever its spelling, and says nothing about it: the SHA-256 of `salt` and the key in
    /// hexadecimal digits.
    ///
    /// - Throws: ``CryptoError`` if OpenSSL cannot.
    package func fingerprint(salt: String) throws(CryptoError) -> String {
        try SHA256Digest.hexadecimal(of: Array(salt.utf8) + bytes)
    }

    private static func hexadecimal(_ letters: [UInt8]) -> [UInt8]? {
        guard letters.count == 64 else { return nil }
        var bytes: [UInt8] = []
        for start in stride(from: 0, to: 64, by: 2) {
            let pair = String(decoding: letters[start..<start + 2], as: UTF8.self)
            guard pair.utf8.first != 0x2B, let byte = UInt8(pair, radix: 16) else { return nil }  // not "+1"
            bytes.append(byte)
        }
        return bytes
    }

    private static func base64(_ letters: [UInt8]) -> [UInt8]? {
        let body = letters.last == 0x3D ? letters.dropLast() : letters[...]
        guard body.count == 43 else { return nil }
        let standard = body.map { $0 == 0x2D ? 0x2B : $0 == 0x5F ? 0x2F : $0 } + [0x3D]
        return Data(base64Encoded: String(decoding: standard, as: UTF8.self)).map { Array($0) }
    }

    /// Always `•••`.
    package var description: String { "•••" }
    /// Always `•••`.
    package var debugDescription: String { "•••" }
    /// Without children.
    package var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
