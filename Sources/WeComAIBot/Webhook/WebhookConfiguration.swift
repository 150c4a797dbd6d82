package import BotCrypto
package import BotFoundation

/// What a callback address has to know.
package struct WebhookConfiguration: Sendable {
    /// The path it answers at; `nil` for every path, when the server has chosen already.
    package var path: String?
    /// What a bubble shows until the answer has text; `nil` for the platform's thinking animation. At most 20,480 bytes.
    package var firstText: String? {
        get { stream.firstText == WebhookStreamConfiguration().firstText ? nil : stream.firstText }
        set { stream.firstText = newValue ?? WebhookStreamConfiguration().firstText }
    }
    let cipher: CallbackCipher
    var stream = WebhookStreamConfiguration()

    /// - Parameters:
    ///   - token: The token of the callback's settings; not empty.
    ///   - encodingAESKey: The `EncodingAESKey` of the callback's settings: 43 letters.
    /// - Throws: ``CryptoError/Code/invalidKey`` if the key is not one, or the token is empty: anybody could sign with that.
    package init(token: Secret, encodingAESKey: Secret) throws(CryptoError) {
        guard !token.isEmpty else { throw CryptoError(.invalidKey, "the callback's token is empty") }
        cipher = CallbackCipher(token: token, key: try AESKey(encodingAESKey))
    }
}
