/// The name under which a caller may cancel a request. The caller makes it and never uses one twice.
struct SendID: RawRepresentable, Sendable, Hashable {
    let rawValue: UInt64

    init(rawValue: UInt64) {
        self.rawValue = rawValue
    }
}

/// A frame that somebody waits for the verdict of.
struct Request: Sendable, Hashable {
    /// What may be done with a frame whose fate is not known.
    enum Kind: Sendable, Hashable {
        /// The last update of a stream: it carries the whole text, so sending it twice does no harm, and not at all leaves
        /// the bubble unfinished.
        case finalUpdate
        /// An update that a later one replaces: sending it again is not worth it.
        case intermediateUpdate
        /// Sending it twice would show it twice.
        case once
    }

    /// The frame's `req_id`: requests with the same one go one after another.
    let requestID: RequestID
    /// The encoded frame.
    let bytes: [UInt8]
    let kind: Kind
    let priority: FrameWrite.Priority
    /// When it is too late to send it; `nil` means the reply window, counted from when it was handed in.
    let validUntil: ContinuousClock.Instant?
    /// What it costs; `nil` for what does not count.
    let charge: Charge?
    /// How long its acknowledgement is waited for; `nil` means as long as for any frame.
    let patience: Duration?
    /// Whether it is written down when it leaves: it goes when the driver has said that it may, and not before.
    let isRecorded: Bool

    init(
        requestID: RequestID,
        bytes: [UInt8],
        kind: Kind,
        priority: FrameWrite.Priority = .normal,
        validUntil: ContinuousClock.Instant? = nil,
        charge: Charge? = nil,
        patience: Duration? = nil,
        isRecorded: Bool = false
    ) {
        self.requestID = requestID
        self.bytes = bytes
        self.kind = kind
        self.priority = priority
        self.validUntil = validUntil
        self.charge = charge
        self.patience = patience
        self.isRecorded = isRecorded
    }
}
