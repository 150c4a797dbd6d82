import BotCore

/// Which way the updates of one answer go: the stream of the bubble, another stream, or a message of its own.
///
/// Only a final update goes another way, and only if the first was refused for a reason that another way does not have: what may
/// have arrived is never said twice, and a text that was refused for what it is stays refused. After ``Way/push`` every later
/// bubble goes that way too: its `req_id` cannot be answered any more, or the stream before it was left unfinished.
struct ReplyPath: Sendable {
    /// A way to the user.
    enum Way: Sendable, Hashable {
        case stream(id: String)
        case push
    }

    /// What to do next.
    enum Step: Sendable, Hashable {
        /// Send the update this way, and report with ``ReplyPath/settled(_:)``.
        case send(Way)
        /// This is what became of the update.
        case done(Delivery)
    }

    /// How the present update goes; with why it does not go as it was begun.
    private enum Attempt: Hashable {
        case stream
        case otherStream(Delivery.Reason)
        case push(Delivery.Reason)
    }

    /// Unique per answer; the bubbles of one answer differ in what is behind it.
    private let streamID: String
    private var update = BubbleUpdate(bubble: 0, text: "", isFinal: false)
    private var attempt = Attempt.stream
    /// The bubble whose stream can no longer be updated, and why.
    private var expired: (bubble: Int, reason: Delivery.Reason)?
    /// Why nothing of this answer goes as a stream any more.
    private var pushReason: Delivery.Reason?

    /// The bubble whose final update another process may have delivered: refused, it goes no other way.
    private let repeatedBubble: Int?

    init(streamID: String, repeatedBubble: Int? = nil) {
        self.streamID = streamID
        self.repeatedBubble = repeatedBubble
    }

    /// Begins with an update, once the one before it is done.
    mutating func begin(_ update: BubbleUpdate) -> Step {
        self.update = update
        if let pushReason { return update.isFinal ? push(pushReason) : .done(Self.notUpdated(pushReason)) }
        if let expired, expired.bubble == update.bubble {
            return update.isFinal ? otherStream(expired.reason) : .done(Self.notUpdated(expired.reason))
        }
        attempt = .stream
        return .send(.stream(id: bubbleID))
    }

    /// What became of it, the way it was sent.
    mutating func settled(_ delivery: Delivery) -> Step {
        switch (attempt, delivery) {
        case (.stream, .refused(let reason)):
            return refused(reason)
        case (.otherStream(let first), .refused(let reason)):
            return reason.code.map(ErrorCode.init)?.mayBePushed == true ? push(first) : .done(delivery)
        case (.push(let first), .refused(let reason)):
            return .done(.refused(.init(code: reason.code, "\(reason.message); the way before was refused: \(first)")))
        case (.otherStream(let first), .delivered), (.push(let first), .delivered):
            return .done(.redirected(first))
        case (_, .delivered), (_, .redirected), (_, .unknown):
            return .done(delivery)
        }
    }

    private mutating func refused(_ reason: Delivery.Reason) -> Step {
        if update.isFinal, update.bubble == repeatedBubble { return .done(.refused(reason)) }
        let code = reason.code.map(ErrorCode.init)
        if code == .streamExpired {
            expired = (update.bubble, reason)
            if update.isFinal { return otherStream(reason) }
        } else if code?.isRequestUnusable == true {
            pushReason = reason
            if update.isFinal { return push(reason) }
        } else if update.isFinal, code?.isPassing == true {
            return push(reason)
        }
        return .done(.refused(reason))
    }

    private mutating func otherStream(_ reason: Delivery.Reason) -> Step {
        attempt = .otherStream(reason)
        return .send(.stream(id: "\(bubbleID)_again"))
    }

    private mutating func push(_ reason: Delivery.Reason) -> Step {
        pushReason = reason
        attempt = .push(reason)
        return .send(.push)
    }

    private var bubbleID: String { update.bubble == 0 ? streamID : "\(streamID)_\(update.bubble)" }

    private static func notUpdated(_ reason: Delivery.Reason) -> Delivery {
        .refused(.init("the bubble is not updated any more: \(reason)"))
    }
}

extension ErrorCode {
    /// Whether its `req_id` cannot be answered any more.
    fileprivate var isRequestUnusable: Bool { self == .invalidRequestID || self == .replyWindowOver }

    /// Whether a second stream that was refused with it may still be a message of its own: not for a text that is not wanted, nor
    /// when there were too many frames already.
    fileprivate var mayBePushed: Bool { !Self.final.contains(self) }

    private static let final: Set<ErrorCode> = [
        .invalidMessageType, .contentRejected, .frequencyLimit, .concurrencyLimit, .notSubscribed, .invalidChatID,
    ]
}
