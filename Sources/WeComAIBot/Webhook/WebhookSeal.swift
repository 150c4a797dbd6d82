internal import BotCrypto
internal import BotFoundation

/// Seals the response to one request.
struct WebhookSeal: Sendable {
    let cipher: CallbackCipher
    /// The request's own; the response repeats both.
    let timestamp: Int
    let nonce: String
    let trace: FrameTrace
    let log: Log

    /// A response that shows a stream.
    func response(_ frame: StreamFrame) throws(WebhookFailure) -> WebhookResponse {
        let plain: [UInt8]
        do throws(WireError) {
            plain = try WebhookCodec().encode(frame)
        } catch {
            throw WebhookFailure(.internalError, "an answer could not be made: \(error)")
        }
        return try response(plain)
    }

    /// A response of this plain text.
    func response(_ plain: [UInt8]) throws(WebhookFailure) -> WebhookResponse {
        trace.write("out", plain, to: log)
        do {
            let encrypted = try cipher.seal(plain)
            let envelope = try WebhookEnvelope(encrypted, timestamp: timestamp, nonce: nonce, cipher: cipher)
            return WebhookResponse(status: 200, body: try WebhookCodec().encode(envelope))
        } catch {
            throw WebhookFailure(.internalError, "an answer could not be made: \(error)")
        }
    }
}
