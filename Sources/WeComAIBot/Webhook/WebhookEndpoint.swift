package import BotCore
internal import BotCrypto
package import BotFoundation
internal import FoundationEssentials

/// The address to which the platform delivers messages (official docs 100719, 101031, 101033).
///
/// It takes a request and gives the response, so that any HTTP server can carry it. Nothing in it waits: messages are handed
/// over, and what the platform asks for is answered with what there is.
package final class WebhookEndpoint: Sendable {
    /// The most bytes of a body; a longer one is answered with 413. A message has a few KiB.
    package static let maximumBodyBytes = 4 << 20

    /// Gets each message once, and the way to answer it. It must not wait.
    package typealias Receiver = @Sendable (Inbound, any ReplyChannel) -> Void

    private let configuration: Locked<WebhookConfiguration>
    let answers: WebhookAnswers
    private let codec = WebhookCodec()
    private let unixTime: @Sendable () -> Int64
    private let log: Log
    private let receiver: Receiver

    /// An endpoint that is ready for requests.
    ///
    /// - Parameters:
    ///   - fallback: The ways to the user when the platform does not ask.
    ///   - clock: What windows and silences are measured by.
    ///   - unixTime: Milliseconds since 1970.
    package init(
        _ configuration: WebhookConfiguration,
        fallback: WebhookFallback = .init(),
        clock: any Clock<Duration> = ContinuousClock(),
        unixTime: @escaping @Sendable () -> Int64 = UnixTime.milliseconds,
        log: Log = .disabled,
        receiver: @escaping Receiver
    ) {
        self.configuration = Locked(configuration)
        self.log = log
        self.receiver = receiver
        self.unixTime = unixTime
        answers = WebhookAnswers(configuration.stream, timeline: Timeline(clock), fallback: fallback)
    }

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
        let configuration = configuration.withLock { $0 }
        if let path = configuration.path, request.path != path {
            let advice = "the callback address of this bot is \(path)"
            throw WebhookFailure(.notFound, "the path is not the callback's", advice: advice)
        }
        switch request.method {
        case "GET": return try verify(request, configuration.cipher)
        case "POST": return try receive(request, configuration.cipher)
        default: throw WebhookFailure(.methodNotAllowed, "the method is neither GET nor POST")
        }
    }

    /// The first, the second, the fourth, the eighth … of a kind: the address is open to everybody.
    private func report(_ failure: WebhookFailure) {
        let count = answers.refused(failure.status.rawValue)
        log(
            count & (count - 1) == 0 ? .warning : .debug,
            "a request to the callback address was turned away with \(failure.status.rawValue)",
            [.reason: failure.message, .count: "\(count)"]
        )
    }
}

// MARK: Life

extension WebhookEndpoint {
    /// Takes another token, key, first text and window, for what comes from now on.
    package func reload(_ new: WebhookConfiguration) {
        configuration.withLock { $0 = new }
        answers.withStreams { streams, _ in streams.configuration = new.stream }
    }

    /// Takes no new messages from now on: they are answered with 503, so that the platform delivers them again. What the platform
    /// asks for is still answered.
    package func beginEnding() {
        answers.withStreams { streams, _ in streams.beginEnding() }
    }

    /// Nobody will ask any more: what waits to be fetched goes another way. Returns when everything has its verdict, at the latest
    /// after `patience`.
    package func end(patience: Duration) async {
        await answers.end(patience: patience)
    }

    /// The way to go on with an answer that another process has begun; `nil` if the turn's route makes no sense.
    package func channel(resuming turn: SavedTurn) -> (any ReplyChannel)? {
        guard let text = turn.route else { return nil }
        let route: WebhookReplyChannel.Route
        do {
            route = try JSONDecoder().decode(WebhookReplyChannel.Route.self, from: Data(text.utf8))
        } catch {
            return nil
        }
        guard !route.streamID.isEmpty else { return nil }
        let age = Duration.milliseconds(max(0, min(unixTime() - turn.receivedAt, 365 * 86_400_000)))
        let fetched = Promise<Void>()
        return answers.withStreams { streams, now -> WebhookReplyChannel? in
            let received = now - age
            guard
                streams.reopen(turn.message.id, as: route.streamID, waiter: fetched, received: received, now: now)
            else { return nil }
            return WebhookReplyChannel(
                route.streamID,
                responseURL: route.responseURL.map { Secret($0) },
                of: self.answers,
                fetched: fetched,
                received: received,
                closing: streams.closing(received: received),
                repeatedBubble: turn.answer.flatMap { $0.handed == nil ? nil : $0.bubble }
            )
        }
    }
}

