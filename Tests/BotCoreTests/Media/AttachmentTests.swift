import BotFoundation
import Foundation
import Testing

@testable import BotCore

@Suite(.timeLimit(.minutes(2)))
struct AttachmentTests {
    // The testing library has a type of that name.
    private typealias Attachment = BotCore.Attachment

    /// Content in pieces, that may end badly.
    private struct Pieces: AttachmentSource {
        var pieces: [[UInt8]]
        var name: String?
        var failure: MediaError?

        func fetch(
            maximumBytes: Int,
            _ take: ([UInt8]) throws(MediaError) -> Void
        ) async throws(MediaError) -> String? {
            for piece in pieces { try take(piece) }
            if let failure { throw failure }
            return name
        }
    }

    private static let png: [[UInt8]] = [[0x89, 0x50], [], [0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], [1, 2, 3]]

    private func attachment(_ source: Pieces, fileName: String? = nil) -> Attachment {
        Attachment(kind: .image, fileName: fileName, source: source)
    }

    /// A directory of its own, which is looked at in the end.
    private func inDirectory(_ body: (String) async throws -> Void) async throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "attachments-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
        defer {
            #expect(throws: Never.self) { try FileManager.default.removeItem(at: url) }
        }
        try await body(url.path())
    }

    private func names(in directory: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
    }

    private func bytes(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(filePath: path))) }

    private func mode(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    @Test(arguments: [
        ("sent.png", "said.png", "sent.png"), (nil, "said.png", "said.png"), (nil, "../.x", "x"),
        (nil, nil, "image.png"),
    ])
    func aDownloadHasItsBytesNameAndType(sent: String?, said: String?, expected: String) async throws {
        let media = try await attachment(Pieces(pieces: Self.png, name: sent), fileName: said).download()
        #expect(media.bytes == Self.png.flatMap(\.self))
        #expect(media.type == .png)
        #expect(media.fileName == expected)
    }

    @Test func aSavedFileHasItsBytesAndNobodyElseReadsIt() async throws {
        try await inDirectory { directory in
            let path = directory + "/图.png"
            try Data([9]).write(to: URL(filePath: path))
            let saved = try await attachment(Pieces(pieces: Self.png, name: "a.png")).save(to: path)
            #expect(saved == SavedMedia(path: path, byteCount: 11, fileName: "a.png", type: .png))
            #expect(try bytes(path) == Self.png.flatMap(\.self))
            #expect(try mode(path) == 0o600)
            #expect(try names(in: directory) == ["图.png"])
        }
    }

    @Test func aDirectoryGetsANewFileEachTime() async throws {
        try await inDirectory { directory in
            let source = attachment(Pieces(pieces: Self.png, name: "报告.png"))
            var paths: [String] = []
            for directory in [directory, directory + "/", directory] {
                paths.append(try await source.save(in: directory).path)
            }
            #expect(try names(in: directory) == ["报告 (2).png", "报告 (3).png", "报告.png"])
            #expect(try bytes(paths[2]) == bytes(paths[0]))
            #expect(try mode(paths[1]) == 0o600)
        }
    }

    @Test func aLinkOfThatNameIsNotFollowed() async throws {
        try await inDirectory { directory in
            let target = directory + "/target"
            try Data([9]).write(to: URL(filePath: target))
            try FileManager.default.createSymbolicLink(atPath: directory + "/a.png", withDestinationPath: target)
            let saved = try await attachment(Pieces(pieces: Self.png, name: "a.png")).save(in: directory)
            #expect(saved.path.hasSuffix("a (2).png"))
            let replaced = try await attachment(Pieces(pieces: Self.png)).save(to: directory + "/a.png")
            #expect(try bytes(replaced.path).count == 11)
            #expect(try bytes(target) == [9])
        }
    }

    @Test func whatFailsLeavesNothingBehind() async throws {
        try await inDirectory { directory in
            let failing = attachment(
                Pieces(pieces: Self.png, name: "a.png", failure: MediaError(.decryptionFailed, "x"))
            )
            try Data([9]).write(to: URL(filePath: directory + "/old"))
            for save in [
                { try await failing.save(in: directory) }, { try await failing.save(to: directory + "/a.png") },
                { try await failing.save(to: directory + "/old") },
            ] as [() async throws -> SavedMedia] {
                let error = await #expect(throws: MediaError.self) { _ = try await save() }
                #expect(error?.code == .decryptionFailed)
            }
            await #expect(throws: MediaError.self) { try await failing.download() }
            #expect(try names(in: directory) == ["old"])
            #expect(try bytes(directory + "/old") == [9])
        }
    }

    @Test func whereNoFileCanBeIsAnError() async throws {
        try await inDirectory { directory in
            let source = attachment(Pieces(pieces: Self.png, name: "a.png"))
            for path in [directory, directory + "/", directory + "/none/a", "", directory + "/a\0b"] {
                let error = await #expect(throws: MediaError.self, "\(path)") { try await source.save(to: path) }
                #expect(error?.code == .fileFailed)
            }
            for path in [directory + "/none", directory + "/a\0b"] {
                let error = await #expect(throws: MediaError.self, "\(path)") { try await source.save(in: path) }
                #expect(error?.code == .fileFailed)
            }
            let left = try names(in: directory)
            #expect(left.isEmpty)
        }
    }

    @Test func presentContentIsHeldToTheLimit() async throws {
        let attachment = Attachment(kind: .file, fileName: "a.bin", content: [1, 2, 3])
        #expect(try await attachment.download(maximumBytes: 3).bytes == [1, 2, 3])
        let error = await #expect(throws: MediaError.self) { try await attachment.download(maximumBytes: 2) }
        #expect(error?.code == .tooLarge)
        #expect(error?.message.contains("2 bytes") == true)
    }

    @Test func aMessageKeepsTheOrderOfItsParts() {
        let (first, second) = (Attachment(kind: .image, content: []), Attachment(kind: .file, content: []))
        let message = Inbound(
            id: "1",
            kind: .mixed,
            conversation: Conversation(kind: .single, id: "u"),
            sender: "u",
            text: "甲\n乙",
            parts: [
                .text("甲"), .attachment(first), .other(Inbound.Kind(rawValue: "sticker")), .text("乙"),
                .attachment(second),
            ]
        )
        #expect(message.attachments.map(\.kind) == [.image, .file])
        #expect(message.originalText == message.text)
        #expect(message.withoutContent.parts.isEmpty)
        let plain = Inbound(id: "1", kind: .text, conversation: message.conversation, sender: "u", text: "甲")
        #expect(plain.parts.text == "甲")
    }
}
