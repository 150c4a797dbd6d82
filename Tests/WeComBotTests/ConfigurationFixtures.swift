import Glibc
import Testing

@testable import WeComBot

/// The files in `Fixtures/configurations`.
enum ConfigurationFixtures {
    static let root =
        #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } + "/Fixtures/configurations"

    /// The paths of the files in `folder` that end in `.json`, in order.
    static func files(in folder: String) -> [String] {
        guard let directory = opendir("\(root)/\(folder)") else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasSuffix(".json") { names.append("\(root)/\(folder)/\(name)") }
        }
        return names.sorted()
    }

    static func text(_ path: String) throws -> String {
        String(decoding: try ConfigurationFile.contents(of: path, maximumBytes: 1 << 22), as: UTF8.self)
    }
}

/// A directory that is removed when the value goes.
final class TemporaryDirectory {
    let path: String

    init() throws {
        let template = try #require(strdup("/tmp/wecom-bot-test-XXXXXX"))
        defer { free(template) }
        path = String(cString: try #require(mkdtemp(template)))
    }

    /// Writes a file and gives its path.
    func write(_ name: String, _ bytes: some Collection<UInt8>) throws -> String {
        let path = "\(path)/\(name)"
        let file = try #require(fopen(path, "w"))
        let bytes = Array(bytes)
        #expect(fwrite(bytes, 1, bytes.count, file) == bytes.count)
        fclose(file)
        return path
    }

    deinit {
        guard let directory = opendir(path) else { return }
        while let entry = readdir(directory) {
            withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { _ = unlinkat(dirfd(directory), $0, 0) }
            }
        }
        closedir(directory)
        rmdir(path)
    }
}

/// The problems of a configuration as `key: message`, or nothing if it is right.
func problems(_ environment: [String: String], file: String? = nil) -> [String] {
    do {
        _ = try Configuration.load(file: file, environment: environment)
        return []
    } catch {
        return error.problems.map { "\($0.key): \($0.message)" }
    }
}

/// An environment with credentials and `more`.
func environment(_ more: [String: String] = [:]) -> [String: String] {
    ["WECOM_BOT_ID": "b", "WECOM_BOT_SECRET": "s"].merging(more) { $1 }
}
