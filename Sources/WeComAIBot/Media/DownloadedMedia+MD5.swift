public import BotCore
internal import BotCrypto

extension DownloadedMedia {
    /// The MD5 of its bytes in lower-case hexadecimal, which is how the platform names a content, for instance in the picture of an
    /// answer (`image.md5`, official doc 101031). Not proof against forgery.
    public var md5: String {
        do {
            return try Digest.md5(bytes).map { byte in
                let digits = String(byte, radix: 16)
                return byte < 16 ? "0" + digits : digits
            }.joined()
        } catch {
            // OpenSSL has MD5 unless its administrator has switched it off (FIPS).
            return ""
        }
    }
}
