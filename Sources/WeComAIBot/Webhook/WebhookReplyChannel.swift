internal import BotCore
internal import BotFoundation

/// Sends a text to the user when the platform does not ask for it. It says how that ended.
typealias WebhookFallback = @Sendable (_ text: String, _ message: MessageCallback) async -> Delivery

/// Answers one message of the callback address with the bubble that the platform asks for.
///
/// There is one bubble; what does not fit into it, or comes too late for it, goes the other way, if there is one. When the
/// channel is released, whoever was to answer has ended: a bubble that is still open then is closed.
final class WebhookReplyChannel: ReplyChannel {
    private let message: MessageCallback
    private let streamID: String
    private let streams: Locked<WebhookStreams<Promise<Void>>>
    /// Fulfilled when the complete text was fetched.
    private let fetched: Promise<Void>
    private let timeline: Timeline
    private let fallback: WebhookFallback?

    init(
        answering message: MessageCallback,
        in streamID: String,
        of streams: Locked<WebhookStreams<Promise<Void>>>,
        fetched: Promise<Void>,
        timeline: Timeline,
        fallback: WebhookFallback?
    ) {
        self.message = message
        self.streamID = streamID
        self.streams = streams
        self.fetched = fetched
        self.timeline = timeline
        self.fallback = fallback
    }

    deinit {
        streams.withLock { $0.abandon(streamID) }
    }

    var capabilities: ReplyCapabilities {
        ReplyCapabilities(
            maximumBytes: StreamFrame.maximumContentBytes,
            streams: true,
            thinkingMarkupBytes: StreamFrame.thinkingMarkupBytes
        )
    }

    func send(_ update: BubbleUpdate) async -> Delivery {
        let content = StreamFrame.content(of: update)
        guard content.utf8.count <= StreamFrame.maximumContentBytes else {
            return .refused(Delivery.Reason("a bubble has at most \(StreamFrame.maximumContentBytes) bytes"))
        }
        guard update.bubble == 0 else {
            let reason = Delivery.Reason("the answer does not fit into the one bubble that the platform asks for")
            return await sendOtherwise(update, because: reason)
        }
        let placing = streams.withLock {
            $0.place(content, isFinal: update.isFinal, in: streamID, now: timeline.now)
        }
        switch placing {
        case .unwatched(let reason): return await sendOtherwise(update, because: reason)
        case .kept where update.isFinal: return await waitUntilFetched(update)
        case .kept: return .unknown(Delivery.Reason("it is shown when the platform asks next"))
        }
    }

    private func waitUntilFetched(_ update: BubbleUpdate) async -> Delivery {
        while true {
            switch streams.withLock({ $0.standing(of: streamID, now: timeline.now) }) {
            case .fetched: return .delivered
            case .unclosed(let reason): return .unknown(reason)
            case .unwatched(let reason): return await sendOtherwise(update, because: reason)
            case .waiting(let deadline):
                guard !Task.isCancelled else {
                    return .unknown(Delivery.Reason("the bot ended before the platform asked for the answer"))
                }
                await wait(until: deadline)
            }
        }
    }

    /// Returns when the text was fetched, at the deadline, or when the task is cancelled.
    private func wait(until deadline: ContinuousClock.Instant) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { _ = await self.fetched.value() }
            group.addTask {
                do { try await self.timeline.sleep(until: deadline) } catch { return }  // it was fetched, or cancelled
            }
            await group.next()
            group.cancelAll()
        }
    }

    /// Only what is final goes the other way: there, nothing can be updated.
    private func sendOtherwise(_ update: BubbleUpdate, because reason: Delivery.Reason) async -> Delivery {
        guard update.isFinal, let fallback else { return .refused(reason) }
        let delivery = await fallback(update.text, message)
        return delivery == .delivered ? .redirected(reason) : delivery
    }
}
