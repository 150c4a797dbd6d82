import COpenSSL

/// The MD5 of data that comes in pieces, as the platform's checksums of media use it: against damage, not against people.
package final class MD5Checksum {
    private static let bytes = 16

    private let context: OpaquePointer

    /// Nothing has come yet.
    ///
    /// - Throws: ``CryptoError/Code/openSSL`` where the system forbids MD5.
    package init() throws(CryptoError) {
        context = try make(EVP_MD_CTX_new(), "preparing a digest")
        try check(EVP_DigestInit_ex(context, EVP_md5(), nil), "preparing a digest")
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Takes the next piece.
    package func update(_ bytes: [UInt8]) throws(CryptoError) {
        try check(EVP_DigestUpdate(context, bytes, bytes.count), "the digest")
    }

    /// The checksum in 32 hexadecimal digits in lower case. Once.
    package func finish() throws(CryptoError) -> String {
        var output = [UInt8](repeating: 0, count: Self.bytes)
        var written: UInt32 = 0
        try check(EVP_DigestFinal_ex(context, &output, &written), "the digest")
        return output.hexadecimal
    }
}
