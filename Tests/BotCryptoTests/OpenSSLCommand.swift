import Foundation
import TestSupport

/// The `openssl` program: a second opinion on what this target makes.
enum OpenSSLCommand {
    private static let path = "/usr/bin/openssl"

    static var isPresent: Bool { FileManager.default.isExecutableFile(atPath: path) }

    /// Runs `openssl` in a fresh directory that holds `files`; returns its exit status and everything it printed.
    static func run(_ arguments: [String], files: [String: [UInt8]]) async throws -> (status: Int32?, output: String) {
        let directory = FileManager.default.temporaryDirectory.appending(path: "openssl-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        for (name, bytes) in files {
            try Data(bytes).write(to: directory.appending(path: name))
        }
        let process = try ChildProcess([path] + arguments, directory: directory.path())
        process.closeInput()
        return await process.end()
    }
}
