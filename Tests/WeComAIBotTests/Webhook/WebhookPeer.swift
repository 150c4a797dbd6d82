import Foundation
import Testing

/// `webhook_peer.py` in a process of its own.
enum WebhookPeer {
    /// A Python that has `wechatpy`.
    static let python = ProcessInfo.processInfo.environment["WECOM_SDK_PYTHON"].flatMap { $0.isEmpty ? nil : $0 }

    /// What it sends to the address.
    struct Delivery: Decodable {
        let encrypt, signature, timestamp, nonce: String
    }

    /// Does one task, and gives what it writes.
    static func run(_ task: [String: Any]) throws -> Data {
        let script = Fixture.directory.appending(path: "../../Tests/Interoperability/webhook_peer.py")
        let input = FileManager.default.temporaryDirectory.appending(path: "webhook-peer-\(UUID().uuidString).json")
        let full = task.merging(["token": Platform.token, "key": Platform.key]) { $1 }
        try JSONSerialization.data(withJSONObject: full).write(to: input)
        let process = Process()
        process.executableURL = URL(filePath: try #require(python))
        process.arguments = [script.path()]
        process.standardInput = try FileHandle(forReadingFrom: input)
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        try FileManager.default.removeItem(at: input)
        #expect(process.terminationStatus == 0)
        return data
    }
}
