/// Decrypts one piece of media while it arrives: AES-256-CBC, padded to a multiple of 32 bytes (official doc 101463).
///
/// What it gives out before ``finish()`` is not yet known to be right: a wrong key, or an end that is missing, shows only there.
package final class MediaDecryptor {
    private let cipher: CBCCipher
    private var received = 0
    /// The last bytes so far: they may be padding.
    private var held: [UInt8] = []

    /// Begins with a key.
    package init(key: AESKey) throws(CryptoError) {
        cipher = try CBCCipher(.decrypt, key: key.bytes, vector: key.vector)
    }

    /// Takes the next bytes, any number of them, and gives what is certainly not padding.
    package func update(_ bytes: [UInt8]) throws(CryptoError) -> [UInt8] {
        received += bytes.count
        held += try cipher.update(bytes)
        let ready = held.count - BlockPadding.unit
        guard ready > 0 else { return [] }
        defer { held.removeFirst(ready) }
        return Array(held.prefix(ready))
    }

    /// The end: gives the rest.
    ///
    /// - Throws: ``CryptoError/Code/invalidLength`` if there was nothing or not a whole number of blocks, as when the download was cut
    ///   short; ``CryptoError/Code/invalidPadding`` if the padding is wrong, as with a wrong key.
    package func finish() throws(CryptoError) -> [UInt8] {
        guard received > 0, received.isMultiple(of: CBCCipher.blockBytes) else {
            throw CryptoError(
                .invalidLength,
                "\(received) encrypted bytes are not a whole number of blocks of 16: something is missing"
            )
        }
        try cipher.finish()
        guard let padding = BlockPadding.count(in: held) else {
            throw CryptoError(
                .invalidPadding,
                "the decrypted data does not end in padding: the key does not belong to it, or it is damaged"
            )
        }
        return held.dropLast(padding)
    }

    /// Decrypts what is there as a whole.
    package static func decrypt(_ bytes: [UInt8], key: AESKey) throws(CryptoError) -> [UInt8] {
        let decryptor = try MediaDecryptor(key: key)
        let head = try decryptor.update(bytes)
        return try head + decryptor.finish()
    }
}
