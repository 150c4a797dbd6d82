extension Reply {
    /// Gives the platform a file, to be sent with ``send(_:)``. It ends nothing, and the answer goes on meanwhile.
    ///
    /// It goes in pieces behind everything else that the bot has to say, and survives reconnects. The platform keeps it for three
    /// days; what was uploaded for one conversation may be sent to others. 30 uploads per minute and 1,000 per hour are allowed
    /// (official doc 101463): what would exceed that waits until it may begin.
    ///
    /// - Parameters:
    ///   - file: Its path. It must not change until the upload has ended.
    ///   - kind: What it is to be shown as, which decides how large it may be and what has to be in it.
    ///   - name: How users see it, with an extension, at most 256 bytes of UTF-8; the file's own name unless given.
    ///   - progress: Called for each piece that has arrived, never at the same time.
    /// - Throws: ``UploadError``; what can be known beforehand before anything is sent.
    public func upload(
        file: String,
        as kind: UploadedMedia.Kind,
        name: String? = nil,
        progress: (@Sendable (UploadProgress) -> Void)? = nil
    ) async throws(UploadError) -> UploadedMedia {
        let source = UploadSource.file(path: file)
        return try await upload(source, as: kind, name: name ?? source.fileName, progress: progress)
    }

    /// Gives the platform bytes as a file; see ``upload(file:as:name:progress:)``.
    public func upload(
        bytes: [UInt8],
        as kind: UploadedMedia.Kind,
        name: String,
        progress: (@Sendable (UploadProgress) -> Void)? = nil
    ) async throws(UploadError) -> UploadedMedia {
        try await upload(.bytes(bytes), as: kind, name: name, progress: progress)
    }

    private func upload(
        _ source: UploadSource,
        as kind: UploadedMedia.Kind,
        name: String,
        progress: (@Sendable (UploadProgress) -> Void)?
    ) async throws(UploadError) -> UploadedMedia {
        guard let channel else { throw UploadError(.notSupported, "nothing is uploaded here") }
        return try await channel.upload(source, as: kind, name: name, progress: progress)
    }
}

extension ReplyChannel {
    /// Refused.
    public func upload(
        _ source: UploadSource,
        as kind: UploadedMedia.Kind,
        name: String,
        progress: (@Sendable (UploadProgress) -> Void)?
    ) async throws(UploadError) -> UploadedMedia {
        throw UploadError(.notSupported, "this channel uploads nothing")
    }
}
