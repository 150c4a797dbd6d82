/// What an attachment contains, in memory.
public struct DownloadedMedia: Sendable {
    /// The content.
    public let bytes: [UInt8]
    /// Its name: as it was sent, or made up of what it is. Safe to be used as the name of a file.
    public let fileName: String
    /// What the content is, as its first bytes say.
    public let type: MediaType
}
