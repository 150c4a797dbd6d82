import Foundation
import TestSupport
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
    static func run(_ task: [String: Any]) async throws -> Data {
        let script = Fixture.directory.appending(path: "../../Tests/Interoperability/webhook_peer.py")
        let full = task.merging(["token": Platform.token, "key": Platform.key]) { $1 }
        let process = try ChildProcess([try #require(python), script.path()], keepsErrors: false)
        try process.write([UInt8](JSONSerialization.data(withJSONObject: full)))
        process.closeInput()
        let (status, output) = await process.end()
        #expect(status == 0)
        return Data(output.utf8)
    }
}
