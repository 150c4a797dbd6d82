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
    /// How long after the message an answer may go on in its bubble; what comes later goes another way. The platform asks for 6
    /// minutes (official doc 100719); half a minute is left for closing the bubble.
    package var streamWindow: Duration {
        get { stream.window }
        set { stream.window = newValue }
    }
    /// The name under which people mention the bot; empty if unknown.
    package var botName = ""
    let cipher: CallbackCipher
    /// Media are encrypted with it too, unless they have a key of their own.
    let encodingAESKey: Secret
    var stream = WebhookStreamConfiguration()

    /// The most UTF-8 bytes of ``firstText``.
    package static let maximumFirstTextBytes = StreamFrame.maximumContentBytes
    /// How long after a message it can be answered at all: as long as its `response_url` is valid.
    package static let replyWindow = ResponseURL.lifetime

    /// The path at which a server of its own answers: the one of the system that this replaces.
    package static let defaultPath = "/webhook/wecom-ai-bot"

    /// - Parameters:
    ///   - token: The token of the callback's settings; not empty.
    ///   - encodingAESKey: The `EncodingAESKey` of the callback's settings: 43 letters.
    /// - Throws: ``CryptoError/Code/invalidKey`` if the key is not one, or the token is empty: anybody could sign with that.
    package init(token: Secret, encodingAESKey: Secret) throws(CryptoError) {
        guard !token.isEmpty else { throw CryptoError(.invalidKey, "the callback's token is empty") }
        self.encodingAESKey = encodingAESKey
        cipher = CallbackCipher(token: token, key: try AESKey(encodingAESKey))
    }
}
