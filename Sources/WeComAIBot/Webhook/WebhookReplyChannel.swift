internal import BotCore
internal import BotFoundation
internal import FoundationEssentials

/// Answers one message of the callback address with the bubble that the platform asks for.
///
/// There is one bubble; what does not fit into it, or comes too late for it, goes to the message's `response_url`, which takes one
/// message, or, of an answer in a group, to the group webhook: what was said in private stays private. When the channel is released, whoever was to answer has ended: a bubble that is still open
/// then is closed.
final class WebhookReplyChannel: ReplyChannel {
    let capabilities: ReplyCapabilities
    private let streamID: String
    private let responseURL: Secret?
    private let isInGroup: Bool
    private let answers: WebhookAnswers
    /// Fulfilled when the complete text was fetched.
    private let fetched: Promise<Void>
    private let late: WebhookLatePost
    /// The bubbles whose final update another process may have delivered: they go no other way.
    private let repeatedBubbles: Set<Int>

    /// - Parameters:
    ///   - conversation: Where the message was written.
    ///   - received: When the message came.
    ///   - closing: When the bubble should be finished.
    init(
        _ streamID: String,
        responseURL: Secret?,
        in conversation: Conversation,
        of answers: WebhookAnswers,
        fetched: Promise<Void>,
        received: ContinuousClock.Instant,
        closing: ContinuousClock.Instant,
        repeatedBubbles: Set<Int> = []
    ) {
        var capabilities = ReplyCapabilities(
            maximumBytes: min(StreamFrame.maximumContentBytes, OutboundMessage.maximumMarkdownBytes),
            streams: true,
            thinkingMarkupBytes: StreamFrame.thinkingMarkupBytes
        )
        capabilities.firstBubbleEnd = closing
        // An update only changes what the next question is answered with. One that repeats the text tells whether anybody asks.
        capabilities.updateInterval = .milliseconds(50)
        capabilities.keepAlive = .seconds(10)
        self.capabilities = capabilities
        self.streamID = streamID
        self.responseURL = responseURL
        isInGroup = conversation.kind == .group
        self.answers = answers
        self.fetched = fetched
        self.repeatedBubbles = repeatedBubbles
        late = WebhookLatePost(responseURL, received: received, of: answers)
    }

    deinit {
        let streamID = streamID
        answers.withStreams { streams, _ in streams.abandon(streamID) }
    }

    /// What another process needs to go on with the answer.
    struct Route: Codable {
        let streamID: String
        let responseURL: String?

        private enum CodingKeys: String, CodingKey {
            case streamID = "stream_id"
            case responseURL = "response_url"
        }

        var text: String? {
            do {
                return String(decoding: try JSONEncoder().encode(self), as: UTF8.self)
            } catch {
                return nil  // two strings are always encodable
            }
        }
    }

    var route: String? { Route(streamID: streamID, responseURL: responseURL?.value).text }

    func send(_ update: BubbleUpdate) async -> Delivery {
        update.isFinal ? await answers.deliver { await sendLast(update) } : show(update)
    }

    /// Only what is complete leaves another way: there, nothing can be updated.
    private func show(_ update: BubbleUpdate) -> Delivery {
        guard update.bubble == 0 else { return .refused(Self.oneBubble) }
        switch place(update) {
        case .unwatched(let reason): return .refused(reason)
        case .kept: return .unknown(Delivery.Reason("it is shown when the platform asks next"))
        }
    }

    private func sendLast(_ update: BubbleUpdate) async -> Delivery {
        guard update.bubble == 0 else { return await sendOtherwise(update, because: Self.oneBubble) }
        var standing: WebhookStreams<Promise<Void>>.Standing
        if case .unwatched(let reason) = place(update) {
            standing = .unwatched(reason)
        } else {
            standing = await fetching()
        }
        // Another process may have been asked meanwhile.
        while case .unwatched(let reason) = standing {
            let last = await answers.hold(streamID) ?? standing
            if case .waiting = last, !Task.isCancelled {
                standing = await fetching()
                continue
            }
            guard case .unwatched = last else {
                standing = last
                continue
            }
            let delivery = await sendOtherwise(update, because: reason)
            answers.release(streamID)
            return delivery
        }
        switch standing {
        case .fetched: return .delivered
        case .unclosed(let reason), .unwatched(let reason): return .unknown(reason)
        case .waiting: return .unknown(Delivery.Reason("the bot ended before the platform asked for the answer"))
        }
    }

