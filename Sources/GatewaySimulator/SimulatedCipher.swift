internal import BotCrypto
internal import FoundationEssentials

/// How the service encrypts one medium (official doc 101463): AES-256-CBC, padded to a multiple of 32 bytes with the number of
/// bytes that were added; the vector is the key's first half.
struct SimulatedCipher {
    private let bytes: [UInt8]

    /// A new key.
    init() {
        bytes = (0..<32).map { _ in UInt8.random(in: .min ... .max) }
    }

    /// A key as messages have it.
    init?(key: String) {
        guard let data = Data(base64Encoded: key + "="), data.count == 32 else { return nil }
        bytes = Array(data)
    }

    /// As messages have it: Base64 without the sign at its end.
    var key: String { Data(bytes).base64EncodedString().replacing("=", with: "") }

    /// A key with which `encrypted` does not even look padded; one key in eight makes it so.
    static func wrong(for encrypted: [UInt8]) throws -> SimulatedCipher {
        while true {
            let other = SimulatedCipher()
            let cipher = try CBCCipher(.decrypt, key: other.bytes, vector: Array(other.bytes[..<16]))
            guard let last = try cipher.update(encrypted).last, (1...32).contains(last) else { return other }
        }
    }

    func encrypt(_ content: [UInt8]) throws -> [UInt8] {
        let added = 32 - content.count % 32
        let padding = [UInt8](repeating: UInt8(added), count: added)
        let cipher = try CBCCipher(.encrypt, key: bytes, vector: Array(bytes[..<16]))
        return try cipher.update(content + padding)
    }
}
