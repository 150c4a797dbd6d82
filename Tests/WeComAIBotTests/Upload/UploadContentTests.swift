import BotCore
import Foundation
import Testing

@testable import WeComAIBot

struct UploadContentTests {
    /// Runs `body` with a file that goes afterwards.
    private func withFile(_ bytes: [UInt8], _ body: (URL) throws -> Void) throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "upload-\(UUID().uuidString)-文件.bin")
        try Data(bytes).write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        try body(url)
    }

    @Test(arguments: [0, 1, 5, 262_143, 262_144, 262_145, 600_000])
    func aFileAndBytesReadTheSame(count: Int) throws {
        let bytes = (0..<count).map { UInt8($0 * 7 % 251) }
        try withFile(bytes) { url in
            for source in [UploadSource.file(path: url.path(percentEncoded: false)), .bytes(bytes)] {
                let content = try UploadContent(source)
                #expect(content.count == count)
                #expect(try content.read(0..<count) == bytes)
                #expect(try content.read(count / 3..<count / 2) == Array(bytes[count / 3..<count / 2]))
            }
        }
    }

    @Test func theChecksumIsTheMD5OfAllOfIt() throws {
        // RFC 1321, A.5, and one of several pieces, by `md5sum`.
        #expect(try UploadContent(.bytes([])).checksum() == "d41d8cd98f00b204e9800998ecf8427e")
        #expect(
            try UploadContent(.bytes(Array("message digest".utf8))).checksum() == "f96b697d7cb7938d525a2f31aaf161d0"
        )
        try withFile([UInt8](repeating: 0x61, count: 1_000_000)) { url in
            let checksum = try UploadContent(.file(path: url.path(percentEncoded: false))).checksum()
            #expect(checksum == "7707d6ae4e027c70eea2a935c2296f21")
        }
    }

    @Test(arguments: ["longer", "shorter", "rewritten"])
    func aFileThatChangesWhileItIsReadIsAnError(how: String) throws {
        try withFile([UInt8](repeating: 1, count: 10_000)) { url in
            let content = try UploadContent(.file(path: url.path(percentEncoded: false)))
            #expect(try content.read(0..<5_000).count == 5_000)
            let handle = try FileHandle(forUpdating: url)
            switch how {
            case "longer":
                try handle.seekToEnd()
                try handle.write(contentsOf: [2])
            case "shorter": try handle.truncate(atOffset: 9_999)
            default:
                // The clock of a file system has ticks of some milliseconds: another time, rather than another byte at once.
                try FileManager.default.setAttributes(
                    [.modificationDate: Date.distantPast],
                    ofItemAtPath: url.path(percentEncoded: false)
                )
            }
            try handle.close()
            let error = #expect(throws: UploadError.self) { try content.read(5_000..<10_000) }
            #expect(error?.code == .changed && error?.message.contains(url.lastPathComponent) == true)
        }
    }

    @Test func whatIsNoFileCannotBeRead() {
        for path in ["/nonexistent/a.pdf", "/", "/dev/null", ""] {
            let error = #expect(throws: UploadError.self) { try UploadContent(.file(path: path)) }
            #expect(error?.code == .unreadable)
        }
    }
}
