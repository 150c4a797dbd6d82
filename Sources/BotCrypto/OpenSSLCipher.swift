import COpenSSL

/// AES-256 in CBC mode without padding, in as many pieces as the data comes in.
package final class CBCCipher {
    /// Which way it goes.
    package enum Direction: Int32 {
        case decrypt = 0
        case encrypt = 1
    }

    /// AES's own block, in bytes.
    static let blockBytes = 16

    private let context: OpaquePointer

    /// Begins with a key.
    ///
    /// - Parameters:
    ///   - key: 32 bytes.
    ///   - vector: The initialisation vector, 16 bytes.
    package init(_ direction: Direction, key: [UInt8], vector: [UInt8]) throws(CryptoError) {
        guard key.count == 32, vector.count == Self.blockBytes else {
            throw CryptoError(.invalidKey, "AES-256 needs a key of 32 bytes and a vector of 16")
        }
        context = try make(EVP_CIPHER_CTX_new(), "preparing a cipher")
        try check(
            EVP_CipherInit_ex(context, EVP_aes_256_cbc(), nil, key, vector, direction.rawValue),
            "preparing a cipher"
        )
        try check(EVP_CIPHER_CTX_set_padding(context, 0), "preparing a cipher")
    }

    deinit { EVP_CIPHER_CTX_free(context) }

    /// Takes any number of bytes and gives what has become whole blocks.
    package func update(_ bytes: [UInt8]) throws(CryptoError) -> [UInt8] {
        guard let count = Int32(exactly: bytes.count), count <= .max - 32 else {
            throw CryptoError(.invalidLength, "at most 2 GiB at a time")
        }
        var output = [UInt8](repeating: 0, count: bytes.count + Self.blockBytes)
        var written: Int32 = 0
        try check(EVP_CipherUpdate(context, &output, &written, bytes, count), "the cipher")
        output.removeSubrange(Int(written)...)
        return output
    }

    /// The end of the data; an incomplete block is an error.
    func finish() throws(CryptoError) {
        var rest = [UInt8](repeating: 0, count: Self.blockBytes)
        var written: Int32 = 0
        try check(EVP_CipherFinal_ex(context, &rest, &written), "the cipher")
    }
}

/// Digests, randomness, and a comparison that takes the same time whatever it compares.
package enum Digest {
    /// SHA-1, as the platform's signatures use it.
    static func sha1(_ bytes: [UInt8]) throws(CryptoError) -> [UInt8] { try digest(bytes, EVP_sha1(), bytes: 20) }

    /// MD5, as the platform's checksums of media use it.
    package static func md5(_ bytes: [UInt8]) throws(CryptoError) -> [UInt8] { try digest(bytes, EVP_md5(), bytes: 16) }

    private static func digest(_ input: [UInt8], _ algorithm: OpaquePointer?, bytes: Int) throws(CryptoError) -> [UInt8]
    {
        var output = [UInt8](repeating: 0, count: bytes)
        var written: UInt32 = 0
        try check(EVP_Digest(input, input.count, &output, &written, algorithm, nil), "the digest")
        return output
    }

    /// As many unpredictable bytes.
    static func random(_ count: Int) throws(CryptoError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        try check(RAND_bytes(&bytes, Int32(count)), "drawing random bytes")
        return bytes
    }

    /// Whether both are the same; how long it takes tells only how long they are.
    static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
    }
}
