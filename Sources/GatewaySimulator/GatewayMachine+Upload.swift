import BotCrypto
import FoundationEssentials

/// Media that the simulated service has: what was uploaded and can be sent.
package struct ReceivedMedia: Sendable, Hashable {
    /// `media_id`.
    package let id: String
    /// `file`, `image`, `voice` or `video`.
    package let type: String
    /// The name that users see.
    package let name: String
    /// How many bytes it has.
    package let bytes: Int
    /// The MD5 of its content as it arrived.
    package let md5: String
    let bot: String
    let createdAt: ContinuousClock.Instant
}

/// An upload that has been begun and not ended.
struct SimulatedUpload: Sendable {
    let type: String
    let name: String
    let totalBytes: Int
    let chunkCount: Int
    let md5: String?
    let bot: String
    let connection: ConnectionID
    let startedAt: ContinuousClock.Instant
    var chunks: [Int: [UInt8]] = [:]
}

/// Uploads (official doc 101463).
///
/// Where the document says nothing: a chunk that comes again with other bytes is refused; the `upload_id` ends with a finish that
/// was accepted, so that a second one is refused; what is refused changes nothing.
extension GatewayMachine {
    private static let maximumNameBytes = 256
    private static let maximumChunks = 100
    private static let maximumChunkBytes = 524_288
    private static let minimumBytes = 5
    private static let sizes = ["file": 20_971_520, "image": 10_485_760, "video": 10_485_760, "voice": 2_097_152]

    /// `aibot_upload_media_init`.
    mutating func uploadInit(
        _ frame: GatewayCodec.ClientFrame,
        bot: String,
        on id: ConnectionID,
        _ now: ContinuousClock.Instant
    ) -> ServerCode {
        guard let type = frame.body?["type"]?.string, let maximum = Self.sizes[type] else {
            return refuseUpload(frame, "an upload of no known type", id, now)
        }
        guard let name = frame.body?["filename"]?.string, !name.isEmpty, name.utf8.count <= Self.maximumNameBytes else {
            return refuseUpload(frame, "filename is missing, empty or too long", id, now)
        }
        guard case .integer(let total)? = frame.body?["total_size"], (Self.minimumBytes...maximum).contains(total)
        else {
            return refuseUpload(frame, "total_size is missing or out of range", id, now)
        }
        guard case .integer(let chunks)? = frame.body?["total_chunks"], (1...Self.maximumChunks).contains(chunks),
            chunks <= total, total <= chunks * Self.maximumChunkBytes
        else {
            return refuseUpload(frame, "total_chunks is missing, out of range, or does not fit total_size", id, now)
        }
        var md5: String?
        if let given = frame.body?["md5"] {
            guard let text = given.string, text.utf8.count == 32, text.utf8.allSatisfy(Self.isHexadecimal) else {
                return refuseUpload(frame, "md5 is not 32 hexadecimal digits in lower case", id, now)
            }
            md5 = text
        }
        let uploadID = "\(configuration.idPrefix)-upload-\(takeID())"
        uploads[uploadID] = SimulatedUpload(
            type: type,
            name: name,
            totalBytes: total,
            chunkCount: chunks,
            md5: md5,
            bot: bot,
            connection: id,
            startedAt: now
        )
        answerBody = ["upload_id": .string(uploadID)]
        return .ok
    }

    /// `aibot_upload_media_chunk`.
    mutating func uploadChunk(
        _ frame: GatewayCodec.ClientFrame,
        bot: String,
        on id: ConnectionID,
        _ now: ContinuousClock.Instant
    ) -> ServerCode {
        guard let (uploadID, upload) = openUpload(frame, bot: bot, on: id, now) else { return .invalidParameter }
        guard case .integer(let index)? = frame.body?["chunk_index"], (0..<upload.chunkCount).contains(index) else {
            return refuseUpload(frame, "chunk_index is missing or out of range", id, now)
        }
        guard let text = frame.body?["base64_data"]?.string, let data = Data(base64Encoded: text), !data.isEmpty,
            data.count <= Self.maximumChunkBytes
        else { return refuseUpload(frame, "base64_data is missing, empty, too long or no Base64", id, now) }
        let bytes = [UInt8](data)
        if let earlier = upload.chunks[index] {
            observe(.repeatedChunk(uploadID: uploadID, index: index), now)
            guard earlier == bytes else { return refuseUpload(frame, "a chunk came again with other bytes", id, now) }
            return .ok
        }
        let size = upload.chunks.values.reduce(bytes.count) { $0 + $1.count }
        guard size <= upload.totalBytes else { return refuseUpload(frame, "more bytes than total_size", id, now) }
        uploads[uploadID]?.chunks[index] = bytes
        return .ok
    }

