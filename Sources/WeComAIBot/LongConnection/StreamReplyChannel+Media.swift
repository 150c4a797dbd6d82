internal import BotCore
internal import BotFoundation

/// What is not a stream.
extension StreamReplyChannel {
    func send(_ message: OutboundMessage) async -> Delivery {
        await send(.respond(requestID, message), .once, .push)
    }

    func upload(
        _ source: UploadSource,
        as kind: UploadedMedia.Kind,
        name: String,
        progress: (@Sendable (UploadProgress) -> Void)?
    ) async throws(UploadError) -> UploadedMedia {
        try await connection.upload(source, as: kind, name: name, progress: progress)
    }
}
