/// A picture, file or video that somebody sent. The message only says where it is; ``download(maximumBytes:)`` and
/// ``save(to:maximumBytes:)`` fetch it.
///
/// The platform keeps it for a few minutes only (WeCom: five, official doc 100719). A handler that needs it fetches it first.
public struct Attachment: Sendable {
    /// What it is shown as.
    public let kind: Inbound.Kind
    /// Its name, if the message says it. Usually it comes only with the content. Safe to be used as the name of a file.
    public let fileName: String?
    let source: any AttachmentSource

    /// An attachment that a channel can fetch.
    package init(kind: Inbound.Kind, fileName: String?, source: any AttachmentSource) {
        self.kind = kind
        self.fileName = fileName.flatMap(FileName.safe)
        self.source = source
    }

    /// An attachment whose content is there already, for the test of a handler.
    public init(kind: Inbound.Kind, fileName: String? = nil, content: [UInt8]) {
        self.init(kind: kind, fileName: fileName, source: PresentContent(bytes: content))
    }
}

/// Where an attachment's content comes from; a channel supplies it.
package protocol AttachmentSource: Sendable {
    /// Fetches the content, and gives it in order, a piece at a time, decrypted. Only when it returns is known that all of it was right.
    ///
    /// - Parameters:
    ///   - maximumBytes: More than that is an error, ``MediaError/Code/tooLarge``.
    ///   - take: Gets each piece; what it throws ends the fetch.
    /// - Returns: The name that came with the content, safe to be used as a file's, if there was one.
    func fetch(
        maximumBytes: Int,
        _ take: ([UInt8]) throws(MediaError) -> Void
    ) async throws(MediaError) -> String?
}

/// Content that need not be fetched.
private struct PresentContent: AttachmentSource {
    let bytes: [UInt8]

    func fetch(
        maximumBytes: Int,
        _ take: ([UInt8]) throws(MediaError) -> Void
    ) async throws(MediaError) -> String? {
        guard bytes.count <= maximumBytes else { throw .tooLarge(maximumBytes) }
        try take(bytes)
        return nil
    }
}
