public import BotCore
internal import WeComAIBot

extension Bot {
    /// Gives the platform a file, to be sent with ``Reply/send(_:)``; as ``Reply/upload(file:as:name:progress:)``, for what is needed
    /// by more than one answer.
    ///
    /// - Throws: ``UploadError``; with code ``UploadError/Code/notRunning`` unless the bot runs, and with
    ///   ``UploadError/Code/notSupported`` in webhook mode: a callback address takes no files.
    public func upload(
        file: String,
        as kind: UploadedMedia.Kind,
        name: String? = nil,
        progress: (@Sendable (UploadProgress) -> Void)? = nil
    ) async throws(UploadError) -> UploadedMedia {
        let source = UploadSource.file(path: file)
        return try await channel().upload(source, as: kind, name: name ?? source.fileName, progress: progress)
    }

    /// Gives the platform bytes as a file.
    ///
    /// - Throws: ``UploadError``; with code ``UploadError/Code/notRunning`` unless the bot runs, and with
    ///   ``UploadError/Code/notSupported`` in webhook mode: a callback address takes no files.
    public func upload(
        bytes: [UInt8],
        as kind: UploadedMedia.Kind,
        name: String,
        progress: (@Sendable (UploadProgress) -> Void)? = nil
    ) async throws(UploadError) -> UploadedMedia {
        try await channel().upload(.bytes(bytes), as: kind, name: name, progress: progress)
    }

    private func channel() throws(UploadError) -> any BotChannel {
        guard let channel = runningParts?.channel else {
            throw UploadError(.notRunning, "the bot does not run; upload while it does")
        }
        return channel
    }
}
