import BotFoundation

/// What we send in one text message.
enum ClientFrame: Sendable {
    /// The first frame of a connection: who we are.
    case subscribe(RequestID, botID: String, secret: Secret)
    /// The heartbeat. It has no `body` key at all.
    case ping(RequestID)
    /// One update of a streamed answer, with the `req_id` of the callback that is being answered.
    case respondStream(RequestID, StreamFrame)
    /// A message that is no stream: an answer to a message or an event, with its `req_id`, or one that answers nothing, with a
    /// `req_id` of its own. Sent twice, it may be shown twice.
    case message(Command, RequestID, body: [String: JSONTree])
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
        case .message(let command, _, _): command
        case .uploadInit: .uploadInit
        case .uploadChunk: .uploadChunk
        case .uploadFinish: .uploadFinish
        }
    }

    /// The frame's `headers.req_id`.
    var requestID: RequestID {
        switch self {
        case .subscribe(let id, _, _), .ping(let id), .respondStream(let id, _), .message(_, let id, _),
            .uploadInit(let id, _), .uploadChunk(let id, _), .uploadFinish(let id, _):
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
    /// What is shown below the text. Only on the last frame of a stream, and only through a callback address: the long connection
    /// does not support it (official doc 101463).
    let images: [StreamImage]

    init(id: String, isFinal: Bool, content: String, feedbackID: String? = nil, images: [StreamImage] = []) {
        self.id = id
        self.isFinal = isFinal
        self.content = content
        self.feedbackID = feedbackID
        self.images = images
    }
}
