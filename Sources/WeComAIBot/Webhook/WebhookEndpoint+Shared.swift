internal import BotCore
internal import BotFoundation

/// What an endpoint asks the store of several processes for, before it answers.
extension WebhookEndpoint {
    /// Lets other processes know, and learns from them, until ``finishSharing()``, or until its task is cancelled. Once.
    func share() async { await answers.shared?.run(answers) }

    /// Tells them what is left.
    func finishSharing() { answers.shared?.finish() }

    // MARK: Messages

    /// What comes of a message that is not known here; `nil` if other processes do not matter.
    func later(_ message: MessageCallback, _ shared: SharedStreams, _ seal: WebhookSeal) -> Answer? {
        guard let messageID = message.fields.messageID, !messageID.isEmpty else { return nil }
        if onlyWay != nil {
            return .later { () throws(WebhookFailure) in try await self.takeOnlyHere(message, messageID, shared) }
        }
        let isKnown = answers.withStreams { streams, _ in streams.knows(message: messageID) || streams.isEnding }
        guard !isKnown else { return nil }
        return .later { () throws(WebhookFailure) in
            guard let frame = try await self.take(message, messageID, shared) else {
                return .ready(Reply(response: .empty))
            }
            return .ready(Reply(response: try seal.response(frame)))
        }
    }

    /// - Returns: What the stream shows; `nil` if there is none.
    private func take(
        _ message: MessageCallback,
        _ messageID: String,
        _ shared: SharedStreams
    ) async throws(WebhookFailure) -> StreamFrame? {
        let (id, name) = (Self.makeStreamID(), SharedStreams.claim(ofMessage: messageID))
        let owner = await shared.claim(name, for: id, isStream: true, lasting: SharedStreams.claimTime)
        // With a store that fails, what this process knows itself is what counts.
        guard let owner, owner != id else {
            do throws(WebhookFailure) {
                return try take(message, as: id)
            } catch {
                if owner != nil { await shared.release(name, of: id) }
                throw error
            }
        }
        // It was delivered here at the same time.
        if let frame = answers.withStreams({ streams, now in streams.again(messageID, now: now) }) { return frame }
        log(.debug, "a message was delivered again that another process answers", [.messageID: messageID])
        let stream: SharedStream
        switch await shared.read(owner, window: nil) {
        case .found(let found): stream = found
        case .lost: stream = SharedStream(.open, text: nil)
        case .unknown(let reason): throw WebhookFailure(.unavailable, reason)
        }
        return answers.withStreams { streams, _ in streams.frame(of: stream, id: owner, isAsked: false) }
    }

    /// Answers in the group webhook need no stream. What was delivered here before is known to whoever receives it.
    private func takeOnlyHere(
        _ message: MessageCallback,
        _ messageID: String,
        _ shared: SharedStreams
    ) async throws(WebhookFailure) -> Answer {
        let (isEnding, lasting) = answers.withStreams { streams, _ in
            (streams.isEnding, streams.configuration.retention)
        }
        // What this one claims and does not take, no other would take.
        guard !isEnding else { throw WebhookFailure(.unavailable, "the bot is ending") }
        let (id, name) = (Self.makeStreamID(), SharedStreams.claim(ofMessage: messageID))
        let owner = await shared.claim(name, for: id, isStream: false, lasting: lasting)
        guard let owner, owner != id else {
            do throws(WebhookFailure) {
                _ = try take(message, as: id)
            } catch {
                if owner != nil { await shared.release(name, of: id) }
                throw error
            }
            return .ready(Reply(response: .empty))
        }
        log(.debug, "a message was delivered again that another process answers", [.messageID: messageID])
        return .ready(Reply(response: .empty))
    }

    // MARK: Questions

    /// What a stream shows that is not this process's; `nil` for one that is.
    func later(refresh id: String, _ shared: SharedStreams, _ seal: WebhookSeal) -> Answer? {
        let (isKnown, window) = answers.withStreams { streams, _ in (streams.knows(id), streams.configuration.window) }
        guard !isKnown else { return nil }
        return .later { () throws(WebhookFailure) in
            switch await shared.read(id, window: window) {
            // The wrong answer would close a good bubble.
            case .unknown(let reason): throw WebhookFailure(.unavailable, reason)
            // Not the end of an answer: if its owner comes back, nobody was told that.
            case .lost:
                let frame = self.answers.withStreams { streams, _ in streams.lost(id) }
                return .ready(Reply(response: try seal.response(frame)))
            case .found(let stream):
                let frame = self.answers.withStreams { streams, _ in streams.frame(of: stream, id: id, isAsked: true) }
                return .ready(Reply(response: try seal.response(frame)) { if frame.isFinal { shared.ended(id) } })
            }
        }
    }

    // MARK: Events

    /// What comes of an event that is not known here; `nil` if other processes do not matter.
    func later(
        _ event: Event,
        _ callback: EventCallback,
        now: ContinuousClock.Instant,
        _ shared: SharedStreams,
        _ seal: WebhookSeal
    ) -> Answer? {
        guard !event.id.isEmpty, !answers.knows(event: event.id) else { return nil }
        return .later { () throws(WebhookFailure) in
            let name = SharedStreams.claim(ofEvent: event.id)
            let lasting = WebhookAnswers.eventMemory.time
            let owner = await shared.claim(name, for: shared.process, isStream: false, lasting: lasting)
            guard let owner, owner != shared.process else {
                return self.take(event, of: callback, now: now, seal)
            }
            self.log(.debug, "an event was delivered again that another process has", [.messageID: event.id])
            guard event.kind.isAnswerable else { return .ready(Reply(response: .empty)) }
            // Only the other one can answer; the platform may reach it when it tries again.
            throw WebhookFailure(.unavailable, "another process has the event")
        }
    }
}
