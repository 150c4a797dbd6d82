import Foundation
import Testing

@testable import BotCore

/// Files that are not complete yet, without a name and with one.
@Suite(.timeLimit(.minutes(2)))
struct PartialFileTests {
    private func inDirectory(_ body: (String) throws -> Void) throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "partial-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
        defer {
            #expect(throws: Never.self) { try FileManager.default.removeItem(at: url) }
        }
        try body(url.path())
    }

    private func names(in directory: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
    }

    private func text(_ path: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
    }

    /// Whether a file without a name can be made where these tests make theirs: O_TMPFILE of open(2).
    private static let canBeNameless: Bool = {
        let descriptor = open(
            FileManager.default.temporaryDirectory.path(),
            O_WRONLY | O_DIRECTORY | 0o20_000_000,
            0o600
        )
        if descriptor >= 0 { close(descriptor) }
        return descriptor >= 0
    }()

    @Test("a process that is killed leaves nothing behind", .enabled(if: canBeNameless))
    func namelessWhileItIsWritten() throws {
        try inDirectory { directory in
            let file = try PartialFile(in: directory)
            try file.write(Array("部分".utf8))
            #expect(try names(in: directory) == [])
            try file.publish(as: directory + "/a")
            #expect(try names(in: directory) == ["a"])
        }
    }

    @Test(arguments: [false, true])
    func itIsPublishedOnceUnderAFreeNameOrInPlaceOfAnother(mayBeNameless: Bool) throws {
        try inDirectory { directory in
            try Data("old".utf8).write(to: URL(filePath: directory + "/a.txt"))
            try FileManager.default.createSymbolicLink(atPath: directory + "/a (2).txt", withDestinationPath: "none")
            func publish(_ text: String, _ put: (PartialFile) throws -> Void) throws {
                let file = try PartialFile(in: directory, mayBeNameless: mayBeNameless)
                try file.write(Array(text.utf8))
                try put(file)
            }
            var paths: [String] = []
            for text in ["三", "四"] {
                try publish(text) { paths.append(try $0.publish(named: "a.txt", in: directory)) }
            }
            #expect(paths == ["a (3).txt", "a (4).txt"].map { directory + separator(directory) + $0 })
            #expect(try paths.map { try text($0) } == ["三", "四"])
            for name in ["a.txt", "a (2).txt", "b.txt"] {
                try publish(name) { try $0.publish(as: directory + "/" + name) }
            }
            for name in ["a.txt", "a (2).txt", "b.txt"] { #expect(try text(directory + "/" + name) == name) }
            #expect(try names(in: directory) == ["a (2).txt", "a (3).txt", "a (4).txt", "a.txt", "b.txt"])
            for path in paths + [directory + "/b.txt"] {
                let attributes = try FileManager.default.attributesOfItem(atPath: path)
                #expect(attributes[.posixPermissions] as? Int == 0o600)
            }
        }
    }

    private func separator(_ directory: String) -> String { directory.hasSuffix("/") ? "" : "/" }

    @Test(arguments: [false, true])
    func whatIsNotPublishedIsGone(mayBeNameless: Bool) throws {
        try inDirectory { directory in
            do {
                let file = try PartialFile(in: directory, mayBeNameless: mayBeNameless)
                try file.write([1])
                // A directory cannot be replaced by a file, nor can a name be as long.
                #expect(throws: MediaError.self) { try file.publish(as: directory) }
                let long = String(repeating: "长", count: 100)
                #expect(throws: MediaError.self) { try file.publish(named: long, in: directory) }
                #expect(throws: MediaError.self) { try file.publish(as: directory + "/none/a") }
            }
            #expect(try names(in: directory) == [])
        }
    }
}
