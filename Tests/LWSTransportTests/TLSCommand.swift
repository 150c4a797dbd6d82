import BotCrypto
import BotFoundation
import Foundation
import TestSupport

/// The `openssl` program as a TLS server for one connection, which ends in order (the file `body`) or is cut off (what it is told).
final class TLSCommand: Sendable {
    let port: UInt16
    let authority: CertificateAuthority
    private let process: Locked<Process>
    private let directory: URL
    private let input = Pipe()
    private let threads = ThreadPool(name: "tls-command")

    init(body: String? = nil) async throws {
        authority = try CertificateAuthority()
        port = unusedPort()
        let leaf = try authority.issue(names: ["localhost"])
        let directory = FileManager.default.temporaryDirectory.appending(path: "tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        self.directory = directory
        let path = directory.appending(path: "both.pem")
        try Data(leaf.certificatePEM + leaf.privateKeyPEM).write(to: path)
        try Data((body ?? "").utf8).write(to: directory.appending(path: "body"))
        let (process, output) = (Process(), Pipe())
        process.executableURL = URL(filePath: "/usr/bin/openssl")
        process.arguments = [
            "s_server", "-accept", "127.0.0.1:\(port)", "-cert", path.path, "-key", path.path, "-naccept", "1",
        ]
        if body != nil { process.arguments?.append("-HTTP") }
        process.currentDirectoryURL = directory
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
        guard ready else { throw CocoaError(.fileReadUnknown) }
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(at: directory)
    }

    func send(_ text: String) throws { try input.fileHandleForWriting.write(contentsOf: Data(text.utf8)) }

    /// Ends the connection as if it had been cut.
    func kill() { process.withLock { _ = Foundation.kill($0.processIdentifier, SIGKILL) } }
}
