/// A number that is given to one write and never again, so that its `written` event can be told from others.
struct Ticket: RawRepresentable, Sendable, Hashable {
    let rawValue: UInt64

    init(rawValue: UInt64) {
        self.rawValue = rawValue
    }
}

/// A frame to be handed to the socket.
struct FrameWrite: Sendable, Hashable {
    /// What is in the frame. The machine knows no credentials and no JSON: the driver encodes its own two kinds.
    enum Content: Sendable, Hashable {
        case subscribe
        case ping
        case request([UInt8])
    }

    /// In which order frames that wait for the socket go.
    enum Priority: Sendable, Hashable {
        /// The subscribe, heartbeats, and what has seconds to arrive.
        case high
        case normal
        /// What nobody waits for in particular: chunks of an upload.
        case low
    }

    let ticket: Ticket
    let requestID: RequestID
    let content: Content
    let priority: Priority
}
