/// A file that an attachment was saved to.
public struct SavedMedia: Sendable, Hashable {
    /// Where the file is.
    public let path: String
    /// How many bytes it has.
    public let byteCount: Int
    /// Its name: as it was sent, or made up of what it is.
    public let fileName: String
    /// What the content is, as its first bytes say.
    public let type: MediaType
}
