import BotCore
import BotFoundation

/// What we send in one text message.
enum ClientFrame: Sendable {
    /// The first frame of a connection: who we are.
    case subscribe(RequestID, botID: String, secret: Secret)
    /// The heartbeat. It has no `body` key at all.
    case ping(RequestID)
    /// One update of a streamed answer, with the `req_id` of the callback that is being answered.
    case respondStream(RequestID, StreamFrame)
    /// A message that answers nothing, with a `req_id` of its own. Sent twice, it is shown twice.
    case sendMarkdown(RequestID, PushFrame)
    /// A message of its own with the `req_id` of the callback that is being answered. Sent twice, it is shown twice.
    case respond(RequestID, OutboundMessage)
    /// Begins an upload; the acknowledgement names it.
    case uploadInit(RequestID, UploadInit)
    /// One piece of it.
    case uploadChunk(RequestID, UploadChunk)
    /// Ends it; the acknowledgement names what was uploaded.
    case uploadFinish(RequestID, uploadID: String)

    /// The frame's `cmd`.
    var command: Command {
        switch self {
        case .subscribe: .subscribe
        case .ping: .ping
        case .respondStream: .respondMessage
        case .sendMarkdown: .sendMessage
        case .respond: .respondMessage
        case .uploadInit: .uploadInit
        case .uploadChunk: .uploadChunk
        case .uploadFinish: .uploadFinish
        }
    }

    /// The frame's `headers.req_id`.
    var requestID: RequestID {
        switch self {
        case .subscribe(let id, _, _), .ping(let id), .respondStream(let id, _), .sendMarkdown(let id, _),
            .respond(let id, _), .uploadInit(let id, _), .uploadChunk(let id, _), .uploadFinish(let id, _):
            id
        }
    }
}

/// What a bubble shows from now on.
struct StreamFrame: Sendable, Hashable {
    /// The most UTF-8 bytes of `stream.content` (official doc 101463).
    static let maximumContentBytes = 20_480
    /// The most UTF-8 bytes of `stream.feedback.id` (official doc 101463).
    static let maximumFeedbackIDBytes = 256

    /// Names the bubble: its first use makes it, further ones replace what it shows.
    let id: String
    /// Whether this is the last update.
    let isFinal: Bool
    /// All of the text so far.
    let content: String
    /// Comes back with the user's rating. Only on the first frame of a stream.
    let feedbackID: String?

    init(id: String, isFinal: Bool, content: String, feedbackID: String? = nil) {
        self.id = id
        self.isFinal = isFinal
        self.content = content
        self.feedbackID = feedbackID
    }
}

/// A markdown message to a conversation. The user must have written there before (official doc 101463).
struct PushFrame: Sendable, Hashable {
    /// The most UTF-8 bytes of `markdown.content` (official doc 101463).
    static let maximumContentBytes = 20_480

    /// Where it goes: `chatid` is the user's id in a single chat, and `chat_type` says which of the two it is.
    let conversation: Conversation
    /// The text.
    let content: String
}
