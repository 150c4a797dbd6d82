import BotFoundation

/// Frames that a client must survive.
package enum Garbage: Sendable, Hashable, CaseIterable {
    /// A binary frame of random bytes.
    case binaryJunk
    /// A text frame that breaks off in the middle of a string.
    case truncated
    /// A text frame without any bytes.
    case empty
    /// `{"headers":null}`.
    case nullHeaders
    /// JSON, but not an object.
    case array
    /// A callback of a kind that does not exist.
    case unknownCommand
    /// A message of a type that does not exist.
    case unknownMessageType
    /// An acknowledgement of a request nobody made.
    case strayAcknowledgement
    /// A valid frame of 5 MiB.
    case huge
    /// A callback with a body 100,000 arrays deep.
    case deeplyNested

    /// The size of ``huge``, in bytes, without its envelope.
    static let hugeBytes = 5 * 1_024 * 1_024
    /// The depth of ``deeplyNested``.
    static let depth = 100_000

    /// The frame.
    func frame(
        id: String,
        bot: String,
        using generator: inout SplitMix64
    ) -> (bytes: [UInt8], isText: Bool) {
        let codec = GatewayCodec()
        switch self {
        case .binaryJunk:
            return ((0..<64).map { _ in UInt8.random(in: .min ... .max, using: &generator) }, false)
        case .truncated:
            return (Array(#"{"cmd":"aibot_msg_callback","headers":{"req_id":"\#(id)"},"body":{"msgid":"#.utf8), true)
        case .empty:
            return ([], true)
        case .nullHeaders:
            return (Array(#"{"headers":null}"#.utf8), true)
        case .array:
            return (Array("[1,2,3]".utf8), true)
        case .unknownCommand:
            return (
                codec.encode(["cmd": "aibot_not_yet_invented", "headers": ["req_id": .string(id)], "body": [:]]), true
            )
        case .unknownMessageType:
            let body: JSONValue = [
                "msgid": .string(id), "aibotid": .string(bot), "chattype": "single", "from": ["userid": "simulated"],
                "msgtype": "hologram", "hologram": ["frames": [1, 2.5, nil, true]],
            ]
            return (codec.messageCallback(requestID: id, body: body), true)
        case .strayAcknowledgement:
            return (codec.acknowledgement(of: id, code: .ok), true)
        case .huge:
            let padding = String(repeating: "x", count: Self.hugeBytes)
            return (
                codec.encode([
                    "cmd": "aibot_not_yet_invented", "headers": ["req_id": .string(id)],
                    "body": ["padding": .string(padding)],
                ]), true
            )
        case .deeplyNested:
            let nest = String(repeating: "[", count: Self.depth) + String(repeating: "]", count: Self.depth)
            return (Array(#"{"cmd":"aibot_msg_callback","headers":{"req_id":"\#(id)"},"body":\#(nest)}"#.utf8), true)
        }
    }
}
