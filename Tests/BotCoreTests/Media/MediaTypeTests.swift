import Testing

@testable import BotCore

struct MediaTypeTests {
    private static func zip(_ names: String...) -> [UInt8] {
        names.flatMap { [0x50, 0x4B, 3, 4] + [UInt8](repeating: 0, count: 26) + Array($0.utf8) }
    }

    static let heads: [([UInt8], String, String?)] = [
        ([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0], "image/png", "png"),
        ([0xFF, 0xD8, 0xFF, 0xE0], "image/jpeg", "jpg"),
        (Array("GIF89a..".utf8), "image/gif", "gif"), (Array("GIF87a".utf8), "image/gif", "gif"),
        (Array("RIFF....WEBPVP8 ".utf8), "image/webp", "webp"), (Array("RIFF....WAVEfmt ".utf8), "audio/wav", "wav"),
        (Array("BM".utf8) + [UInt8](repeating: 0, count: 12) + [40, 0, 0, 0], "image/bmp", "bmp"),
        (Array("%PDF-1.7".utf8), "application/pdf", "pdf"),
        (zip("a.txt"), "application/zip", "zip"),
        (zip("[Content_Types].xml", "word/document.xml"), MediaTypeTests.office("wordprocessingml.document"), "docx"),
        (zip("[Content_Types].xml", "xl/workbook.xml"), MediaTypeTests.office("spreadsheetml.sheet"), "xlsx"),
        (zip("[Content_Types].xml", "ppt/slides.xml"), MediaTypeTests.office("presentationml.presentation"), "pptx"),
        ([0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1], "application/x-ole-storage", nil),
        (Array("#!AMR\n".utf8), "audio/amr", "amr"), (Array("#!AMR-WB\n".utf8), "audio/amr", "amr"),
        ([2] + Array("#!SILK_V3".utf8), "audio/silk", "silk"), (Array("#!SILK_V3".utf8), "audio/silk", "silk"),
        (Array("ID3\u{4}".utf8), "audio/mpeg", "mp3"), ([0xFF, 0xFB, 0x90, 0x00], "audio/mpeg", "mp3"),
        (Array("\0\0\0\u{18}ftypisom".utf8), "video/mp4", "mp4"),
        (Array("\0\0\0\u{18}ftypqt  ".utf8), "video/quicktime", "mov"),
        (Array("\0\0\0\u{18}ftypheic".utf8), "image/heic", "heic"),
        (Array("\0\0\0\u{18}ftypM4A ".utf8), "audio/mp4", "m4a"),
        ([0x1F, 0x8B, 8], "application/gzip", "gz"),
        // What is almost something.
        ([], "application/octet-stream", nil), ([0x89, 0x50, 0x4E], "application/octet-stream", nil),
        (Array("BM, he said, and that is no picture".utf8), "application/octet-stream", nil),
        ([0xFF, 0xFB, 0xF0, 0x00], "application/octet-stream", nil),
        ([0xFF, 0xFE, 0x41, 0x00], "application/octet-stream", nil),
        (Array("<svg onload=alert(1)>".utf8), "application/octet-stream", nil),
        (Array("RIFF....AVI ".utf8), "application/octet-stream", nil),
    ]

    private static func office(_ name: String) -> String { "application/vnd.openxmlformats-officedocument.\(name)" }

    @Test(arguments: heads)
    func aTypeIsKnownByItsFirstBytes(head: [UInt8], type: String, ending: String?) {
        let found = MediaType(of: head)
        #expect(found.rawValue == type)
        #expect(found.fileExtension == ending)
        #expect(found.isImage == type.hasPrefix("image/"))
    }

    @Test func noBeginningIsTooShort() {
        for (head, _, _) in Self.heads {
            for count in 0...head.count { _ = MediaType(of: head.prefix(count)) }
        }
    }
}
