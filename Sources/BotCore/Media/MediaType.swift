/// What a content is, as its first bytes say. What a server or a name says of it is not believed.
public struct MediaType: RawRepresentable, Sendable, Hashable {
    /// The media type, such as `image/png`.
    public let rawValue: String

    /// A type by its name.
    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    /// Anything.
    public static let binary = MediaType(rawValue: "application/octet-stream")
    /// PNG.
    public static let png = MediaType(rawValue: "image/png")
    /// JPEG.
    public static let jpeg = MediaType(rawValue: "image/jpeg")
    /// GIF.
    public static let gif = MediaType(rawValue: "image/gif")
    /// WebP.
    public static let webP = MediaType(rawValue: "image/webp")
    /// BMP.
    public static let bmp = MediaType(rawValue: "image/bmp")
    /// PDF.
    public static let pdf = MediaType(rawValue: "application/pdf")
    /// ZIP, and what is made of it without being known.
    public static let zip = MediaType(rawValue: "application/zip")
    /// MP4.
    public static let mp4 = MediaType(rawValue: "video/mp4")
    /// MP3.
    public static let mp3 = MediaType(rawValue: "audio/mpeg")
    /// AMR, narrow or wide band.
    public static let amr = MediaType(rawValue: "audio/amr")
    /// SILK, as WeChat records speech.
    public static let silk = MediaType(rawValue: "audio/silk")

    /// Whether it is a picture.
    public var isImage: Bool { rawValue.hasPrefix("image/") }

    /// What names of such files end with, without the dot; `nil` for ``binary`` and what is not known.
    public var fileExtension: String? { Self.extensions[rawValue] }

    /// How many bytes from the beginning are looked at.
    package static let headBytes = 4_096

    private static let word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    private static let sheet = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    private static let slides = "application/vnd.openxmlformats-officedocument.presentationml.presentation"

    private static let extensions = [
        "image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp", "image/bmp": "bmp",
        "image/tiff": "tiff", "image/heic": "heic", "image/avif": "avif", "application/pdf": "pdf",
        "application/zip": "zip", word: "docx", sheet: "xlsx", slides: "pptx", "application/gzip": "gz",
        "application/vnd.rar": "rar", "application/x-7z-compressed": "7z", "video/mp4": "mp4",
        "video/quicktime": "mov", "video/webm": "webm", "video/x-matroska": "mkv", "audio/mp4": "m4a",
        "audio/mpeg": "mp3", "audio/amr": "amr", "audio/silk": "silk", "audio/wav": "wav", "audio/ogg": "ogg",
        "audio/flac": "flac",
    ]

    /// What begins like this.
    ///
    /// - Parameter head: The first ``headBytes`` bytes, or all if there are fewer.
    package init(of head: some Collection<UInt8>) {
        let head = Array(head)
        func begins(with text: StaticString, at offset: Int = 0) -> Bool {
            text.withUTF8Buffer { head.dropFirst(offset).starts(with: $0) }
        }
        let rawValue: String? =
            if head.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
                "image/png"
            } else if head.starts(with: [0xFF, 0xD8, 0xFF]) {
                "image/jpeg"
            } else if begins(with: "GIF87a") || begins(with: "GIF89a") {
                "image/gif"
            } else if begins(with: "RIFF") {
                begins(with: "WEBP", at: 8) ? "image/webp" : begins(with: "WAVE", at: 8) ? "audio/wav" : nil
            } else if begins(with: "BM"), head.count >= 18, [12, 40, 52, 56, 64, 108, 124].contains(head[14]),
                head[15...17].allSatisfy({ $0 == 0 })
            {
                "image/bmp"
            } else if head.starts(with: [0x49, 0x49, 0x2A, 0]) || head.starts(with: [0x4D, 0x4D, 0, 0x2A]) {
                "image/tiff"
            } else if begins(with: "%PDF-") {
                "application/pdf"
            } else if head.starts(with: [0x50, 0x4B, 3, 4]) || head.starts(with: [0x50, 0x4B, 5, 6]) {
                Self.archive(head)
            } else if head.starts(with: [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]) {
                "application/x-ole-storage"
            } else if head.starts(with: [0x1F, 0x8B, 8]) {
                "application/gzip"
            } else if begins(with: "Rar!\u{1A}\u{07}") {
                "application/vnd.rar"
            } else if head.starts(with: [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C]) {
                "application/x-7z-compressed"
            } else if begins(with: "ftyp", at: 4) {
                Self.container(brand: head.dropFirst(8).prefix(4))
            } else if head.starts(with: [0x1A, 0x45, 0xDF, 0xA3]) {
                head.prefix(64).contains(sequence: "webm") ? "video/webm" : "video/x-matroska"
            } else if begins(with: "#!AMR\n") || begins(with: "#!AMR-WB\n") {
                "audio/amr"
            } else if begins(with: "#!SILK_V3") || begins(with: "#!SILK_V3", at: 1) {
                "audio/silk"
            } else if begins(with: "OggS") {
                "audio/ogg"
            } else if begins(with: "fLaC") {
                "audio/flac"
            } else if begins(with: "ID3") || Self.isLayerThree(head) {
                "audio/mpeg"
            } else {
                nil
            }
        self = rawValue.map(MediaType.init(rawValue:)) ?? .binary
    }

    /// What a ZIP file is, by the names of the first files in it.
    private static func archive(_ head: [UInt8]) -> String {
        for (directory, type) in [("word/", word), ("xl/", sheet), ("ppt/", slides)] {
            if head.contains(sequence: directory), head.contains(sequence: ".xml") { return type }
        }
        return "application/zip"
    }

    /// What an ISO media file is (ISO 14496-12), by its brand.
    private static func container(brand: ArraySlice<UInt8>) -> String {
        switch String(decoding: brand, as: UTF8.self) {
        case "qt  ": "video/quicktime"
        case "M4A ", "M4B ": "audio/mp4"
        case "heic", "heix", "mif1", "heim", "heis": "image/heic"
        case "avif", "avis": "image/avif"
        default: "video/mp4"
        }
    }

    /// Whether it begins with the header of a frame of MPEG layer III (ISO 11172-3) that has no tag in front.
    private static func isLayerThree(_ head: [UInt8]) -> Bool {
        guard head.count >= 4, head[0] == 0xFF, head[1] & 0xE6 == 0xE2, head[1] & 0x18 != 0x08 else { return false }
        let (bitRate, sampleRate) = (head[2] >> 4, head[2] >> 2 & 3)
        return bitRate != 0 && bitRate != 15 && sampleRate != 3
    }
}

extension Collection<UInt8> {
    fileprivate func contains(sequence text: String) -> Bool { firstRange(of: Array(text.utf8)) != nil }
}
