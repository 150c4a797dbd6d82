internal import BotCore
internal import BotFoundation

/// Sends what goes in no response to the `response_url` that a message or an event came with.
struct WebhookLatePost: Sendable {
    let answers: WebhookAnswers
    private let url: Locked<ResponseURL>

    /// - Parameter received: When the message came.
    init(_ url: Secret?, received: ContinuousClock.Instant, of answers: WebhookAnswers) {
        self.answers = answers
        self.url = Locked(ResponseURL(url, received: received))
    }

    /// What a `response_url` takes (official doc 101138).
    private static let kinds: Set<OutboundMessage.Kind> = [.markdown, .templateCard]

    /// Sends a message of its own.
    func send(_ message: OutboundMessage) async -> Delivery {
        guard Self.kinds.contains(message.kind) else {
            return .refused(Delivery.Reason("a callback address sends no message of kind \(message.kind.rawValue)"))
        }
        guard message.parts.count == 1 else {
            let most = OutboundMessage.maximumMarkdownBytes
            return .refused(Delivery.Reason("a response_url takes one message, of at most \(most) bytes of text"))
        }
        do throws(WireError) {
            let body = try WebhookCodec().encode(message)
            return await answers.deliver { await post(body) }
        } catch {
            return .refused(Delivery.Reason(error.message))
        }
    }

    /// Posts a body, once.
    func post(_ body: [UInt8]) async -> Delivery {
        guard answers.fallback.post != nil else {
            return .refused(Delivery.Reason("nothing is posted from here"))
        }
        let now = answers.timeline.now
        switch url.withLock({ $0.use(now: now) }) {
        case .impossible(let reason): return .refused(Delivery.Reason(reason))
        case .post(let url): return await answers.fallback.send(body, to: url, timeline: answers.timeline)
        }
    }
}
