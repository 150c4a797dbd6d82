import BotCrypto
import BotFoundation
import FoundationEssentials

/// What the platform demands of `stream.msg_item` (official doc 101031): only with the end, at most ten, PNG or JPEG of at most 10 MiB,
/// with the MD5 of the bytes before Base64.
enum ImageRules {
    private static let maximumCount = 10
    private static let maximumBytes = 10_485_760

    /// Why a list of images is not one; nothing of it is shown then.
    struct Broken: Error, CustomStringConvertible {
        let description: String
    }

    /// The images of a stream.
    ///
    /// - Parameter isFinal: Whether the answer finishes it.
    static func images(in stream: JSONValue, isFinal: Bool) throws -> [ShownImage] {
        guard let items = stream["msg_item"] else { return [] }
        guard case .array(let items) = items else { throw Broken(description: "msg_item is no array") }
        guard isFinal || items.isEmpty else { throw Broken(description: "images in a stream that goes on") }
        guard items.count <= maximumCount else { throw Broken(description: "\(items.count) images") }
        return try items.map(image)
    }

    private static func image(_ item: JSONValue) throws -> ShownImage {
        guard item["msgtype"]?.string == "image", let text = item["image"]?["base64"]?.string,
            let bytes = Data(base64Encoded: text).map({ [UInt8]($0) })
        else { throw Broken(description: "an item that is no image in Base64") }
        guard bytes.count <= maximumBytes else { throw Broken(description: "an image of \(bytes.count) bytes") }
        guard bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) || bytes.starts(with: [0xFF, 0xD8, 0xFF]) else {
            throw Broken(description: "an image that is neither PNG nor JPEG")
        }
        let checksum = try MD5Checksum()
        try checksum.update(bytes)
        let md5 = try checksum.finish()
        guard item["image"]?["md5"]?.string == md5 else { throw Broken(description: "the md5 is not the image's") }
        return ShownImage(md5: md5, bytes: bytes.count)
    }
}
