internal import BotCrypto
internal import BotFoundation
internal import LWSTransport
internal import WeComAIBot

/// The rules of the callback address.
extension ConfigurationRules {
    static func encodingAESKey(_ text: String) throws(ConfigurationFault) -> String {
        let text = try token(text)
        do {
            _ = try AESKey(Secret(text))
        } catch {
            throw ConfigurationFault("is \(error.message)")
        }
        return text
    }

    /// What a bubble shows first; empty for the platform's animation.
    static func firstText(_ text: String) throws(ConfigurationFault) -> String {
        guard text.utf8.count <= WebhookConfiguration.maximumFirstTextBytes else {
            throw ConfigurationFault("must have at most \(WebhookConfiguration.maximumFirstTextBytes) bytes")
        }
        return text.trimmed
    }

    /// `nil` for an empty path, which means plain HTTP.
    static func pem(_ path: String, of what: String) throws(ConfigurationFault) -> [UInt8]? {
        guard !path.isEmpty else { return nil }
        let bytes = try ConfigurationFile.contents(of: path, maximumBytes: 1 << 20)
        guard String(decoding: bytes, as: UTF8.self).contains("\(what)-----") else {
            throw ConfigurationFault("names a file without a PEM \(what.lowercased()) (-----BEGIN \(what)-----)")
        }
        return bytes
    }

    /// Certificate chain and key go together.
    static func pair(certificate: String, key: String) throws(ConfigurationFault) {
        guard certificate.isEmpty != key.isEmpty else { return }
        throw ConfigurationFault(
            "names one of the two files that TLS needs: set both, the certificate and its private key, or neither"
        )
    }
}
