import BotFoundation
import Foundation
import Glibc
import TestSupport
import Testing

/// `sdk_bot.py` in a process of its own.
final class SDKBot: Sendable {
    /// A Python that has the SDK.
    static let python = ProcessInfo.processInfo.environment["WECOM_SDK_PYTHON"].flatMap { $0.isEmpty ? nil : $0 }
    private static let script = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Interoperability/sdk_bot.py")

    private let process: Locked<Process>
    private let output: String
    private let statuses = EventRecorder<Int32>()

    init(python: String, environment: [String: String]) throws {
        output = FileManager.default.temporaryDirectory.appending(path: "sdk-bot-\(UUID().uuidString).jsonl").path()
        try Data().write(to: URL(filePath: output))
        let process = Process()
        process.executableURL = URL(filePath: python)
        process.arguments = [Self.script.path()]
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardOutput = FileHandle(forWritingAtPath: output)
        process.standardError = FileHandle.nullDevice
        let statuses = statuses
        process.terminationHandler = { statuses.record($0.terminationStatus) }
        // A thread of Swift's pool blocks every signal, and a child inherits that: SIGTERM would never reach it.
        var none = sigset_t()
        var before = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try process.run()
        self.process = Locked(process)
    }

    /// Sends SIGTERM.
    func terminate() { process.withLock { $0.terminate() } }

    deinit {
        process.withLock { if $0.isRunning { kill($0.processIdentifier, SIGKILL) } }
    }

    /// Waits for the end: its status; -1 if it does not come.
    func status() async -> Int32 { await statuses.wait { !$0.isEmpty }.first ?? -1 }

    /// The lines it wrote, each of which has to be JSON.
    func events() throws -> [[String: Any]] {
        let text = String(decoding: try Data(contentsOf: URL(filePath: output)), as: UTF8.self)
        try FileManager.default.removeItem(atPath: output)
        return try text.split(separator: "\n").map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        }
    }
}
