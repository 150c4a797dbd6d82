import BotCore
import BotFoundation
import FoundationEssentials

/// Frames to bytes and back: the only place that knows that they are JSON.
///
/// Tolerant in, strict out: what is unknown is delivered with its raw bytes, what cannot be a frame is an error that the
/// caller counts; what we send is checked against the documented limits before a byte is written.
struct FrameCodec: Sendable {
    private let decoder = JSONDecoder()
    private let encoder: JSONEncoder

    init() {
        encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
    }

    /// Reads what the server sent in one message.
    ///
    /// - Throws: `WireError` if it is not JSON, has neither a `cmd` nor an answer's `req_id`, has an `errcode` that is
    ///   no number, or none beside an `errmsg` that does not say `ok`, or is a message
    ///   that does not say where it was written.
    func decode(_ bytes: [UInt8]) throws(WireError) -> ServerFrame {
        let frame = try decoder.decode(IncomingFrame.self, fromText: bytes, called: "a frame")
        if let command = frame.command, !(command.isOurs && frame.hasCode) {
            let body: Callback.Body =
                switch frame.body {
                case .message(let body): .message(try MessageCallback(body, raw: bytes))
                case .event(let event): .event(event)
                case nil: .unknown
                }
            return .callback(Callback(command: command, requestID: frame.requestID, body: body, raw: bytes))
        }
        guard let requestID = frame.requestID else {
            throw WireError(.missingField, "missing cmd and headers.req_id in a frame")
        }
        guard let code = frame.code else {
            throw WireError(.missingField, "missing cmd, and errcode is not a number, in a frame")
        }
        return .acknowledgement(
            Acknowledgement(requestID: requestID, code: code, message: frame.message, raw: bytes)
        )
    }

    /// The bytes of a frame.
    ///
    /// - Throws: `WireError` if a field is empty that must not be, or is longer than the protocol allows.
    func encode(_ frame: ClientFrame) throws(WireError) -> [UInt8] {
        try frame.validate()
        do {
            return [UInt8](try encoder.encode(frame))
        } catch {
            throw WireError(.notJSON, "a \(frame.command) frame could not be encoded")
        }
    }
}

/// The envelope of every frame from the server.
private struct IncomingFrame: Decodable {
    enum Body {
        case message(MessageCallback.Body)
        case event(EventCallback)
    }

    let command: Command?
    let requestID: RequestID?
    let hasCode: Bool
    let code: ErrorCode?
    let message: String
    let body: Body?

    private enum Key: String, CodingKey { case cmd, headers, errcode, errmsg, body }

    private struct Headers: Decodable {
        let requestID: String?

        private enum Key: String, CodingKey { case requestID = "req_id" }

        init(from decoder: any Decoder) throws {
            requestID = try decoder.container(keyedBy: Key.self).tolerantString(.requestID)
        }
    }

    private struct MessageType: Decodable {
        let msgtype: String
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        command = container.tolerant(String.self, .cmd).flatMap { $0.isEmpty ? nil : Command(rawValue: $0) }
        requestID = container.tolerant(Headers.self, .headers)?.requestID.flatMap {
            $0.isEmpty ? nil : RequestID(rawValue: $0)
        }
        hasCode = container.contains(.errcode)
        message = container.tolerant(String.self, .errmsg) ?? ""
        let says = container.tolerantInt(.errcode).map(ErrorCode.init)
        let isSilent = container.tolerant(Tolerant<Int>.self, .errcode) == nil && !container.contains(.cmd)
        // Servers leave a zero out. A text that says otherwise makes it no success, and no code either.
        code = says ?? (isSilent && ["", "ok"].contains(message) ? .ok : nil)
        let isEvent =
            command == .eventCallback
            || (command == .messageCallback && container.tolerant(MessageType.self, .body)?.msgtype == "event")
        if isEvent {
            body = container.tolerant(EventCallback.self, .body).map { .event($0) }
        } else if command == .messageCallback {
            body = container.tolerant(MessageCallback.Body.self, .body).map { .message($0) }
        } else {
            body = nil
        }
    }
}

extension ClientFrame {
    /// Checks what the server would refuse.
    fileprivate func validate() throws(WireError) {
        let name = "a \(command) frame"
        try WireError.require(requestID.rawValue, "req_id", of: name)
        switch self {
        case .ping:
            break
        case .subscribe(_, let botID, let secret):
            try WireError.require(botID, "bot_id", of: name)
            try WireError.require(secret.value, "secret", of: name)
        case .respondStream(_, let stream):
            try stream.validate(in: name)
        case .message:
            break  // checked when it was made
        case .uploadInit(_, let upload):
            try WireError.require(upload.fileName, "filename", of: name)
            try WireError.limit(upload.fileName, UploadRules.maximumNameBytes, "filename", of: name)
        case .uploadChunk(_, let chunk):
            try WireError.require(chunk.uploadID, "upload_id", of: name)
            if chunk.bytes.isEmpty { throw WireError(.empty, "base64_data of \(name) is empty") }
            if chunk.bytes.count > UploadRules.maximumChunkBytes {
                let maximum = UploadRules.maximumChunkBytes
                throw WireError(.tooLong, "\(name) has \(chunk.bytes.count) bytes of data; \(maximum) are allowed")
            }
        case .uploadFinish(_, let uploadID):
            try WireError.require(uploadID, "upload_id", of: name)
        }
    }
}

extension ClientFrame: Encodable {
    private enum Key: String, CodingKey {
        case cmd, headers, body, msgtype, stream, secret
        case uploadID = "upload_id"
        case requestID = "req_id"
        case botID = "bot_id"
    }

    func encode(to encoder: any Encoder) throws {
        var frame = encoder.container(keyedBy: Key.self)
        try frame.encode(command.rawValue, forKey: .cmd)
        var headers = frame.nestedContainer(keyedBy: Key.self, forKey: .headers)
        try headers.encode(requestID.rawValue, forKey: .requestID)
        switch self {
        case .ping:
            break
        case .subscribe(_, let botID, let secret):
            var body = frame.nestedContainer(keyedBy: Key.self, forKey: .body)
            try body.encode(botID, forKey: .botID)
            try body.encode(secret.value, forKey: .secret)
        case .respondStream(_, let content):
            var body = frame.nestedContainer(keyedBy: Key.self, forKey: .body)
            try body.encode("stream", forKey: .msgtype)
            try body.encode(content, forKey: .stream)
        case .message(_, _, let content):
            try frame.encode(content, forKey: .body)
        case .uploadInit(_, let upload):
            try frame.encode(upload, forKey: .body)
        case .uploadChunk(_, let chunk):
            try frame.encode(chunk, forKey: .body)
        case .uploadFinish(_, let uploadID):
            var body = frame.nestedContainer(keyedBy: Key.self, forKey: .body)
            try body.encode(uploadID, forKey: .uploadID)
        }
    }
}
