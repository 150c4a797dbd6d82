internal import BotCore
internal import BotFoundation
internal import FoundationEssentials

/// Answers one message of the long connection: with streams, and where that is provably refused with a message of its own.
struct StreamReplyChannel: ReplyChannel {
    /// Streams that got a frame at least every 4 minutes were updated for longer than others (seen in the field); less a margin for
    /// the frame's way.
    static let keepAlive = Duration.seconds(4 * 60 - 15)

    let capabilities: ReplyCapabilities
    private let connection: LongConnection
    private let requestID: RequestID
    private let conversation: Conversation
    private let path: Locked<ReplyPath>

    init(
        connection: LongConnection,
        requestID: RequestID,
        conversation: Conversation,
        streamWindow: Duration = LongConnectionConfiguration.defaultStreamWindow
    ) {
        capabilities = ReplyCapabilities(
            maximumBytes: min(StreamFrame.maximumContentBytes, PushFrame.maximumContentBytes),
            streams: true,
            bubbleWindow: streamWindow,
            keepAlive: Self.keepAlive
        )
        self.connection = connection
        self.requestID = requestID
        self.conversation = conversation
        let random = String(UInt64.random(in: .min ... .max), radix: 16)
        path = Locked(ReplyPath(streamID: "stream_\(Self.milliseconds)_\(random)"))
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
