public import BotCore
internal import FoundationEssentials

extension OutboundMessage {
    /// The most UTF-8 bytes of a video's title (official doc 101463; the Node SDK says 128).
    static let maximumVideoTitleBytes = 64
    /// The most UTF-8 bytes of a video's description (official doc 101463).
    static let maximumVideoDescriptionBytes = 512

    private struct MediaBody: Encodable {
        let id: String
        let title: String?
        let description: String?

        private enum CodingKeys: String, CodingKey {
            case id = "media_id"
            case title, description
        }
    }

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
        let isVideo = media.kind == .video
        let body = MediaBody(
            id: media.id,
            title: isVideo ? title?.prefix(maximumBytes: maximumVideoTitleBytes) : nil,
            description: isVideo ? description?.prefix(maximumBytes: maximumVideoDescriptionBytes) : nil
        )
        let bytes: [UInt8]
        do {
            bytes = [UInt8](try JSONEncoder().encode(body))
        } catch {
            bytes = Array("{}".utf8)  // three strings are always encodable
        }
        return OutboundMessage(kind: Kind(rawValue: media.kind.rawValue), body: bytes)
    }
}
