public import BotCore

extension OutboundMessage {
    /// The most UTF-8 bytes of a video's title (official doc 101463; the Node SDK says 128).
    static let maximumVideoTitleBytes = 64
    /// The most UTF-8 bytes of a video's description (official doc 101463).
    static let maximumVideoDescriptionBytes = 512

    /// A picture, speech, a video or a file that was uploaded.
    ///
    /// - Parameters:
    ///   - media: What ``Reply/upload(file:as:name:progress:)`` gave. It is good for three days.
    ///   - title: Of a video; nothing else has one. Cut to 64 bytes of UTF-8 between characters, which the platform would do too.
    ///   - description: Of a video; cut to 512 bytes.
    public static func media(
        _ media: UploadedMedia,
        title: String? = nil,
        description: String? = nil
    ) -> OutboundMessage {
        var body: [String: JSONTree] = ["media_id": .string(media.id)]
        if media.kind == .video {
            body["title"] = title.map { .string($0.prefix(maximumBytes: maximumVideoTitleBytes)) }
            body["description"] = description.map { .string($0.prefix(maximumBytes: maximumVideoDescriptionBytes)) }
        }
        let problems = media.id.isEmpty ? ["the id of the media is empty"] : []
        return OutboundMessage(Kind(rawValue: media.kind.rawValue), body, problems)
    }
}
