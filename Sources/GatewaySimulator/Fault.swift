/// Something that goes wrong on purpose.
package enum Fault: Sendable, Hashable {
    /// At once, to the connection that is subscribed for the bot (if none is, to the newest one).
    case now(ConnectionFault)
    /// To frames that match, after letting `skipping` of them pass, `times` times.
    ///
    /// Faults are tried in the order in which they were injected; the first that is due takes the frame, and those after
    /// it do not see it.
    case onFrame(FrameFilter, FrameFault, skipping: Int = 0, times: Int = 1)

    /// The acknowledgement of the next reply or push is lost; the frame has its effect.
    package static let dropNextAcknowledgement = Fault.onFrame(.replies, .dropAcknowledgement)
    /// The next replies or pushes are refused with this code.
    package static func refuse(_ code: ServerCode, times: Int = 1) -> Fault {
        .onFrame(.replies, .answer(code), times: times)
    }
    /// The next subscribes are refused with this code.
    package static func refuseSubscribe(_ code: ServerCode, times: Int = 1) -> Fault {
        .onFrame(.subscribe, .answer(code), times: times)
    }
    /// The next subscribes are never answered, and have no effect.
    package static func ignoreSubscribe(times: Int = 1) -> Fault {
        .onFrame(.subscribe, .ignore, times: times)
    }
}

/// Which frames of a client a fault is for. A field that is `nil` matches everything.
package struct FrameFilter: Sendable, Hashable {
    /// The commands.
    package var commands: Set<ClientCommand>?
    /// The conversation: a group's id, or the user's id in a single chat.
    package var chat: String?
    /// Whether it finishes a stream.
    package var isFinal: Bool?

    /// Makes a filter.
    package init(commands: Set<ClientCommand>? = nil, chat: String? = nil, isFinal: Bool? = nil) {
        self.commands = commands
        self.chat = chat
        self.isFinal = isFinal
    }

    /// Everything but subscribe and ping.
    package static let replies = FrameFilter(commands: [.respond, .welcome, .updateCard, .send])
    /// Subscribe.
    package static let subscribe = FrameFilter(commands: [.subscribe])
    /// The heartbeat.
    package static let ping = FrameFilter(commands: [.ping])
    /// Pieces of uploads.
    package static let chunks = FrameFilter(commands: [.uploadChunk])
    /// Answers in one conversation.
    package static func answers(in chat: String) -> FrameFilter { FrameFilter(commands: [.respond], chat: chat) }
}

/// What happens to a frame.
package enum FrameFault: Sendable, Hashable {
    /// It has its effect, and its acknowledgement is lost on the way.
    case dropAcknowledgement
    /// It is slow: it has its effect, and until it is acknowledged, later by this much, another frame of its `req_id`
    /// is refused with 6000.
    case delay(Duration)
    /// It is handled in time, but its acknowledgement arrives later by this much. Frames in between are handled, and
    /// acknowledged before it.
    case delayAcknowledgement(Duration)
    /// It has no effect, and is answered with this code.
    case answer(ServerCode)
    /// It has no effect, and is never answered.
    case ignore
    /// It has no effect; this happens instead.
    case instead(ConnectionFault)
    /// It has its effect, and before it can be acknowledged this happens.
    case after(ConnectionFault)
}

/// What happens to a connection.
package enum ConnectionFault: Sendable, Hashable {
    /// It is dropped without a close frame.
    case reset
    /// It is closed with this code; 1006 is the same as ``reset``.
    case close(code: UInt16)
    /// It stays open, and nothing is ever sent on it again: what half-open looks like.
    case mute
    /// Nothing more is read from it, so that the client's writes back up.
    case freezeReading
    /// Reading goes on.
    case resumeReading
    /// It gets a frame that no client should stumble over.
    case garbage(Garbage)
    /// It gets this callback once more, the same to the byte.
    case repeatCallback(messageID: String)
    /// It is told that another connection took its place, and is no longer subscribed; it ends as displaced ones do.
    case displace
    /// The service forgets that it is subscribed and says nothing: 846609 follows, on an open socket.
    case forgetSubscription
}
