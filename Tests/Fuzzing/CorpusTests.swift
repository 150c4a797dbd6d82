import Glibc
import Testing

/// Every input that is kept, through what the fuzzers run.
@Suite struct CorpusTests {
    private static let fixtures =
        #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } + "/Fixtures"

    @Test(arguments: FuzzTarget.allCases)
    func inputsThatAreKeptViolateNothing(target: FuzzTarget) throws {
        for corpus in target.corpora {
            let folder = "\(Self.fixtures)/\(corpus)"
            let names = files(in: folder)
            #expect(!names.isEmpty, "no inputs in \(folder)")
            for name in names {
                let input = try #require(bytes(of: "\(folder)/\(name)"))
                #expect(throws: Never.self, "\(corpus)/\(name)") { try target.run(input) }
            }
        }
    }

    private func files(in folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    private func bytes(of path: String) -> [UInt8]? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        return [UInt8](unsafeUninitializedCapacity: 1 << 20) { $1 = fread($0.baseAddress, 1, $0.count, file) }
    }
}
