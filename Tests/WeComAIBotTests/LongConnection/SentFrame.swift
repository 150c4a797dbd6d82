import Foundation

/// A frame of the client, read by a parser that is not the client's own.
struct SentFrame: Sendable, Equatable {
    /// The bytes, as text.
    let text: String
    let command: String
    let requestID: String

    init?(_ bytes: [UInt8]) {
        guard let object = try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any],
            let command = object["cmd"] as? String, let headers = object["headers"] as? [String: Any],
            let requestID = headers["req_id"] as? String
        else { return nil }
        text = String(decoding: bytes, as: UTF8.self)
        self.command = command
        self.requestID = requestID
    }

    /// The whole frame.
    var object: NSDictionary {
        (try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? NSDictionary) ?? [:]
    }

    private var stream: [String: Any]? {
        (object["body"] as? [String: Any])?["stream"] as? [String: Any]
    }

    /// `body.stream.id`.
    var streamID: String? { stream?["id"] as? String }
    /// `body.stream.content`.
    var content: String? { stream?["content"] as? String }
    /// `body.stream.finish`.
    var isFinal: Bool? { stream?["finish"] as? Bool }
}