    /// `aibot_upload_media_finish`.
    mutating func uploadFinish(
        _ frame: GatewayCodec.ClientFrame,
        bot: String,
        on id: ConnectionID,
        _ now: ContinuousClock.Instant
    ) -> ServerCode {
        guard let (uploadID, upload) = openUpload(frame, bot: bot, on: id, now) else { return .invalidParameter }
        let chunks = (0..<upload.chunkCount).compactMap { upload.chunks[$0] }
        guard chunks.count == upload.chunkCount else { return refuseUpload(frame, "a chunk is missing", id, now) }
        let size = chunks.reduce(0) { $0 + $1.count }
        guard size == upload.totalBytes else { return refuseUpload(frame, "not as many bytes as total_size", id, now) }
        guard let md5 = Self.md5(chunks) else { return .systemBusy }
        guard upload.md5 == nil || upload.md5 == md5 else { return refuseUpload(frame, "the MD5 is another", id, now) }
        let number = takeID()
        let one = ReceivedMedia(
            id: "\(configuration.idPrefix)-media-\(number)",
            type: upload.type,
            name: upload.name,
            bytes: size,
            md5: md5,
            bot: bot,
            createdAt: now
        )
        uploads[uploadID] = nil
        media[one.id] = one
        // A number in the document's table and a text in its example: each in turn.
        let created = unixTime(at: now)
        answerBody = [
            "type": .string(one.type), "media_id": .string(one.id),
            "created_at": number.isMultiple(of: 2) ? .integer(created) : .string(String(created)),
        ]
        observe(.uploaded(one), now)
        return .ok
    }

    /// Why a message with media has no effect; nil if it may be sent.
    mutating func refuseMedia(
        _ type: String,
        in frame: GatewayCodec.ClientFrame,
        on id: ConnectionID,
        _ now: ContinuousClock.Instant
    ) -> ServerCode? {
        guard let mediaID = frame.body?[type]?["media_id"]?.string, !mediaID.isEmpty else {
            violation(id, "\(frame.requestID): \(type) without media_id", now)
            return .invalidParameter
        }
        guard let one = media[mediaID], case .subscribed(let bot) = connections[id]?.state, one.bot == bot,
            one.type == type
        else {
            violation(id, "\(frame.requestID): no \(type) with that media_id was uploaded", now)
            return .invalidMedia
        }
        return now - one.createdAt <= configuration.mediaLife ? nil : .invalidMedia
    }

    /// The upload that a frame belongs to, unless the service does not know it or no longer does.
    private mutating func openUpload(
        _ frame: GatewayCodec.ClientFrame,
        bot: String,
        on id: ConnectionID,
        _ now: ContinuousClock.Instant
    ) -> (String, SimulatedUpload)? {
        guard let uploadID = frame.body?["upload_id"]?.string, let upload = uploads[uploadID], upload.bot == bot else {
            // Not a rule that was broken: the acknowledgement of its finish may have been lost.
            return nil
        }
        let survives = configuration.uploadsSurviveReconnect || upload.connection == id
        guard survives, now - upload.startedAt <= configuration.uploadLife else {
            uploads[uploadID] = nil
            return nil
        }
        return (uploadID, upload)
    }

    private mutating func refuseUpload(
        _ frame: GatewayCodec.ClientFrame,
        _ reason: String,
        _ id: ConnectionID,
        _ now: ContinuousClock.Instant
    ) -> ServerCode {
        violation(id, "\(frame.requestID): \(reason)", now)
        return .invalidParameter
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }

    /// `nil` where the system forbids MD5.
    private static func md5(_ chunks: [[UInt8]]) -> String? {
        do throws(CryptoError) {
            let checksum = try MD5Checksum()
            for chunk in chunks { try checksum.update(chunk) }
            return try checksum.finish()
        } catch {
            return nil
        }
    }
}
