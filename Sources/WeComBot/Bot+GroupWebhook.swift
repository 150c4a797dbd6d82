public import BotCore
internal import WeComAIBot

extension Bot {
    /// Posts a message to the group of ``Configuration/groupWebhookURL``, and waits for the verdict. In both modes, and to that group only.
    ///
    ///     await bot.pushToGroupWebhook(.markdown("**Build 42** is through"))
    ///
    /// The group webhook takes 20 messages a minute (official doc 99110): what would exceed that waits, and is refused once 100 messages
    /// do. Markdown is sent as `markdown_v2`, which mentions nobody and has no colours; a text of more than 4,096 bytes of UTF-8 goes on in
    /// further messages. Cards without buttons can be posted, and what ``uploadToGroupWebhook(file:as:name:)`` gave. It is never shown
    /// twice: if nobody knows whether it arrived, the outcome is ``BotCore/Delivery/unknown(_:)``, and it is not sent again.
    ///
    /// - Returns: The outcome. Refused, and not sent, if the message has a problem, if there is no such URL, or if the bot is not running.
    @discardableResult
    @concurrent public func pushToGroupWebhook(_ message: OutboundMessage) async -> Delivery {
        guard let channel = runningParts?.channel else {
            return .refused(.init("the bot does not run; push while it does"))
        }
        return await channel.groupWebhook.send(message)
    }

    /// Makes a file ready for ``pushToGroupWebhook(_:)`` with ``BotCore/OutboundMessage/media(_:title:description:)``.
    ///
    ///     let report = try await bot.uploadToGroupWebhook(file: "report.pdf", as: .file)
    ///     await bot.pushToGroupWebhook(.media(report))
    ///
    /// It is good for that group webhook only, and for three days. Files have 5 bytes to 20 MiB, speech at most 2 MiB (AMR, at most 60 s),
    /// pictures at most 2 MiB (PNG or JPEG); a video is sent as a file (official doc 99110).
    ///
    /// - Parameter name: How users see a file, with an extension; the file's own name unless given. What could do harm in it is left out.
    /// - Throws: ``UploadError``; with code ``UploadError/Code/notRunning`` unless the bot runs, and with
    ///   ``UploadError/Code/notSupported`` if there is no ``Configuration/groupWebhookURL``.
    @concurrent public func uploadToGroupWebhook(
        file: String,
        as kind: UploadedMedia.Kind,
        name: String? = nil
    ) async throws(UploadError) -> UploadedMedia {
        let source = UploadSource.file(path: file)
        return try await groupWebhook().upload(source, as: kind, name: name ?? source.fileName)
    }

    /// Makes bytes ready for ``pushToGroupWebhook(_:)``; see ``uploadToGroupWebhook(file:as:name:)``.
    @concurrent public func uploadToGroupWebhook(
        bytes: [UInt8],
        as kind: UploadedMedia.Kind,
        name: String
    ) async throws(UploadError) -> UploadedMedia {
        try await groupWebhook().upload(.bytes(bytes), as: kind, name: name)
    }

    private func groupWebhook() throws(UploadError) -> GroupWebhook {
        guard let channel = runningParts?.channel else {
            throw UploadError(.notRunning, "the bot does not run; upload while it does")
        }
        return channel.groupWebhook
    }
}
