/// A picture at the end of an answer: PNG or JPEG, as its first bytes say.
public struct AttachedImage: Sendable {
    /// The most images of one answer (official doc 101031).
    public static let maximumCount = 10
    /// The most bytes of one image, as they are in its file: 10 MiB (official doc 101031).
    public static let maximumBytes = 10 * 1_024 * 1_024

    /// What would be in its file.
    public let bytes: [UInt8]
    /// ``MediaType/png`` or ``MediaType/jpeg``.
    public let type: MediaType

    /// Takes an image as it is in its file.
    ///
    /// - Throws: ``UploadError`` with code `too-large` or `wrong-format`.
    public init(_ bytes: [UInt8]) throws(UploadError) {
        guard bytes.count <= Self.maximumBytes else {
            let message = "an image of an answer may have \(Self.maximumBytes) bytes at most; there are \(bytes.count)"
            throw UploadError(.tooLarge, message)
        }
        type = MediaType(of: bytes.prefix(MediaType.headBytes))
        guard type == .png || type == .jpeg else {
            throw UploadError(
                .wrongFormat,
                "an image of an answer must be PNG or JPEG, and this does not begin like one"
            )
        }
        self.bytes = bytes
    }
}
