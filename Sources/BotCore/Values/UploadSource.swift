/// Where the bytes of an upload are.
public enum UploadSource: Sendable, Hashable {
    /// In a file. It is read piece by piece while it goes, and must not change until then.
    case file(path: String)
    /// In memory.
    case bytes([UInt8])

    /// The name of the file; empty for bytes.
    package var fileName: String {
        switch self {
        case .file(let path): path.split(separator: "/").last.map(String.init) ?? ""
        case .bytes: ""
        }
    }
}

/// How far an upload has come.
public struct UploadProgress: Sendable, Hashable {
    /// Bytes that the server has acknowledged. Fewer than before when the server has lost what it had and the upload starts anew.
    public let acknowledgedBytes: Int
    /// Bytes that there are.
    public let totalBytes: Int

    /// So many of so many.
    public init(acknowledgedBytes: Int, totalBytes: Int) {
        self.acknowledgedBytes = acknowledgedBytes
        self.totalBytes = totalBytes
    }
}