// MARK: Requests

extension WebhookEndpoint {
    /// The administrator saves the address: it proves that it knows the key.
    private func verify(_ request: WebhookRequest, _ cipher: CallbackCipher) throws(WebhookFailure) -> WebhookResponse {
        let parameters = try WebhookParameters(query: request.query)
        guard let echo = parameters.echo else { throw WebhookFailure.parameters("the parameter echostr is missing") }
        let response = WebhookResponse(status: 200, body: try cipher.opened(echo, parameters))
        log(.info, "the callback address was verified")
        return response
    }

    private func receive(_ request: WebhookRequest, _ cipher: CallbackCipher) throws(WebhookFailure) -> WebhookResponse
    {
        guard request.body.count <= Self.maximumBodyBytes else {
            throw WebhookFailure(.contentTooLarge, "a body of \(request.body.count) bytes")
        }
        let parameters = try WebhookParameters(query: request.query)
        // Signed by the platform as it is written; our answer repeats it as a number.
        guard let timestamp = Int(parameters.timestamp) else {
            throw WebhookFailure.parameters("the parameter timestamp is not a number")
        }
        guard let callback = try callback(in: request.body, parameters, cipher) else { return .empty }
        switch callback {
        case .event:
            answers.count { $0.unhandledCallbacks += 1 }
            log(.debug, "an event without a handler")
            return .empty
        case .message(let message):
            return try seal(take(message), cipher, timestamp: timestamp, nonce: parameters.nonce)
        case .refresh(let id):
            let frame = answers.withStreams { streams, now in streams.refresh(id, now: now) }
            let response = try seal(frame, cipher, timestamp: timestamp, nonce: parameters.nonce)
            answers.withStreams { streams, _ in streams.fetched(frame) }?.fulfill(())
            return response
        }
    }

    /// The callback in a body; `nil` if it is the platform's and makes no sense, for it would be the same if it came again.
    private func callback(
        in body: [UInt8],
        _ parameters: WebhookParameters,
        _ cipher: CallbackCipher
    ) throws(WebhookFailure) -> WebhookCallback? {
        let encrypted: String
        do throws(WireError) {
            encrypted = try codec.encrypted(in: body)
        } catch {
            throw WebhookFailure(error)
        }
        let plain = try cipher.opened(encrypted, parameters)
        answers.sawCallback()
        do throws(WireError) {
            return try codec.callback(plain)
        } catch {
            answers.count { $0.malformedFrames += 1 }
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
        let (opening, received, closing) = answers.withStreams { streams, now in
            (streams.open(inbound.id, as: id, waiter: fetched, now: now), now, streams.closing(received: now))
        }
        switch opening {
        case .full: throw WebhookFailure(.unavailable, "too many answers are under way")
        case .ending: throw WebhookFailure(.unavailable, "the bot is ending")
        case .again(let frame):
            log(.debug, "a message was delivered again", [.messageID: inbound.id])
            return frame
        case .opened(let frame):
            answers.count { $0.messages += 1 }
            log(.debug, "message received", [.messageID: inbound.id, .conversation: inbound.conversation.id])
            let channel = WebhookReplyChannel(
                id,
                responseURL: message.fields.responseURL,
                of: answers,
                fetched: fetched,
                received: received,
                closing: closing
            )
            receiver(inbound, channel)
            return frame
        }
    }

    private func seal(
        _ frame: StreamFrame,
        _ cipher: CallbackCipher,
        timestamp: Int,
        nonce: String
    ) throws(WebhookFailure) -> WebhookResponse {
        do {
            let encrypted = try cipher.seal(codec.encode(frame))
            let envelope = try WebhookEnvelope(encrypted, timestamp: timestamp, nonce: nonce, cipher: cipher)
            return WebhookResponse(status: 200, body: try codec.encode(envelope))
        } catch {
            throw WebhookFailure(.internalError, "an answer could not be made: \(error)")
        }
    }
}

extension CallbackCipher {
    fileprivate func opened(
        _ encrypted: String,
        _ parameters: WebhookParameters
    ) throws(WebhookFailure) -> [UInt8] {
        do throws(CryptoError) {
            return try open(
                encrypted,
                signature: parameters.signature,
                timestamp: parameters.timestamp,
                nonce: parameters.nonce
            )
        } catch {
            throw WebhookFailure(error)
        }
    }
}
