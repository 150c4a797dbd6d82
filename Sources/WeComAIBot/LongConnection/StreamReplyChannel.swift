internal import BotCore
internal import FoundationEssentials

/// Answers one message of the long connection with streams.
struct StreamReplyChannel: ReplyChannel {
    private let connection: LongConnection
    private let requestID: RequestID
    private let conversation: Conversation
    /// Unique per answer; the bubbles of one answer differ in the number behind it.
    private let streamID: String

    init(connection: LongConnection, requestID: RequestID, conversation: Conversation) {
        self.connection = connection
        self.requestID = requestID
        self.conversation = conversation
        let milliseconds = UInt64(max(0, Date.now.timeIntervalSince1970 * 1_000))
        streamID = "stream_\(milliseconds)_\(String(UInt64.random(in: .min ... .max), radix: 16))"
    }

    var capabilities: ReplyCapabilities {
        ReplyCapabilities(maximumBytes: StreamFrame.maximumContentBytes, streams: true)
    }

    func send(_ update: BubbleUpdate) async -> Delivery {
        let id = update.bubble == 0 ? streamID : "\(streamID)_\(update.bubble)"
        let stream = StreamFrame(id: id, isFinal: update.isFinal, content: update.text)
        let bytes: [UInt8]
        do throws(WireError) {
            bytes = try FrameCodec().encode(.respondStream(requestID, stream))
        } catch {
            return .refused(Delivery.Reason(error.message))
        }
        let kind: Request.Kind = update.isFinal ? .finalUpdate : .intermediateUpdate
        let charge = Charge(conversation: conversation, item: .stream(id))
        return await connection.send(Request(requestID: requestID, bytes: bytes, kind: kind, charge: charge))
    }

    func remainingSends() async -> SendBudget? { await connection.remainingSends(in: conversation) }
}
