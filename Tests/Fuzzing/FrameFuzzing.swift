import BotCore
import FoundationEssentials

@testable import WeComAIBot

/// One message from the gateway, and what answering it sends.
enum FrameFuzzing {
    private static let codec = FrameCodec()

    static func run(_ input: [UInt8]) throws(Violation) {
        let frame: ServerFrame
        do {
            frame = try codec.decode(input)
        } catch {
            try claim(
                error.message.isOneLine && !error.message.contains(planted),
                "an error repeats nothing of the frame"
            )
            return
        }
        switch frame {
        case .acknowledgement(let acknowledgement):
            try claim(acknowledgement.raw == input, "an acknowledgement keeps the frame as received")
            let shown = acknowledgement.message.prefix(maximumBytes: 64)
            try claim(shown.utf8.count <= 64, "what is shown of errmsg is short")
            try claim(
                acknowledgement.message.utf8.starts(with: shown.utf8),
                "what is shown of errmsg is its beginning"
            )
            try answer(acknowledgement.requestID, streamID: "s", content: acknowledgement.message)
        case .callback(let callback):
            try check(callback, input)
        }
    }

    private static func check(_ callback: Callback, _ input: [UInt8]) throws(Violation) {
        try claim(callback.raw == input, "a callback keeps the frame as received")
        try claim(!callback.command.rawValue.isEmpty, "a callback has a command")
        if case .event(let received) = callback.body {
            let event = received.event(raw: callback.raw)
            try claim(event.raw == input, "an event keeps the frame as received")
            try claim(event.conversation?.id.isEmpty != true, "an event that happened somewhere says where")
            try claim((event.cardAction != nil) == (event.kind == .cardAction), "what was pressed can be read again")
            try claim((event.feedback != nil) == (event.kind == .feedback), "a rating can be read again")
        }
        guard case .message(let message) = callback.body else {
            if let id = callback.requestID { try answer(id, streamID: "s", content: "") }
            return
        }
        let inbound = message.inbound
        try claim(inbound.raw == input, "a message keeps the frame as received")
        try claim(!inbound.conversation.id.isEmpty, "a message was written somewhere")
        try claim(inbound.conversation == message.conversation, "an answer goes where the message was written")
        if inbound.conversation.kind == .single {
            try claim(inbound.sender == inbound.conversation.id, "a single chat is with the sender")
        }
        if let id = callback.requestID { try answer(id, streamID: inbound.id, content: inbound.text) }
    }

    /// Answers with what was received: what goes out must say the same to a reader that is not ours.
    private static func answer(_ id: RequestID, streamID: String, content: String) throws(Violation) {
        try claim(!id.rawValue.isEmpty, "a request id is not empty")
        let stream = StreamFrame(id: streamID, isFinal: true, content: content)
        let bytes: [UInt8]
        do {
            bytes = try codec.encode(.respondStream(id, stream))
        } catch {
            let isTooMuch = content.utf8.count > StreamFrame.maximumContentBytes
            try claim(streamID.isEmpty || isTooMuch, "only what the protocol forbids is not sent")
            return
        }
        let read: Sent
        do {
            read = try JSONDecoder().decode(Sent.self, from: Data(bytes))
        } catch {
            throw Violation(description: "not so: a frame of ours is JSON of the documented shape")
        }
        try claim(read.headers.req_id.utf8.elementsEqual(id.rawValue.utf8), "the request id goes back as it came")
        try claim(read.body.stream.content.utf8.elementsEqual(content.utf8), "the content goes out as it is")
        try claim(read.body.stream.id.utf8.elementsEqual(streamID.utf8), "the stream's id goes out as it is")
        guard case .callback(let echo)? = decoded(bytes), echo.requestID == id else {
            throw Violation(description: "not so: our own reader understands what we send")
        }
    }

    private static func decoded(_ bytes: [UInt8]) -> ServerFrame? {
        do { return try codec.decode(bytes) } catch { return nil }
    }

    private struct Sent: Decodable {
        struct Headers: Decodable { let req_id: String }
        struct Body: Decodable { let stream: Stream }
        struct Stream: Decodable { let id, content: String }
        let headers: Headers
        let body: Body
    }
}
