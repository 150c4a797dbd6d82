package import BotCore

/// What the platform's group webhooks take (official doc 99110): files of 5 bytes to 20 MiB, speech of at most 2 MiB (AMR, 60 s), and
/// pictures of at most 2 MiB (PNG or JPEG).
extension GroupWebhook {
    /// Makes media ready to be sent to the group: only there, and for three days. A video goes as a file; a picture is not uploaded,
    /// because it goes in the message itself.
    ///
    /// - Throws: ``UploadError``; what can be known beforehand before anything is sent.
    package func upload(
        _ source: UploadSource,
        as kind: UploadedMedia.Kind,
        name: String,
        progress: (@Sendable (UploadProgress) -> Void)? = nil
    ) async throws(UploadError) -> UploadedMedia {
        guard isConfigured else { throw UploadError(.notSupported, Self.notConfigured.message) }
        let kind = kind == .video ? .file : kind
        let bytes = try await Uploader.reading { () throws(UploadError) in try Self.content(of: source, for: kind) }
        let media =
            kind == .image
            ? UploadedMedia(id: GroupWebhookCodec.pictureID(bytes), kind: .image)
            : try await upload(bytes, as: kind, name: name)
        progress?(UploadProgress(acknowledgedBytes: bytes.count, totalBytes: bytes.count))
        return media
    }

    private func upload(
        _ bytes: [UInt8],
        as kind: UploadedMedia.Kind,
        name: String
    ) async throws(UploadError) -> UploadedMedia {
        guard let name = FileName.safe(name) else {
            throw UploadError(.invalidName, "the name of an upload has nothing in it that can be in a name")
        }
        try UploadRules.checkName(name)
        let (answer, delivery): ([UInt8], Delivery)
        do throws(PostFailure) {
            (answer, delivery) = try await post(
                form: form.encode(bytes, named: name, in: "media"),
                type: kind.rawValue
            )
        } catch {
            throw UploadError(.unanswered, "\(Self.name): \(error.message)")
        }
        switch delivery {
        case .refused(let reason): throw UploadError(.refused, serverCode: reason.code, reason.message)
        case .unknown(let reason): throw UploadError(.unanswered, reason.message)
        case .delivered, .redirected: break
        }
        do throws(WireError) {
            return UploadedMedia(id: try GroupWebhookCodec.mediaID(in: answer), kind: kind)
        } catch {
            throw UploadError(.unanswered, "\(Self.name): \(error.message)")
        }
    }

    /// All of it, checked. Blocks.
    private static func content(
        of source: UploadSource,
        for kind: UploadedMedia.Kind
    ) throws(UploadError) -> [UInt8] {
        let content = try UploadContent(source)
        try UploadRules.checkSize(content.count, of: kind)
        guard kind != .image || content.count <= GroupWebhookCodec.maximumImageBytes else {
            throw UploadError(
                .tooLarge,
                "a picture for the group webhook may have \(GroupWebhookCodec.maximumImageBytes) bytes at most; there are "
                    + "\(content.count); it can be sent as a file"
            )
        }
        let bytes = try content.read(0..<content.count)
        let head = bytes.prefix(UploadRules.headBytes)
        try UploadRules.checkFormat(head, of: kind)
        if kind == .voice { try UploadRules.checkDuration(of: bytes) }
        guard kind != .image || [.png, .jpeg].contains(MediaType(of: head)) else {
            throw UploadError(
                .wrongFormat,
                "a picture for the group webhook must be PNG or JPEG, and this does not begin like one; it can be sent as a file"
            )
        }
        return bytes
    }
}
