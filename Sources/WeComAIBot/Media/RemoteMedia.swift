internal import BotCore
internal import BotFoundation

/// One piece of media that the platform holds for a few minutes.
struct RemoteMedia: AttachmentSource {
    let reference: MediaReference
    /// The key, if it has none of its own.
    let commonKey: Secret?
    /// When the message arrived, if that is known.
    let receivedAt: ContinuousClock.Instant?
    let client: MediaClient?

    var key: Secret? { reference.aesKey ?? commonKey }

    func fetch(
        maximumBytes: Int,
        _ take: ([UInt8]) throws(MediaError) -> Void
    ) async throws(MediaError) -> String? {
        guard let client else {
            throw MediaError(.unavailable, "this message came a way on which nothing can be fetched")
        }
        return try await client.fetch(self, maximumBytes: maximumBytes, take)
    }
}
