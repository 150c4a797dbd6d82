/// Why a cryptographic operation was not done.
package struct CryptoError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of failure it was. Open: later versions may add codes.
    package struct Code: RawRepresentable, Sendable, Hashable {
        /// The code as it is printed.
        package let rawValue: String

        /// Wraps a code by its printed form.
        package init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// A name given for a certificate is neither a DNS name nor an IP address.
        package static let invalidName = Code(rawValue: "invalid-name")
        /// A certificate would end before it begins, or the dates do not fit the format.
        package static let invalidValidity = Code(rawValue: "invalid-validity")
        /// A key is not 32 bytes in any spelling.
        package static let invalidKey = Code(rawValue: "invalid-key")
        /// A signature does not match; nothing was decrypted.
        package static let invalidSignature = Code(rawValue: "invalid-signature")
        /// Encrypted data is cut short, or a length in it cannot be.
        package static let invalidLength = Code(rawValue: "invalid-length")
        /// Decrypted data does not end as it must: the wrong key, or damage.
        package static let invalidPadding = Code(rawValue: "invalid-padding")
        /// A message was made for another receiver.
        package static let invalidReceiveID = Code(rawValue: "invalid-receive-id")
        /// OpenSSL refused; the message carries its reason.
        package static let openSSL = Code(rawValue: "openssl")
    }

    /// What kind of failure it was.
    package let code: Code
    /// What went wrong, for a person who can act on it. Never contains key material.
    package let message: String

    /// Makes an error from its parts.
    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The code and the message.
    package var description: String { "\(code.rawValue): \(message)" }
}
