import BotCore
import Testing

@testable import WeComAIBot

struct UploadRulesTests {
    @Test(arguments: [
        (UploadedMedia.Kind.file, 20 * 1_024 * 1_024), (.image, 10 * 1_024 * 1_024), (.video, 10 * 1_024 * 1_024),
        (.voice, 2 * 1_024 * 1_024),
    ])
    func sizesAreAllowedFromFiveBytesToTheKindsOwnMaximum(kind: UploadedMedia.Kind, maximum: Int) {
        #expect(kind.allowedBytes == 5...maximum)
        for count in [5, maximum] {
            #expect(throws: Never.self) { try UploadRules.checkSize(count, of: kind) }
        }
        let small = #expect(throws: UploadError.self) { try UploadRules.checkSize(4, of: kind) }
        #expect(small?.code == .tooSmall && small?.message.contains("at least 5") == true)
        let large = #expect(throws: UploadError.self) { try UploadRules.checkSize(maximum + 1, of: kind) }
        #expect(large?.code == .tooLarge && large?.message.contains("\(maximum)") == true)
        #expect(large?.message.contains("as a file") == (kind != .file))
    }

    /// A name of so many bytes that ends with an extension.
    private static func name(_ count: Int, _ piece: String) -> String {
        let head = String(repeating: piece, count: (count - 4) / piece.utf8.count)
        return head + String(repeating: "x", count: count - 4 - head.utf8.count) + ".pdf"
    }

    @Test(arguments: ["a", "字", "😀", "👩‍👩‍👧‍👦", "e\u{301}"])
    func namesAreLimitedInBytes(piece: String) {
        let longest = Self.name(256, piece)
        #expect(longest.utf8.count == 256)
        #expect(throws: Never.self) { try UploadRules.checkName(longest) }
        let error = #expect(throws: UploadError.self) { try UploadRules.checkName("x" + longest) }
        #expect(error?.code == .invalidName && error?.message.contains("257 bytes") == true)
    }

    @Test(arguments: ["报告.pdf", "a.b", "two words.tar.gz", "..x", "表格（终）🤖.xlsx"])
    func ordinaryNamesAreTaken(name: String) {
        #expect(throws: Never.self) { try UploadRules.checkName(name) }
    }

    @Test(arguments: ["", "report", ".pdf", "report.", "a/b.pdf", "a\\b.pdf", "a\u{0}.pdf", "a\n.pdf", "a\u{7F}.pdf"])
    func namesThatAreNoneAreRefused(name: String) {
        let error = #expect(throws: UploadError.self) { try UploadRules.checkName(name) }
        #expect(error?.code == .invalidName)
    }

    @Test func onlyTheFormatsOfAKindAreTaken() {
        let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A]
        let jpeg: [UInt8] = [0xFF, 0xD8, 0xFF, 0xE0]
        let gif = Array("GIF89a".utf8)
        let amr = Array("#!AMR\n".utf8)
        let mp4 = [0, 0, 0, 0x20] + Array("ftypisom".utf8)
        let others = ["qt  ", "heic", "mif1", "avif", "M4A ", "M4B "].map { [0, 0, 0, 0x20] + Array("ftyp\($0)".utf8) }
        let text = Array("hello".utf8)
        let takes: [UploadedMedia.Kind: [[UInt8]]] = [.image: [png, jpeg, gif], .voice: [amr], .video: [mp4]]
        for kind in UploadedMedia.Kind.allCases {
            for head in [png, jpeg, gif, amr, mp4, text, []] + others {
                if kind == .file || takes[kind]?.contains(head) == true {
                    #expect(throws: Never.self) { try UploadRules.checkFormat(head, of: kind) }
                } else {
                    let error = #expect(throws: UploadError.self) { try UploadRules.checkFormat(head, of: kind) }
                    #expect(error?.code == .wrongFormat && error?.message.contains("as a file") == true)
                }
            }
        }
    }
}

struct AMRDurationTests {
    private static let narrow = [13, 14, 16, 18, 20, 21, 27, 32, 6]
    private static let wide = [18, 24, 33, 37, 41, 47, 51, 59, 61, 6]

    /// Speech of so many frames of a type.
    static func speech(frames: Int, type: Int = 7, isWide: Bool = false) -> [UInt8] {
        let size = isWide ? wide[type] : narrow[type]
        let frame = [UInt8(type << 3 | 4)] + [UInt8](repeating: 0xFF, count: size - 1)
        return Array((isWide ? "#!AMR-WB\n" : "#!AMR\n").utf8) + (0..<frames).flatMap { _ in frame }
    }

    @Test(arguments: 0..<9, [false, true]) func aMinuteIsTakenAndAFrameMoreIsNot(type: Int, isWide: Bool) throws {
        #expect(AMRDuration.of(Self.speech(frames: 1, type: type, isWide: isWide)) == .milliseconds(20))
        let minute = Self.speech(frames: 3_000, type: type, isWide: isWide)
        #expect(AMRDuration.of(minute) == .seconds(60))
        try UploadRules.checkDuration(of: minute)
        let longer = Self.speech(frames: 3_001, type: type, isWide: isWide)
        let error = #expect(throws: UploadError.self) { try UploadRules.checkDuration(of: longer) }
        #expect(error?.code == .tooLong && error?.message.contains("60 s at most; this takes 61 s") == true)
    }

    @Test func framesOfDifferentTypesAndSilenceAreAdded() {
        let mixed = (0..<9).flatMap { Self.speech(frames: 2, type: $0).dropFirst(6) }
        #expect(AMRDuration.of(Array("#!AMR\n".utf8) + mixed + [0x7C, 0x7C]) == .milliseconds(20 * 20))
        #expect(AMRDuration.of(Array("#!AMR\n".utf8)) == .zero)
    }

    @Test func whatCannotBeReadIsLeftToThePlatform() throws {
        let damaged = Self.speech(frames: 3_001) + [0x4C]  // a type that no file has
        for bytes in [damaged, Array("#!AMR_MC1.0\n".utf8) + Self.speech(frames: 3_001), [], Array("#!AM".utf8)] {
            #expect(AMRDuration.of(bytes) == nil)
            try UploadRules.checkDuration(of: bytes)
        }
    }
}

struct UploadPlanTests {
    @Test(arguments: [
        // size, bytes of a chunk, chunks
        (5, 131_072, 1), (131_072, 131_072, 1), (131_073, 131_072, 2), (13_107_200, 131_072, 100),
        (13_107_201, 131_073, 100), (20_971_520, 209_716, 100),
    ])
    func contentIsCutIntoAtMostAHundredChunks(size: Int, chunk: Int, count: Int) {
        let plan = UploadPlan(totalBytes: size)
        #expect(plan.chunkBytes == chunk && plan.chunkCount == count)
    }

    @Test func chunksAreTheWholeContentInOrder() {
        var generator = SystemRandomNumberGenerator()
        let limit = UploadedMedia.Kind.file.allowedBytes
        for size in [5, limit.upperBound] + (0..<200).map({ _ in Int.random(in: limit, using: &generator) }) {
            let plan = UploadPlan(totalBytes: size)
            #expect((1...UploadRules.maximumChunks).contains(plan.chunkCount))
            #expect(plan.chunkBytes <= UploadRules.maximumChunkBytes)
            var end = 0
            for chunk in 0..<plan.chunkCount {
                let range = plan.range(of: chunk)
                #expect(range.lowerBound == end && !range.isEmpty && range.count <= plan.chunkBytes, "of \(size)")
                end = range.upperBound
            }
            #expect(end == size)
        }
    }
}
