internal import BotCore
internal import BotFoundation
internal import FoundationEssentials

/// Answers one message of the long connection: with streams, and where that is provably refused with a message of its own.
struct StreamReplyChannel: ReplyChannel {
    /// Streams that got a frame at least every 4 minutes were updated for longer than others (seen in the field); less a margin for
    /// the frame's way.
    static let keepAlive = Duration.seconds(4 * 60 - 15)

    let capabilities: ReplyCapabilities
    let connection: LongConnection
    private let requestID: RequestID
    private let conversation: Conversation
    /// Unique per answer.
    private let streamID: String
    private let path: Locked<ReplyPath>
    /// What is to be sent behind the answer; `nil` once that has begun.
    let images = Locked<[AttachedImage]?>([])
    /// When the message can no longer be answered, if that is known.
    private let answerableUntil: ContinuousClock.Instant?

    init(
        connection: LongConnection,
        requestID: RequestID,
        conversation: Conversation,
        streamWindow: Duration = LongConnectionConfiguration.defaultStreamWindow,
        answerableUntil: ContinuousClock.Instant? = nil
    ) {
        capabilities = Self.capabilities(streamWindow)
        self.connection = connection
        self.requestID = requestID
        self.conversation = conversation
        let random = String(UInt64.random(in: .min ... .max), radix: 16)
        streamID = "stream_\(Self.milliseconds)_\(random)"
        path = Locked(ReplyPath(streamID: streamID))
        self.answerableUntil = answerableUntil
    }

    /// An answer that another process has begun; `nil` if the route makes no sense.
    init?(
        connection: LongConnection,
        resuming turn: SavedTurn,
        streamWindow: Duration = LongConnectionConfiguration.defaultStreamWindow
    ) {
        guard let text = turn.answer?.route ?? turn.route else { return nil }
        do {
            let route = try JSONDecoder().decode(Route.self, from: Data(text.utf8))
            guard !route.requestID.isEmpty, !route.streamID.isEmpty else { return nil }
            capabilities = Self.capabilities(streamWindow)
            self.connection = connection
            requestID = RequestID(rawValue: route.requestID)
            conversation = turn.message.conversation
            streamID = route.streamID
            let repeated = turn.answer?.repeatedBubbles ?? []
            path = Locked(
                ReplyPath(streamID: streamID, detour: route.detour ?? .init(), repeatedBubbles: repeated)
            )
            answerableUntil = nil
        } catch {
            return nil
        }
    }

    private static func capabilities(_ streamWindow: Duration) -> ReplyCapabilities {
        ReplyCapabilities(
            maximumBytes: min(StreamFrame.maximumContentBytes, OutboundMessage.maximumMarkdownBytes),
            streams: true,
            bubbleWindow: streamWindow,
            keepAlive: Self.keepAlive,
            thinkingMarkupBytes: StreamFrame.thinkingMarkupBytes,
            maximumFeedbackIDBytes: StreamFrame.maximumFeedbackIDBytes
        )
    }

    /// What goes into the store.
    private struct Route: Codable {
        let requestID: String
        let streamID: String
        let detour: ReplyPath.Detour?

        private enum CodingKeys: String, CodingKey {
            case requestID = "req_id"
            case streamID = "stream_id"
            case detour
        }
    }

    var route: String? {
        do {
            let detour = path.withLock { $0.detour }
            let route = Route(
                requestID: requestID.rawValue,
                streamID: streamID,
                detour: detour == .init() ? nil : detour
            )
            return String(decoding: try JSONEncoder().encode(route), as: UTF8.self)
        } catch {
            return nil  // strings and numbers are always encodable
        }
    }

    func send(_ update: BubbleUpdate) async -> Delivery { await send(update, departs: nil) }

    func send(_ update: BubbleUpdate, departs: @escaping @Sendable (String?) async -> Void) async -> Delivery {
        await send(update, departs: .some(departs))
    }

    private func send(
        _ update: BubbleUpdate,
        departs: (@Sendable (String?) async -> Void)?
    ) async -> Delivery {
        var step = path.withLock { $0.begin(update) }
        while true {
            switch step {
            case .done(let delivery):
                return delivery
            case .send(let way):
                let delivery = await send(update, by: way, departs)
                let hasGroupWebhook = conversation.kind == .group && connection.groupWebhook.isConfigured
                step = path.withLock { $0.settled(delivery, hasGroupWebhook: hasGroupWebhook) }
            }
        }
    }

    func remainingSends() async -> SendBudget? { await connection.remainingSends(in: conversation) }

    private func send(
        _ update: BubbleUpdate,
        by way: ReplyPath.Way,
        _ departs: (@Sendable (String?) async -> Void)?
    ) async -> Delivery {
        // Without a connection it cannot leave, however long that lasts.
        if way != .groupWebhook, let departs, await connection.takesFrames() { await departs(route) }
        switch way {
        case .stream(let id):
            let opens = path.withLock { !$0.isOpen(id) }
            let stream = StreamFrame(
                id: id,
                isFinal: update.isFinal,
                content: StreamFrame.content(of: update),
                feedbackID: opens ? update.feedbackID : nil
            )
            let kind: Request.Kind = update.isFinal ? .finalUpdate : .intermediateUpdate
            return await send(.respondStream(requestID, stream), kind, .stream(id))
        case .push:
            // Without the thinking: only a stream is known to show it as such.
            return await connection.push(.markdown(update.text, feedbackID: update.feedbackID), to: conversation, nil)
        case .groupWebhook:
            return await connection.groupWebhook.send(.markdown(update.text)) { await departs?(route) }
        }
    }

    func send(_ message: OutboundMessage) async -> Delivery {
        await connection.recorded(message, to: conversation, isBesideAnswer: true) { await send($0, $1) }
    }

    private func send(_ message: OutboundMessage, _ record: PushRecord?) async -> Delivery {
        if let reason = path.withLock({ $0.pushReason }) { return await push(message, record, because: reason) }
        if let answerableUntil, await connection.isPast(answerableUntil) {
            return await push(
                message,
                record,
                because: .init("the time in which the message could be answered is over")
            )
        }
        let delivery = await connection.respond(
            to: requestID,
            with: message,
            in: conversation,
            validUntil: answerableUntil,
            record: record
        )
        // A refusal says that nobody has seen it: then it goes the other way, if that may take it and it is not the next process's.
        guard case .refused(let reason) = delivery, ReplyPath.goesAnotherWay(after: reason), record?.isLeft != true
        else { return delivery }
        return await push(message, record, because: reason)
    }

    private func push(
        _ message: OutboundMessage,
        _ record: PushRecord?,
        because first: Delivery.Reason
    ) async -> Delivery {
        switch await connection.push(message, to: conversation, record) {
        case .delivered: .redirected(first)
        case .refused(let reason):
            .refused(.init(code: reason.code, "\(reason.message); the way before was refused: \(first)"))
        case let other: other
        }
    }

    private func send(_ frame: ClientFrame, _ kind: Request.Kind, _ item: Charge.Item) async -> Delivery {
        let bytes: [UInt8]
        do throws(WireError) {
            bytes = try FrameCodec().encode(frame)
        } catch {
            return .refused(Delivery.Reason(error.message))
        }
        let charge = Charge(conversation: conversation, item: item)
        return await connection.send(Request(requestID: frame.requestID, bytes: bytes, kind: kind, charge: charge))
    }

    private static var milliseconds: UInt64 { UInt64(max(0, Date.now.timeIntervalSince1970 * 1_000)) }
}
