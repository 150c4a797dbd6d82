/// A file that the platform has, to be sent by its id.
public struct UploadedMedia: Sendable, Hashable {
    /// What the platform shows it as.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// A picture.
        case image
        /// Speech.
        case voice
        /// A video.
        case video
        /// A file to be opened.
        case file
    }

    /// The platform's id of it.
    public let id: String
    /// What it is shown as.
    public let kind: Kind

    /// Names media that have been uploaded.
    public init(id: String, kind: Kind) {
        self.id = id
        self.kind = kind
    }
}
