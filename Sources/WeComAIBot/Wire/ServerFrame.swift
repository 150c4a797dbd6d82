/// What the server sent in one text message.
enum ServerFrame: Sendable {
    /// The answer to one of our frames.
    case acknowledgement(Acknowledgement)
    /// A message, an event, or something this version does not know.
    case callback(Callback)
}

/// The answer to a frame. It does not say which of several frames with the same `req_id` it answers.
struct Acknowledgement: Sendable {
    let requestID: RequestID
    let code: ErrorCode
    /// `errmsg`: for people only.
    let message: String
    /// The whole frame as received; uploads are answered with a `body`.
    let raw: [UInt8]
}

/// A frame that the server sent of its own accord.
struct Callback: Sendable {
    /// What a callback carries.
    enum Body: Sendable {
        case message(MessageCallback)
        case event(EventCallback)
        /// The command is unknown, or there was no body to decode.
        case unknown
    }

    let command: Command
    /// What an answer must carry. Every callback seen so far has one; without it, only a push can answer.
    let requestID: RequestID?
    let body: Body
    /// The whole frame as received.
    let raw: [UInt8]
}
