internal import BotCrypto

/// What every answer to a callback is wrapped in (official doc 101033). Beware of the spelling: the query's parameter is
/// `msg_signature`.
struct WebhookEnvelope: Sendable, Hashable, Encodable {
    let encrypt: String
    let msgsignature: String
    /// Unix seconds; a number, as the documentation has it.
    let timestamp: Int
    /// The callback's.
    let nonce: String

    /// Signs what is encrypted already.
    init(_ encrypted: String, timestamp: Int, nonce: String, cipher: CallbackCipher) throws(CryptoError) {
        encrypt = encrypted
        msgsignature = try cipher.signature(timestamp: String(timestamp), nonce: nonce, encrypted: encrypted)
        self.timestamp = timestamp
        self.nonce = nonce
    }
}
