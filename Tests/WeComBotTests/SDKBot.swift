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

    private let process: ChildProcess

    init(python: String, environment: [String: String]) throws {
        process = try ChildProcess(
            [python, Self.script.path()],
            environment: ProcessInfo.processInfo.environment.merging(environment) { $1 },
            keepsErrors: false
        )
    }

    /// Sends SIGTERM.
    func terminate() { process.signal(SIGTERM) }

    /// Waits for the end: its status.
    func status() async -> Int32? { await process.end().status }

    /// The lines it wrote, each of which has to be JSON.
    func events() throws -> [[String: Any]] {
        try process.output.split(separator: "\n").map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        }
    }
}
