import BotCore

/// Which way the updates of one answer go: the stream of the bubble, another stream, or a message of its own.
///
/// An update goes another way only if the first was refused for a reason that another way does not have: what may
/// have arrived is never said twice, and a text that was refused for what it is stays refused. When a stream is too old, its bubble goes on at once
/// as another stream; a message of its own is only made of a final update. After ``Way/push`` every later
/// bubble goes that way too: its `req_id` cannot be answered any more, or the stream before it was left unfinished. Where that is refused
/// as well, and the answer is one in a group, ``Way/groupWebhook`` is the last.
struct ReplyPath: Sendable {
    /// A way to the user.
    enum Way: Sendable, Hashable {
        case stream(id: String)
        case push
        case groupWebhook
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
        case groupWebhook(Delivery.Reason)
    }

    /// The stream that the user saw something of last.
    private var openStream: String?

    /// Unique per answer; the bubbles of one answer differ in what is behind it.
    private let streamID: String
    private var update = BubbleUpdate(bubble: 0, text: "", isFinal: false)
    private var attempt = Attempt.stream
    /// The bubble whose stream can no longer be updated, and why.
    private var expired: (bubble: Int, reason: Delivery.Reason)?
    /// Why nothing of this answer goes as a stream any more, nor anything else with its `req_id`.
    private(set) var pushReason: Delivery.Reason?

    /// What another process has to know before it sends anything again.
    private(set) var detour: Detour
    /// The bubbles whose final update another process may have delivered: refused, they go no other way.
    private let repeatedBubbles: Set<Int>

    /// Where an answer has left the streams that its bubbles would have.
    struct Detour: Sendable, Hashable, Codable {
        /// The bubble that went on in another stream.
        var again: Int?
        /// The first bubble that is a message of its own; so are all after it.
        var push: Int?
    }

    /// - Parameters:
    ///   - detour: How far another process had come.
    ///   - repeatedBubbles: Those whose final update that process may have delivered.
    init(streamID: String, detour: Detour = .init(), repeatedBubbles: Set<Int> = []) {
        self.streamID = streamID
        self.detour = detour
        self.repeatedBubbles = repeatedBubbles
        let reason = Delivery.Reason("the way it was begun was refused before the restart")
        if let bubble = detour.again { expired = (bubble, reason) }
        if detour.push != nil { pushReason = reason }
    }

    /// Begins with an update, once the one before it is done.
    mutating func begin(_ update: BubbleUpdate) -> Step {
        self.update = update
        if let pushReason, update.bubble >= detour.push ?? 0 {
            guard update.isFinal else { return .done(Self.notUpdated(pushReason)) }
            return isRepeated ? .done(.unknown(Self.saidOnce)) : push(pushReason)
        }
        if let expired, expired.bubble == update.bubble {
            return otherStream(expired.reason)
        }
        attempt = .stream
        return .send(.stream(id: bubbleID))
    }

    /// What became of it, the way it was sent.
    ///
    /// - Parameter hasGroupWebhook: Whether it may go to a group webhook at last.
    mutating func settled(_ delivery: Delivery, hasGroupWebhook: Bool = false) -> Step {
        if case .refused = delivery {} else { openStream = attemptedStream }
        switch (attempt, delivery) {
        case (.stream, .refused(let reason)):
            return refused(reason)
        case (.otherStream, .refused) where isRepeated:
            return .done(delivery)
        case (.otherStream, .refused(let reason)) where !update.isFinal:
            if reason.code.map(ErrorCode.init)?.isRequestUnusable == true {
                pushReason = reason
                detour.push = update.bubble
            }
            return .done(delivery)
        case (.otherStream(let first), .refused(let reason)):
            return reason.code.map(ErrorCode.init)?.mayBePushed == true ? push(first) : .done(delivery)
        case (.push(let first), .refused(let reason)):
            let both = Delivery.Reason(
                code: reason.code,
                "\(reason.message); the way before was refused: \(first)"
            )
            // What was not sent from here, or is not wanted, goes nowhere else.
            guard hasGroupWebhook, let code = reason.code, ErrorCode(rawValue: code) != .contentRejected else {
                return .done(.refused(both))
            }
            attempt = .groupWebhook(both)
            return .send(.groupWebhook)
        case (.groupWebhook(let before), .delivered):
            return .done(.redirected(.init(code: before.code, "sent to the group webhook: \(before.message)")))
        case (.groupWebhook(let before), .refused(let reason)):
            return .done(.refused(.init(code: reason.code, "\(reason.message); before that, \(before)")))
        case (.otherStream(let first), .delivered), (.push(let first), .delivered):
            return .done(.redirected(first))
        case (_, .delivered), (_, .redirected), (_, .unknown):
            return .done(delivery)
        }
    }

    private mutating func refused(_ reason: Delivery.Reason) -> Step {
        if isRepeated { return .done(.refused(reason)) }
        let code = reason.code.map(ErrorCode.init)
        if code == .streamExpired {
            expired = (update.bubble, reason)
            return otherStream(reason)
        } else if code?.isRequestUnusable == true {
            pushReason = reason
            detour.push = update.bubble
            if update.isFinal { return push(reason) }
        } else if update.isFinal, code?.isPassing == true {
            return push(reason)
        }
        return .done(.refused(reason))
    }

    private mutating func otherStream(_ reason: Delivery.Reason) -> Step {
        attempt = .otherStream(reason)
        detour.again = update.bubble
        return .send(.stream(id: otherID))
    }

    private mutating func push(_ reason: Delivery.Reason) -> Step {
        pushReason = reason
        detour.push = min(detour.push ?? update.bubble, update.bubble)
        attempt = .push(reason)
        return .send(.push)
    }

    /// Whether the user may have this final update already.
    private var isRepeated: Bool { update.isFinal && repeatedBubbles.contains(update.bubble) }

    private static let saidOnce = Delivery.Reason("it may have been sent as a message of its own before the restart")

    /// Whether a message of its own that was refused for this reason, as an answer to its `req_id`, may go without one.
    static func goesAnotherWay(after reason: Delivery.Reason) -> Bool {
        let code = reason.code.map(ErrorCode.init)
        return code?.isRequestUnusable == true || code?.isPassing == true
    }

    /// Whether the user has seen something of a stream, or may have: then no update of it opens it.
    func isOpen(_ id: String) -> Bool { openStream == id }

    private var attemptedStream: String? {
        switch attempt {
        case .stream: bubbleID
        case .otherStream: otherID
        case .push, .groupWebhook: nil
        }
    }

    private var otherID: String { "\(bubbleID)_again" }

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
