import BotCrypto
import Foundation

/// The system's curl.
enum Curl {
    /// What curl prints.
    static func run(_ arguments: [String], trusting authority: CertificateAuthority?, input: Int = 0) async throws
        -> String
    {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("curl-\(UUID().uuidString).pem")
        try Data(authority?.certificatePEM ?? []).write(to: path)
        defer { unlink(path.path) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/curl")
        process.arguments = ["-s", "--max-time", "60", "--noproxy", "*", "--cacert", path.path] + arguments
        let (output, source) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardInput = source
        let ended = AsyncStream.makeStream(of: Void.self)
        process.terminationHandler = { _ in ended.continuation.finish() }
        try process.run()
        try source.fileHandleForWriting.write(contentsOf: Data(repeating: 97, count: input))
        try source.fileHandleForWriting.close()
        for await _ in ended.stream {}
        return String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    }
}
