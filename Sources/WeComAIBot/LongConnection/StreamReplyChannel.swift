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
    let requestID: RequestID
    private let conversation: Conversation
    /// Unique per answer.
    private let streamID: String
    private let path: Locked<ReplyPath>

    init(
        connection: LongConnection,
        requestID: RequestID,
        conversation: Conversation,
        streamWindow: Duration = LongConnectionConfiguration.defaultStreamWindow
    ) {
        capabilities = Self.capabilities(streamWindow)
        self.connection = connection
        self.requestID = requestID
        self.conversation = conversation
        let random = String(UInt64.random(in: .min ... .max), radix: 16)
        streamID = "stream_\(Self.milliseconds)_\(random)"
        path = Locked(ReplyPath(streamID: streamID))
    }

    /// An answer that another process has begun; `nil` if the route makes no sense.
    init?(
        connection: LongConnection,
        resuming turn: SavedTurn,
        streamWindow: Duration = LongConnectionConfiguration.defaultStreamWindow
    ) {
        guard let text = turn.route else { return nil }
        do {
            let route = try JSONDecoder().decode(Route.self, from: Data(text.utf8))
            guard !route.requestID.isEmpty, !route.streamID.isEmpty else { return nil }
            capabilities = Self.capabilities(streamWindow)
            self.connection = connection
            requestID = RequestID(rawValue: route.requestID)
            conversation = turn.message.conversation
            streamID = route.streamID
            let repeated = turn.answer.flatMap { $0.handed == nil ? nil : $0.bubble }
            path = Locked(ReplyPath(streamID: streamID, repeatedBubble: repeated))
        } catch {
            return nil
        }
    }

    private static func capabilities(_ streamWindow: Duration) -> ReplyCapabilities {
        ReplyCapabilities(
            maximumBytes: min(StreamFrame.maximumContentBytes, PushFrame.maximumContentBytes),
            streams: true,
            bubbleWindow: streamWindow,
            keepAlive: Self.keepAlive
        )
    }

    /// What goes into the store.
    private struct Route: Codable {
        let requestID: String
        let streamID: String

        private enum CodingKeys: String, CodingKey {
            case requestID = "req_id"
            case streamID = "stream_id"
        }
    }

    var route: String? {
        do {
            let route = Route(requestID: requestID.rawValue, streamID: streamID)
            return String(decoding: try JSONEncoder().encode(route), as: UTF8.self)
        } catch {
            return nil  // two strings are always encodable
        }
    }

    func send(_ update: BubbleUpdate) async -> Delivery {
        var step = path.withLock { $0.begin(update) }
        while true {
            switch step {
            case .done(let delivery):
                return delivery
            case .send(let way):
                let delivery = await send(update, by: way)
                step = path.withLock { $0.settled(delivery) }
            }
        }
    }

    func remainingSends() async -> SendBudget? { await connection.remainingSends(in: conversation) }

    private func send(_ update: BubbleUpdate, by way: ReplyPath.Way) async -> Delivery {
        switch way {
        case .stream(let id):
            let stream = StreamFrame(id: id, isFinal: update.isFinal, content: update.text)
            let kind: Request.Kind = update.isFinal ? .finalUpdate : .intermediateUpdate
            return await send(.respondStream(requestID, stream), kind, .stream(id))
        case .push:
            var generator = SystemRandomNumberGenerator()
            let id = RequestID.fresh(for: .sendMessage, stamp: Self.milliseconds, using: &generator)
            let push = PushFrame(conversation: conversation, content: update.text)
            return await send(.sendMarkdown(id, push), .once, .push)
        }
    }

    func send(_ frame: ClientFrame, _ kind: Request.Kind, _ item: Charge.Item) async -> Delivery {
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
