import BotCore
import FoundationEssentials

/// Begins an upload.
struct UploadInit: Sendable, Hashable, Encodable {
    let kind: UploadedMedia.Kind
    let fileName: String
    let totalBytes: Int
    let chunkCount: Int
    /// In 32 hexadecimal digits; nil leaves it out.
    let md5: String?

    private enum Key: String, CodingKey {
        case type, filename, md5
        case totalSize = "total_size"
        case totalChunks = "total_chunks"
    }

    func encode(to encoder: any Encoder) throws {
        var body = encoder.container(keyedBy: Key.self)
        try body.encode(kind.rawValue, forKey: .type)
        try body.encode(fileName, forKey: .filename)
        try body.encode(totalBytes, forKey: .totalSize)
        try body.encode(chunkCount, forKey: .totalChunks)
        try body.encodeIfPresent(md5, forKey: .md5)
    }
}

/// One piece of an upload. Pieces are counted from 0, and may arrive twice and in any order (official doc 101463).
struct UploadChunk: Sendable, Hashable, Encodable {
    let uploadID: String
    let index: Int
    let bytes: [UInt8]

    private enum Key: String, CodingKey {
        case uploadID = "upload_id"
        case index = "chunk_index"
        case data = "base64_data"
    }

    func encode(to encoder: any Encoder) throws {
        var body = encoder.container(keyedBy: Key.self)
        try body.encode(uploadID, forKey: .uploadID)
        try body.encode(index, forKey: .index)
        try body.encode(Data(bytes).base64EncodedString(), forKey: .data)
    }
}

/// What an acknowledgement of an upload's frame says besides its code.
///
/// There is more to it, such as `created_at`, a number or a text of one, which nobody needs.
struct UploadAnswer: Decodable {
    let uploadID: String?
    let mediaID: String?

    private enum Key: String, CodingKey {
        case body
        case uploadID = "upload_id"
        case mediaID = "media_id"
    }

    init(from decoder: any Decoder) throws {
        let frame = try decoder.container(keyedBy: Key.self)
        do {
            let body = try frame.nestedContainer(keyedBy: Key.self, forKey: .body)
            uploadID = body.tolerantString(.uploadID)
            mediaID = body.tolerantString(.mediaID)
        } catch {
            (uploadID, mediaID) = (nil, nil)
        }
    }

    /// Reads an acknowledgement.
    init(_ frame: [UInt8]) throws(WireError) {
        self = try JSONDecoder().decode(UploadAnswer.self, fromText: frame, called: "an acknowledgement")
    }
}
