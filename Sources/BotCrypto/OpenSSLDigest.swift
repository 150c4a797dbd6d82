import COpenSSL

/// SHA-256 (FIPS 180-4).
package enum SHA256Digest {
    private static let bytes = 32

    /// The digest in 64 hexadecimal digits in lower case.
    ///
    /// - Throws: ``CryptoError/Code/openSSL``.
    package static func hexadecimal(of bytes: [UInt8]) throws(CryptoError) -> String {
        var output = [UInt8](repeating: 0, count: Self.bytes)
        var written: UInt32 = 0
        try check(EVP_Digest(bytes, bytes.count, &output, &written, EVP_sha256(), nil), "the digest")
        return output.hexadecimal
    }
}
