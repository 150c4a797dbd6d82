import BotCrypto
import Foundation
import TestSupport

/// The system's curl.
enum Curl {
    /// What curl prints.
    static func run(_ arguments: [String], trusting authority: CertificateAuthority?, input: Int = 0) async throws
        -> String
    {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("curl-\(UUID().uuidString).pem")
        try Data(authority?.certificatePEM ?? []).write(to: path)
        defer { unlink(path.path) }
        let process = try ChildProcess(
            ["curl", "-s", "--max-time", "60", "--noproxy", "*", "--cacert", path.path] + arguments,
            keepsErrors: false
        )
        try process.write([UInt8](repeating: 97, count: input))
        process.closeInput()
        return await process.end().output
    }
}
