/// A frame's `cmd`. Open: a command this version does not know keeps its name.
struct Command: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    let rawValue: String

    init(rawValue: String) {
        self.rawValue = rawValue
    }

    // To the server (official doc 101463).
    static let subscribe = Command(rawValue: "aibot_subscribe")
    static let ping = Command(rawValue: "ping")
    static let respondMessage = Command(rawValue: "aibot_respond_msg")
    static let respondWelcome = Command(rawValue: "aibot_respond_welcome_msg")
    static let respondUpdate = Command(rawValue: "aibot_respond_update_msg")
    static let sendMessage = Command(rawValue: "aibot_send_msg")
    static let uploadInit = Command(rawValue: "aibot_upload_media_init")
    static let uploadChunk = Command(rawValue: "aibot_upload_media_chunk")
    static let uploadFinish = Command(rawValue: "aibot_upload_media_finish")

    // From the server.
    static let messageCallback = Command(rawValue: "aibot_msg_callback")
    static let eventCallback = Command(rawValue: "aibot_event_callback")

    /// Whether it is one that only we send: in a frame from the server it can only be the echo of one of ours.
    var isOurs: Bool { Self.ours.contains(self) }

    private static let ours: Set<Command> = [
        .subscribe, .ping, .respondMessage, .respondWelcome, .respondUpdate, .sendMessage, .uploadInit, .uploadChunk,
        .uploadFinish,
    ]

    var description: String { rawValue }
}
