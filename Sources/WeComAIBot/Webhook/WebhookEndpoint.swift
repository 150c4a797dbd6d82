package import BotCore
internal import BotCrypto
package import BotFoundation

/// The address to which the platform delivers messages (official docs 100719, 101031, 101033).
///
/// It takes a request and gives the response, so that any HTTP server can carry it. Nothing in it waits: messages are handed
/// over, and what the platform asks for is answered with what there is.
package final class WebhookEndpoint: Sendable {
    /// The most bytes of a body; a longer one is answered with 413. A message has a few KiB.
    package static let maximumBodyBytes = 4 << 20

    /// Gets each message once, and the way to answer it. It must not wait.
    package typealias Receiver = @Sendable (Inbound, any ReplyChannel) -> Void

    private let configuration: WebhookConfiguration
    private let streams: Locked<WebhookStreams<Promise<Void>>>
    private let failures = Locked<[WebhookFailure.Status: Int]>([:])
    private let codec = WebhookCodec()
    private let timeline: Timeline
    private let log: Log
    private let fallback: WebhookFallback?
    private let receiver: Receiver

    /// An endpoint that is ready for requests.
    ///
    /// - Parameter clock: What windows and silences are measured by.
    package convenience init(
        _ configuration: WebhookConfiguration,
        clock: any Clock<Duration> = ContinuousClock(),
        log: Log = .disabled,
        receiver: @escaping Receiver
    ) {
        self.init(configuration, clock: clock, log: log, fallback: nil, receiver: receiver)
    }

    init(
        _ configuration: WebhookConfiguration,
        clock: any Clock<Duration>,
        log: Log,
        fallback: WebhookFallback?,
        receiver: @escaping Receiver
    ) {
        self.configuration = configuration
        self.log = log
        self.fallback = fallback
        self.receiver = receiver
        timeline = Timeline(clock)
        streams = Locked(WebhookStreams(configuration.stream))
    }

    /// How many streams are kept.
    var streamCount: Int { streams.withLock { $0.count } }

    /// Answers one request. Any number of them may be answered at the same time, never on the caller's executor.
    ///
    /// A request that is turned away is answered with 400, or with 403 if its signature is wrong; the log says why.
    @concurrent package func respond(to request: WebhookRequest) async -> WebhookResponse {
        do throws(WebhookFailure) {
            return try answer(request)
        } catch {
            report(error)
            return error.response
        }
    }

    func answer(_ request: WebhookRequest) throws(WebhookFailure) -> WebhookResponse {
        if let path = configuration.path, request.path != path {
            throw WebhookFailure(.notFound, "the path is not the callback's")
        }
        switch request.method {
        case "GET": return try verify(request)
        case "POST": return try receive(request)
        default: throw WebhookFailure(.methodNotAllowed, "the method is neither GET nor POST")
        }
    }

    /// The first, the second, the fourth, the eighth … of a kind: the address is open to everybody.
    private func report(_ failure: WebhookFailure) {
        let count = failures.withLock { counts in
            counts[failure.status, default: 0] += 1
            return counts[failure.status, default: 0]
        }
        log(
            count & (count - 1) == 0 ? .warning : .debug,
            "a request to the callback address was turned away with \(failure.status.rawValue)",
            [.reason: failure.message, .count: "\(count)"]
        )
    }
}

// MARK: Requests

extension WebhookEndpoint {
    /// The administrator saves the address: it proves that it knows the key.
    private func verify(_ request: WebhookRequest) throws(WebhookFailure) -> WebhookResponse {
        let parameters = try WebhookParameters(query: request.query)
        guard let echo = parameters.echo else {
            throw WebhookFailure(.badRequest, "the parameter echostr is missing")
        }
        return WebhookResponse(status: 200, body: try open(echo, parameters))
    }

    private func receive(_ request: WebhookRequest) throws(WebhookFailure) -> WebhookResponse {
        guard request.body.count <= Self.maximumBodyBytes else {
            throw WebhookFailure(.contentTooLarge, "a body of \(request.body.count) bytes")
        }
        let parameters = try WebhookParameters(query: request.query)
        // Signed by the platform as it is written; our answer repeats it as a number.
        guard let timestamp = Int(parameters.timestamp) else {
            throw WebhookFailure(.badRequest, "the parameter timestamp is not a number")
        }
        guard let callback = try callback(in: request.body, parameters) else { return .empty }
        switch callback {
        case .event:
            log(.debug, "an event without a handler")
            return .empty
        case .message(let message):
            return try seal(take(message), timestamp: timestamp, nonce: parameters.nonce)
        case .refresh(let id):
            let frame = streams.withLock { $0.refresh(id, now: timeline.now) }
            let response = try seal(frame, timestamp: timestamp, nonce: parameters.nonce)
            streams.withLock { $0.fetched(frame) }?.fulfill(())
            return response
        }
    }

    /// The callback in a body; `nil` if it is the platform's and makes no sense, for it would be the same if it came again.
    private func callback(
        in body: [UInt8],
        _ parameters: WebhookParameters
    ) throws(WebhookFailure) -> WebhookCallback? {
        let encrypted: String
        do throws(WireError) {
            encrypted = try codec.encrypted(in: body)
        } catch {
            throw WebhookFailure(error)
        }
        let plain = try open(encrypted, parameters)
        do throws(WireError) {
            return try codec.callback(plain)
        } catch {
            guard error.code == .missingField else { throw WebhookFailure(error) }
            log(.warning, "skipped a callback that makes no sense: \(error.message)")
            return nil
        }
    }

    /// Opens a stream for a message and hands the message over, unless that was done before.
    private func take(_ message: MessageCallback) throws(WebhookFailure) -> StreamFrame {
        let inbound = message.inbound
        let fetched = Promise<Void>()
        // Not to be guessed, and never used before, also not before a restart.
        let id = "stream_\(UInt64.random(in: .min ... .max))_\(UInt64.random(in: .min ... .max))"
        switch streams.withLock({ $0.open(inbound.id, as: id, waiter: fetched, now: timeline.now) }) {
        case .full:
            throw WebhookFailure(.unavailable, "too many answers are under way")
        case .again(let frame):
            log(.debug, "a message was delivered again", [.messageID: inbound.id])
            return frame
        case .opened(let frame):
            log(
                .debug,
                "message received",
                [.messageID: inbound.id, .conversation: inbound.conversation.id]
            )
            let channel = WebhookReplyChannel(
                answering: message,
                in: id,
                of: streams,
                fetched: fetched,
                timeline: timeline,
                fallback: fallback
            )
            receiver(inbound, channel)
            return frame
        }
    }
}

// MARK: Cryptography and JSON

extension WebhookEndpoint {
    private func open(_ encrypted: String, _ parameters: WebhookParameters) throws(WebhookFailure) -> [UInt8] {
        do throws(CryptoError) {
            return try configuration.cipher.open(
                encrypted,
                signature: parameters.signature,
                timestamp: parameters.timestamp,
                nonce: parameters.nonce
            )
        } catch {
            throw WebhookFailure(error)
        }
    }

    private func seal(
        _ frame: StreamFrame,
        timestamp: Int,
        nonce: String
    ) throws(WebhookFailure) -> WebhookResponse {
        do {
            let encrypted = try configuration.cipher.seal(codec.encode(frame))
            let envelope = try WebhookEnvelope(
                encrypted,
                timestamp: timestamp,
                nonce: nonce,
                cipher: configuration.cipher
            )
            return WebhookResponse(status: 200, body: try codec.encode(envelope))
        } catch {
            throw WebhookFailure(.internalError, "an answer could not be made: \(error)")
        }
    }
}
