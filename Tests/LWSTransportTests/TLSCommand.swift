import BotCrypto
import BotFoundation
import Foundation
import TestSupport

/// The `openssl` program as a TLS server for one connection: it sends what it is told, and ends properly or not.
final class TLSCommand: Sendable {
    let port: UInt16
    let authority: CertificateAuthority
    private let process: Locked<Process>
    private let input = Pipe()
    private let threads = ThreadPool(name: "tls-command")

    init() async throws {
        authority = try CertificateAuthority()
        port = unusedPort()
        let leaf = try authority.issue(names: ["localhost"])
        let path = FileManager.default.temporaryDirectory.appending(path: "tls-\(UUID().uuidString).pem")
        try Data(leaf.certificatePEM + leaf.privateKeyPEM).write(to: path)
        let (process, output) = (Process(), Pipe())
        process.executableURL = URL(filePath: "/usr/bin/openssl")
        process.arguments = [
            "s_server", "-accept", "127.0.0.1:\(port)", "-cert", path.path, "-key", path.path, "-naccept", "1",
        ]
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        self.process = Locked(process)
        let isReady = EventRecorder<Bool>()
        threads.execute {
            var text = ""
            while !text.contains("ACCEPT"), case let data = output.fileHandleForReading.availableData, !data.isEmpty {
                text += String(decoding: data, as: UTF8.self)
            }
            isReady.record(text.contains("ACCEPT"))
            while !output.fileHandleForReading.availableData.isEmpty {}
        }
        let ready = await isReady.first { $0 }
        unlink(path.path)
        guard ready else { throw CocoaError(.fileReadUnknown) }
    }

    deinit { kill() }

    func send(_ text: String) throws { try input.fileHandleForWriting.write(contentsOf: Data(text.utf8)) }

    /// Ends the connection as TLS wants it.
    func finish() throws { try input.fileHandleForWriting.close() }

    /// Ends the connection as if it had been cut.
    func kill() { process.withLock { _ = Foundation.kill($0.processIdentifier, SIGKILL) } }
}