    /// Where the complete answer stands when it was fetched, or nobody is expected to fetch it; still waiting only if the task is
    /// cancelled before that.
    private func fetching() async -> WebhookStreams<Promise<Void>>.Standing {
        let streamID = streamID
        while true {
            let standing = answers.withStreams { streams, now in streams.standing(of: streamID, now: now) }
            guard case .waiting(let deadline) = standing, !Task.isCancelled else { return standing }
            await answers.wait(for: fetched, until: deadline)
        }
    }

    func attach(_ image: AttachedImage) throws(UploadError) {
        let (image, streamID) = (try StreamImage(image), streamID)
        let error = answers.withStreams { streams, now in streams.attach(image, to: streamID, now: now) }
        if let error { throw error }
    }

    /// They went with the end of the bubble; one that has no text yet is finished for them.
    func sendImages() async -> Delivery? {
        let streamID = streamID
        guard answers.withStreams({ streams, now in streams.closeForImages(streamID, now: now) }) else {
            return imageDelivery()
        }
        return await answers.deliver {
            var standing = await fetching()
            while !Task.isCancelled, case .unwatched = standing,
                let last = await answers.hold(streamID), last != standing
            {
                standing = last
                if case .waiting = last { standing = await fetching() }
            }
            defer { answers.release(streamID) }
            return imageDelivery()
        }
    }

    private func imageDelivery() -> Delivery {
        let streamID = streamID
        return answers.withStreams { streams, now in streams.imageDelivery(of: streamID, now: now) }
    }

    private func place(_ update: BubbleUpdate) -> WebhookStreams<Promise<Void>>.Placing {
        let streamID = streamID
        return answers.withStreams { streams, now in
            streams.place(StreamFrame.content(of: update), isFinal: update.isFinal, in: streamID, now: now)
        }
    }

    /// Without the thinking: only a bubble is known to show it as such.
    private func sendOtherwise(_ update: BubbleUpdate, because reason: Delivery.Reason) async -> Delivery {
        guard !repeatedBubbles.contains(update.bubble) else { return .refused(reason) }
        let body: [UInt8]
        do throws(WireError) {
            body = try WebhookCodec().encode(markdown: update.text)
        } catch {
            return .refused(Delivery.Reason(error.message))
        }
        let delivery = await late.post(body)
        if delivery == .delivered {
            endWithWhatIsShown()
            return .redirected(Delivery.Reason("\(reason.message); sent to response_url"))
        }
        guard case .refused(let refusal) = delivery else { return delivery }
        guard isInGroup, let webhook = answers.fallback.groupWebhook, webhook.isConfigured else {
            return .refused(Delivery.Reason(code: refusal.code, "\(reason.message); \(refusal.message)"))
        }
        switch await webhook.send(.markdown(update.text)) {
        case .delivered:
            endWithWhatIsShown()
            return .redirected(Delivery.Reason("\(reason.message); \(refusal.message); sent to the group webhook"))
        case .refused(let last):
            return .refused(Delivery.Reason(code: last.code, "\(reason.message); \(refusal.message); \(last.message)"))
        case .unknown(let last): return .unknown(last)
        case .redirected(let last): return .redirected(last)
        }
    }

    /// The text is somewhere else: a question that still comes does not get it a second time.
    private func endWithWhatIsShown() {
        let streamID = streamID
        answers.withStreams { streams, _ in streams.redirected(streamID) }
    }

    func dropped(saying text: String?) {
        let streamID = streamID
        answers.withStreams { streams, _ in streams.drop(streamID, saying: text) }
    }

    /// Sends a message of its own to the `response_url`, which the answer cannot use then.
    func send(_ message: OutboundMessage) async -> Delivery { await late.send(message) }

    func upload(
        _ source: UploadSource,
        as kind: UploadedMedia.Kind,
        name: String,
        progress: (@Sendable (UploadProgress) -> Void)?
    ) async throws(UploadError) -> UploadedMedia { throw .notInWebhookMode }

    private static var oneBubble: Delivery.Reason {
        Delivery.Reason("the answer does not fit into the one bubble that the platform asks for")
    }
}
