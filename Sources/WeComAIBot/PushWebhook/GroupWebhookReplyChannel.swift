internal import BotCore

/// Answers a message in the group of the webhook, when that is the only way: in whole messages, when the answer has ended.
struct GroupWebhookReplyChannel: ReplyChannel {
    let webhook: GroupWebhook
    /// That of the channel that would answer otherwise, so that a process that is configured otherwise can go on.
    let route: String?
    /// The parts of the answer that another process may have delivered.
    private var repeatedBubbles: Set<Int> = []

    init(webhook: GroupWebhook, route: String?) {
        self.webhook = webhook
        self.route = route
    }

    /// An answer that another process has begun, perhaps another way.
    init(resuming turn: SavedTurn, through webhook: GroupWebhook) {
        self.init(webhook: webhook, route: turn.answer?.route ?? turn.route)
        repeatedBubbles = turn.answer?.repeatedBubbles ?? []
    }

    var capabilities: ReplyCapabilities {
        ReplyCapabilities(maximumBytes: GroupWebhookCodec.maximumMarkdownBytes, streams: false)
    }

    func send(_ update: BubbleUpdate) async -> Delivery { await send(update) { _ in } }

    func send(_ update: BubbleUpdate, departs: @escaping @Sendable (String?) async -> Void) async -> Delivery {
        guard update.isFinal else { return .refused(.init("a group webhook updates nothing")) }
        guard !repeatedBubbles.contains(update.bubble) else {
            return .unknown(.init("it may have been sent to the group webhook before the restart"))
        }
        return await webhook.send(.markdown(update.text)) { [route] in await departs(route) }
    }

    func send(_ message: OutboundMessage) async -> Delivery { await webhook.send(message) }

    func upload(
        _ source: UploadSource,
        as kind: UploadedMedia.Kind,
        name: String,
        progress: (@Sendable (UploadProgress) -> Void)?
    ) async throws(UploadError) -> UploadedMedia {
        try await webhook.upload(source, as: kind, name: name, progress: progress)
    }
}
