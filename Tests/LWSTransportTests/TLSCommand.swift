import BotCrypto
import BotFoundation
import Foundation
import TestSupport

/// The `openssl` program as a TLS server for one connection, which ends in order (the file `body`) or is cut off (what it is told).
final class TLSCommand: Sendable {
    let port: UInt16
    let authority: CertificateAuthority
    private let process: ChildProcess
    private let directory: URL

    init(body: String? = nil) async throws {
        authority = try CertificateAuthority()
        port = unusedPort()
        let leaf = try authority.issue(names: ["localhost"])
        directory = FileManager.default.temporaryDirectory.appending(path: "tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let path = directory.appending(path: "both.pem")
        try Data(leaf.certificatePEM + leaf.privateKeyPEM).write(to: path)
        try Data((body ?? "").utf8).write(to: directory.appending(path: "body"))
        let arguments = [
            "openssl", "s_server", "-accept", "127.0.0.1:\(port)", "-cert", path.path, "-key", path.path, "-naccept",
            "1",
        ]
        process = try ChildProcess(arguments + (body == nil ? [] : ["-HTTP"]), directory: directory.path())
        await process.hasWritten("ACCEPT")
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(at: directory)
    }

    func send(_ text: String) throws { try process.write(Array(text.utf8)) }

    /// Ends the connection as if it had been cut.
    func kill() { process.signal(SIGKILL) }
}
