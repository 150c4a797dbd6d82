public import BotCore
internal import FoundationEssentials

/// What the platform takes, checked before a byte is sent.
extension UploadedMedia.Kind {
    /// How many bytes an upload of this kind may have: from 5 (official doc 101463) to 20 MiB for a file, 10 MiB for a video, 2 MiB
    /// for speech, and 10 MiB for a picture. For pictures official doc 101463 says 2 MB and official doc 96484 10 MB: between the two
    /// the server decides, and one that it refuses can be sent as a file.
    public var allowedBytes: ClosedRange<Int> {
        let mebibytes =
            switch self {
            case .file: 20
            case .image, .video: 10
            case .voice: 2
            }
        return 5...mebibytes * 1_024 * 1_024
    }

    /// The formats that it takes (official doc 101463), for people; empty for any.
    fileprivate var formats: String {
        switch self {
        case .image: "PNG, JPEG or GIF"
        case .voice: "AMR, of at most 60 s"
        case .video: "MP4"
        case .file: ""
        }
    }

    /// Whether content that begins like this can be of such a format.
    fileprivate func takes(_ head: some Collection<UInt8>) -> Bool {
        switch self {
        case .file: true
        case .image:
            head.starts(with: [0x89, 0x50, 0x4E, 0x47]) || head.starts(with: [0xFF, 0xD8, 0xFF])
                || head.starts(with: Array("GIF8".utf8))
        case .voice: head.starts(with: Array("#!AMR".utf8))
        case .video: MediaType(of: head) == .mp4
        }
    }
}

/// The limits that do not depend on the kind.
enum UploadRules {
    /// The most UTF-8 bytes of `filename` (official doc 101463).
    static let maximumNameBytes = 256
    /// The most chunks of one upload (official doc 101463).
    static let maximumChunks = 100
    /// The most bytes of one chunk, before Base64 (official doc 101463).
    static let maximumChunkBytes = 512 * 1_024
    /// How long an `upload_id` is good for (official doc 101463).
    static let sessionLife = Duration.seconds(30 * 60)
    /// How long speech may be (official doc 101463).
    static let maximumSpeech = Duration.seconds(60)
    /// How many uploads a bot may begin (official doc 101463, which does not say what counts; a large file has more chunks than that).
    static let rate = RateLimits(perMinute: 30, perHour: 1_000)
    /// How many bytes at the beginning tell the format.
    static let headBytes = 16

    /// - Throws: ``UploadError`` if the platform would not take it.
    static func checkName(_ name: String) throws(UploadError) {
        func invalid(_ problem: String) -> UploadError {
            UploadError(
                .invalidName,
                "the name of an upload \(problem); give it one such as report.pdf, of at most \(maximumNameBytes) bytes of UTF-8"
            )
        }
        guard !name.isEmpty else { throw invalid("is empty") }
        let count = name.utf8.count
        guard count <= maximumNameBytes else { throw invalid("has \(count) bytes") }
        guard name.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F && $0 != "/" && $0 != "\\" }) else {
            throw invalid("has a slash or a control character in it")
        }
        guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")), dot > name.utf8.startIndex,
            dot < name.utf8.index(before: name.utf8.endIndex)
        else { throw invalid("has no extension") }
    }

    /// - Throws: ``UploadError`` if the platform would not take so many bytes.
    static func checkSize(_ count: Int, of kind: UploadedMedia.Kind) throws(UploadError) {
        let allowed = kind.allowedBytes
        if count < allowed.lowerBound {
            throw UploadError(.tooSmall, "an upload needs at least \(allowed.lowerBound) bytes; there are \(count)")
        }
        if count > allowed.upperBound {
            let other =
                kind != .file && UploadedMedia.Kind.file.allowedBytes.contains(count)
                ? "; it can be sent as a file" : ""
            throw UploadError(
                .tooLarge,
                "an upload of kind \(kind.rawValue) may have \(allowed.upperBound) bytes at most; there are \(count)\(other)"
            )
        }
    }

    /// - Throws: ``UploadError`` if it is speech that is too long. What cannot be read is left to the platform.
    static func checkDuration(of bytes: [UInt8]) throws(UploadError) {
        guard let duration = AMRDuration.of(bytes), duration > maximumSpeech else { return }
        let seconds = (duration + .seconds(1) - .nanoseconds(1)).components.seconds
        throw UploadError(
            .tooLong,
            "speech may take \(maximumSpeech.components.seconds) s at most; this takes \(seconds) s; it can be sent as a file"
        )
    }

    /// - Throws: ``UploadError`` if content that begins like this is of no format that the platform takes.
    static func checkFormat(_ head: some Collection<UInt8>, of kind: UploadedMedia.Kind) throws(UploadError) {
        guard !kind.takes(head) else { return }
        throw UploadError(
            .wrongFormat,
            "an upload of kind \(kind.rawValue) must be \(kind.formats), and this does not begin like one; it can be sent as a file"
        )
    }
}

/// How content is cut into chunks.
struct UploadPlan: Sendable, Hashable {
    /// Bytes in all.
    let totalBytes: Int
    /// Bytes of every chunk but the last.
    let chunkBytes: Int

    /// A chunk is one message, and what it takes on the wire is how long everything else may have to wait: 0.7 s for one of this size
    /// at 2 Mbit/s. Smaller ones are not worth their round trips.
    static let preferredChunkBytes = 128 * 1_024

    /// As small chunks as may be: larger than preferred only where there would be too many.
    init(totalBytes: Int) {
        self.totalBytes = totalBytes
        let least = (totalBytes + UploadRules.maximumChunks - 1) / UploadRules.maximumChunks
        chunkBytes = max(Self.preferredChunkBytes, least)
    }

    /// How many chunks there are.
    var chunkCount: Int { (totalBytes + chunkBytes - 1) / chunkBytes }

    /// Which bytes a chunk has.
    func range(of chunk: Int) -> Range<Int> {
        chunk * chunkBytes..<min(totalBytes, (chunk + 1) * chunkBytes)
    }
}
