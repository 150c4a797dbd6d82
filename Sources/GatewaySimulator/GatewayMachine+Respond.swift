extension GatewayMachine {
    /// The longest `feedback.id`, in UTF-8 bytes (official doc 101463).
    private static let maximumFeedbackIDBytes = 256

    /// `aibot_respond_msg`: an answer to a message callback.
    mutating func respond(
        _ frame: GatewayCodec.ClientFrame,
        bot: String,
        on id: ConnectionID,
        until handledUntil: ContinuousClock.Instant,
        _ now: ContinuousClock.Instant
    ) -> ServerCode {
        guard let callback = answerable(frame, bot: bot, on: id), callback.kind == .message else {
            violation(id, "answer to \(frame.requestID), which is no message this connection may answer", now)
            return .unknownRequest
        }
        guard now - callback.pushedAt <= configuration.replyWindow else { return .windowOver }
        if let busy = callback.busy, busy.connection == id, busy.until > now {
            violation(id, "a second frame of \(frame.requestID) before the first was acknowledged", now)
            return .conflict
        }
        let verdict = judge(frame, callback, on: id, now)
        switch verdict {
        case .failure(let refusal): return refusal.code
        case .success(let bubble):
            callbacks[frame.requestID]?.busy = (id, handledUntil)
            show(bubble, of: callback, now)
            return .ok
        }
    }

    /// Why a frame has no effect.
    private struct Refusal: Error { let code: ServerCode }

    /// What a valid answer changes, or why it changes nothing.
    private mutating func judge(
        _ frame: GatewayCodec.ClientFrame,
        _ callback: Callback,
        on id: ConnectionID,
        _ now: ContinuousClock.Instant
    ) -> Result<Bubble, Refusal> {
        guard let type = frame.body?["msgtype"]?.string else {
            return refuse(.invalidParameter, "no msgtype", frame, id, now)
        }
        switch type {
        case "stream": return judgeStream(frame, callback, on: id, now)
        case "markdown":
            guard let text = content(of: frame.body?["markdown"]) else {
                return refuse(.invalidParameter, "markdown content is missing, no string, or too long", frame, id, now)
            }
            return .success(whole(type, text, now))
        case "template_card":
            if let problem = CardRules.problem(in: frame.body?[type]) {
                return refuse(.invalidParameter, "card: \(problem)", frame, id, now)
            }
            return .success(whole(type, "", now))
        case "file", "image", "voice", "video":
            if let code = refuseMedia(type, in: frame, on: id, now) { return .failure(Refusal(code: code)) }
            var bubble = whole(type, "", now)
            bubble.mediaID = frame.body?[type]?["media_id"]?.string
            return .success(bubble)
        default:
            return refuse(.invalidMessageType, "message type \(type.prefix(64))", frame, id, now)
        }
    }

    /// Whether at most one thinking block is there, at the beginning, and it is closed.
    private static func closesThinking(_ text: String) -> Bool {
        let (opens, closes) = (
            text.split(separator: "<think>", omittingEmptySubsequences: false),
            text.split(separator: "</think>", omittingEmptySubsequences: false)
        )
        guard opens.count > 1 || closes.count > 1 else { return true }
        return opens.count == 2 && closes.count == 2 && text.utf8.starts(with: "<think>".utf8)
    }

    private mutating func judgeStream(
        _ frame: GatewayCodec.ClientFrame,
        _ callback: Callback,
        on id: ConnectionID,
        _ now: ContinuousClock.Instant
    ) -> Result<Bubble, Refusal> {
        guard let stream = frame.body?["stream"], let streamID = stream["id"]?.string, !streamID.isEmpty else {
            return refuse(.invalidParameter, "a stream without id", frame, id, now)
        }
        var isFinal = false
        switch stream["finish"] {
        case nil: break
        case .bool(let flag): isFinal = flag
        default: return refuse(.invalidParameter, "finish is no boolean", frame, id, now)
        }
        if stream["content"] != nil, content(of: stream) == nil {
            return refuse(.invalidParameter, "stream content is no string, or too long", frame, id, now)
        }
        if let feedback = stream["feedback"] {
            guard let text = feedback["id"]?.string, text.utf8.count <= Self.maximumFeedbackIDBytes else {
                return refuse(.invalidParameter, "feedback.id is missing or too long", frame, id, now)
            }
            if callback.bubbles.contains(where: { $0.streamID == streamID }) {
                violation(id, "\(frame.requestID): feedback on a frame that is not the first of its stream", now)
            }
        }
        if let text = content(of: stream), !Self.closesThinking(text) {
            violation(id, "\(frame.requestID): a thinking block that is not closed", now)
        }

        if stream["msg_item"] != nil {
            violation(id, "\(frame.requestID): images in a stream, which the long connection does not support", now)
        }

        guard var bubble = callback.bubbles.first(where: { $0.streamID == streamID }) else {
            if callback.bubbles.contains(where: { isOpen($0, now) }) {
                return refuse(.invalidParameter, "a second stream before the first was finished", frame, id, now)
            }
            if streamIDs[streamID] != nil {
                return refuse(.invalidParameter, "a stream id that another answer uses", frame, id, now)
            }
            streamIDs[streamID] = frame.requestID
            return .success(
                Bubble(
                    streamID: streamID,
                    messageType: "stream",
                    text: content(of: stream) ?? "",
                    isFinished: isFinal,
                    frames: 1,
                    startedAt: now
                )
            )
        }
        guard !bubble.isFinished else {
            return refuse(.streamOver, "a frame for a finished stream", frame, id, now)
        }
        guard isOpen(bubble, now) else { return .failure(Refusal(code: .streamOver)) }
        if let text = content(of: stream) {
            if isFinal, text.isEmpty, !bubble.text.isEmpty {
                violation(id, "\(frame.requestID): finished with an empty text, which clears the bubble", now)
            }
            bubble.text = text
        }
        bubble.isFinished = isFinal
        bubble.frames += 1
        return .success(bubble)
    }

    /// Whether a stream can still be updated.
    private func isOpen(_ bubble: Bubble, _ now: ContinuousClock.Instant) -> Bool {
        !bubble.isFinished && now - bubble.startedAt <= configuration.streamLifetime
    }

    /// `content`, if it is a string within the limit.
    func content(of object: JSONValue?) -> String? {
        guard let text = object?["content"]?.string, text.utf8.count <= configuration.maximumContentBytes else {
            return nil
        }
        return text
    }

    private func whole(_ type: String, _ text: String, _ now: ContinuousClock.Instant) -> Bubble {
        Bubble(streamID: nil, messageType: type, text: text, isFinished: true, frames: 1, startedAt: now)
    }

    private mutating func refuse(
        _ code: ServerCode,
        _ reason: String,
        _ frame: GatewayCodec.ClientFrame,
        _ id: ConnectionID,
        _ now: ContinuousClock.Instant
    ) -> Result<Bubble, Refusal> {
        violation(id, "\(frame.requestID): \(reason)", now)
        return .failure(Refusal(code: code))
    }

    private mutating func show(_ bubble: Bubble, of callback: Callback, _ now: ContinuousClock.Instant) {
        let requestID = callback.pushed.requestID
        if let streamID = bubble.streamID,
            let index = callback.bubbles.firstIndex(where: { $0.streamID == streamID })
        {
            callbacks[requestID]?.bubbles[index] = bubble
        } else {
            callbacks[requestID]?.bubbles.append(bubble)
        }
        observe(
            .updated(messageID: callback.pushed.messageID, chat: callback.pushed.chat, bubble: bubble),
            now
        )
    }

    /// The callback a frame answers, if this connection may answer it.
    func answerable(_ frame: GatewayCodec.ClientFrame, bot: String, on id: ConnectionID) -> Callback? {
        guard let callback = callbacks[frame.requestID], callback.bot == bot else { return nil }
        guard configuration.requestsSurviveReconnect || callback.connection == id else { return nil }
        return callback
    }
}
