internal import BotCore
internal import FoundationEssentials

/// Answers one message of the long connection with streams.
struct StreamReplyChannel: ReplyChannel {
    private let connection: LongConnection
    private let requestID: RequestID
    /// Unique per answer; the bubbles of one answer differ in the number behind it.
    private let streamID: String

    init(connection: LongConnection, requestID: RequestID) {
        self.connection = connection
        self.requestID = requestID
        let milliseconds = UInt64(max(0, Date.now.timeIntervalSince1970 * 1_000))
        streamID = "stream_\(milliseconds)_\(String(UInt64.random(in: .min ... .max), radix: 16))"
    }

    /// An answer that another process has begun; `nil` if the route makes no sense.
    init?(connection: LongConnection, route: String) {
        do {
            let route = try JSONDecoder().decode(Route.self, from: Data(route.utf8))
            guard !route.requestID.isEmpty, !route.streamID.isEmpty else { return nil }
            self.connection = connection
            requestID = RequestID(rawValue: route.requestID)
            streamID = route.streamID
        } catch {
            return nil
        }
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
        return await connection.send(Request(requestID: requestID, bytes: bytes, kind: kind))
    }
}
