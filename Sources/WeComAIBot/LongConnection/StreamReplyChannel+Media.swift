internal import BotCore

extension StreamReplyChannel {
    func upload(
        _ source: UploadSource,
        as kind: UploadedMedia.Kind,
        name: String,
        progress: (@Sendable (UploadProgress) -> Void)?
    ) async throws(UploadError) -> UploadedMedia {
        try await connection.upload(source, as: kind, name: name, progress: progress)
    }
}
