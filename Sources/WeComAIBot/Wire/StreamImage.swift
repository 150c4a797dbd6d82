internal import BotCore
internal import FoundationEssentials

/// An image that a bubble shows when it is finished.
struct StreamImage: Sendable, Hashable {
    /// The most of one bubble (official doc 101031).
    static let maximumCount = AttachedImage.maximumCount

    /// What is in its file.
    let base64: String
    /// Of the bytes before Base64: 32 hexadecimal digits.
    let md5: String

    /// How much memory it takes.
    var byteCount: Int { base64.utf8.count }
}

extension StreamImage {
    /// Encodes an image.
    ///
    /// - Throws: ``UploadError`` where the system forbids MD5, which the platform does not do without.
    init(_ image: AttachedImage) throws(UploadError) {
        guard let md5 = try UploadContent(.bytes(image.bytes)).checksum() else {
            throw UploadError(.notSupported, "this system forbids MD5, without which a callback address sends no image")
        }
        self.init(base64: Data(image.bytes).base64EncodedString(), md5: md5)
    }
}

extension StreamImage: Encodable {
    private enum Key: String, CodingKey { case msgtype, image, base64, md5 }

    func encode(to encoder: any Encoder) throws {
        var item = encoder.container(keyedBy: Key.self)
        try item.encode("image", forKey: .msgtype)
        var image = item.nestedContainer(keyedBy: Key.self, forKey: .image)
        try image.encode(base64, forKey: .base64)
        try image.encode(md5, forKey: .md5)
    }
}
