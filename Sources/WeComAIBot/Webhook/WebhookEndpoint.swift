package import BotCore
internal import BotCrypto
package import BotFoundation
internal import FoundationEssentials

/// The address to which the platform delivers messages (official docs 100719, 101031, 101033).
///
/// It takes a request and gives the response, so that any HTTP server can carry it. Messages are handed over, and what the
/// platform asks for is answered with what there is; only the response to an event waits, for seconds, for what its handler says.
package final class WebhookEndpoint: Sendable {
    /// The most bytes of a body; a longer one is answered with 413. A message has a few KiB.
    package static let maximumBodyBytes = 4 << 20

    /// Gets each message once, and the way to answer it. It must not wait.
    package typealias Receiver = @Sendable (Inbound, any ReplyChannel) -> Void
    /// Gets each event, and the way to answer it. It must not wait.
    package typealias EventReceiver = @Sendable (Event, any EventChannel) -> Void

    private struct Settings {
        var configuration: WebhookConfiguration
        var reader = InboundReader()

        mutating func take(_ new: WebhookConfiguration, _ media: MediaClient?) {
            configuration = new
            reader.botName = new.botName
            reader.media = media
            reader.commonKey = new.encodingAESKey
        }
    }

    private let settings: Locked<Settings>
    let answers: WebhookAnswers
    private let codec = WebhookCodec()
    private let unixTime: @Sendable () -> Int64
    let log: Log
    private let receiver: Receiver
    private let eventReceiver: EventReceiver

    /// An endpoint that is ready for requests.
    ///
    /// - Parameters:
    ///   - media: What fetches attachments; without it, they say that they cannot be fetched.
    ///   - fallback: The ways to the user when the platform does not ask.
    ///   - shared: Where the processes are found that the platform may ask as well; then ``share()`` is to run.
    ///   - clock: What windows and silences are measured by.
    ///   - unixTime: Milliseconds since 1970.
    package init(
        _ configuration: WebhookConfiguration,
        media: MediaClient? = nil,
        fallback: WebhookFallback = .init(),
        shared: (any SharedStreamStore)? = nil,
        clock: any Clock<Duration> = ContinuousClock(),
        unixTime: @escaping @Sendable () -> Int64 = UnixTime.milliseconds,
        log: Log = .disabled,
        onEvent: @escaping EventReceiver = { _, _ in },
        receiver: @escaping Receiver
    ) {
        var settings = Settings(configuration: configuration)
        settings.take(configuration, media)
        self.settings = Locked(settings)
        self.log = log
        self.receiver = receiver
        eventReceiver = onEvent
        self.unixTime = unixTime
        let timeline = Timeline(clock)
        answers = WebhookAnswers(
            configuration.stream,
            timeline: timeline,
            fallback: fallback,
            shared: shared.map { SharedStreams($0, timeline: timeline, log: log) }
        )
    }

    /// Answers one request. Any number of them may be answered at the same time, never on the caller's executor.
    ///
    /// A request that is turned away is answered with 400, or with 403 if its signature is wrong; the log says why.
    ///
    /// What it returns counts as sent: a server that can tell uses ``reply(to:)``.
    @concurrent package func respond(to request: WebhookRequest) async -> WebhookResponse {
        let reply = await reply(to: request)
        reply.sent?()
        return reply.response
    }

    /// The same; what the response carries counts as told only when the server says that it has left.
    @concurrent func reply(to request: WebhookRequest) async -> Reply {
        do throws(WebhookFailure) {
            var answer = try answer(request)
            if case .later(let work) = answer { answer = try await work() }
            switch answer {
            case .ready(let reply): return reply
            case .awaited(let event): return try await reply(to: event)
            case .later: return Reply(response: .empty)  // what came later is not put off again
            }
        } catch {
            report(error)
            return Reply(response: error.response)
        }
    }

    /// A response, and who wants to know that it has left.
    struct Reply: Sendable {
        let response: WebhookResponse
        var sent: (@Sendable () -> Void)?
    }

    /// What a request comes to.
    enum Answer: Sendable {
        case ready(Reply)
        case awaited(AwaitedEvent)
        /// Other processes may know. Never `later` again.
        case later(@Sendable () async throws(WebhookFailure) -> Answer)
    }

    /// The response is up to whoever handles an event.
    struct AwaitedEvent: Sendable {
        let response: WebhookEventResponse
        let deadline: ContinuousClock.Instant
        let seal: WebhookSeal
    }

    func answer(_ request: WebhookRequest) throws(WebhookFailure) -> Answer {
        let configuration = settings.withLock { $0.configuration }
        if let path = configuration.path, request.path != path {
            let advice = "the callback address of this bot is \(path)"
            throw WebhookFailure(.notFound, "the path is not the callback's", advice: advice)
        }
        switch request.method {
        case "GET": return .ready(Reply(response: try verify(request, configuration.cipher)))
        case "POST": return try receive(request, configuration)
        default: throw WebhookFailure(.methodNotAllowed, "the method is neither GET nor POST")
        }
    }

    /// The first, the second, the fourth, the eighth … of a kind: the address is open to everybody.
    private func report(_ failure: WebhookFailure) {
        let count = answers.refused(failure)
        log(
            count & (count - 1) == 0 ? .warning : .debug,
            "a request to the callback address was turned away with \(failure.status.rawValue)",
            [.reason: failure.message, .count: "\(count)"]
        )
    }
}

// MARK: Life

extension WebhookEndpoint {
    /// What makes messages for handlers of what arrives, or was saved.
    package var reader: InboundReader { settings.withLock { $0.reader } }

    /// Takes another token, key, name, first text and window, for what comes from now on.
    ///
    /// - Parameter media: What fetches attachments from now on.
    package func reload(_ new: WebhookConfiguration, media: MediaClient?) {
        settings.withLock { $0.take(new, media) }
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
        if let webhook = onlyWay { return GroupWebhookReplyChannel(resuming: turn, through: webhook) }
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
                in: turn.message.conversation,
                of: self.answers,
                fetched: fetched,
                received: received,
                closing: streams.closing(received: received),
                repeatedBubbles: turn.answer?.repeatedBubbles ?? []
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
        let plain = try cipher.opened(echo, parameters)
        // What was overheard of a message or an answer would be decrypted for whoever asks.
        guard plain.first != UInt8(ascii: "{") else {
            throw WebhookFailure(.forbidden, "the parameter echostr is a message, not what an address is verified with")
        }
        let response = WebhookResponse(status: 200, body: plain)
        log(.info, "the callback address was verified")
        return response
    }

    private func receive(
        _ request: WebhookRequest,
        _ configuration: WebhookConfiguration
    ) throws(WebhookFailure) -> Answer {
        guard request.body.count <= Self.maximumBodyBytes else {
            throw WebhookFailure(.contentTooLarge, "a body of \(request.body.count) bytes")
        }
        let parameters = try WebhookParameters(query: request.query)
        // Signed by the platform as it is written; our answer repeats it as a number.
        guard let timestamp = Int(parameters.timestamp) else {
            throw WebhookFailure.parameters("the parameter timestamp is not a number")
        }
        let seal = WebhookSeal(
            cipher: configuration.cipher,
            timestamp: timestamp,
            nonce: parameters.nonce,
            trace: FrameTrace(secret: configuration.encodingAESKey),
            log: log
        )
        switch try callback(in: request.body, parameters, seal) {
        case nil: return .ready(Reply(response: .empty))
        case .event(let event, let raw): return try take(event, raw: raw, seal)
        case .message(let message):
            if let shared = answers.shared, let later = later(message, shared, seal) { return later }
            guard let frame = try take(message, as: Self.makeStreamID()) else {
                return .ready(Reply(response: .empty))
            }
            return .ready(Reply(response: try seal.response(frame)))
        case .refresh(let id):
            if let shared = answers.shared, let later = later(refresh: id, shared, seal) { return later }
            let frame = answers.withStreams { streams, now in streams.refresh(id, now: now) }
            let answers = answers
            return .ready(
                Reply(response: try seal.response(frame)) {
                    answers.withStreams { streams, _ in streams.fetched(frame) }?.fulfill(())
                }
            )
        }
    }

    /// The callback in a body; `nil` if it is the platform's and makes no sense, for it would be the same if it came again.
    private func callback(
        in body: [UInt8],
        _ parameters: WebhookParameters,
        _ seal: WebhookSeal
    ) throws(WebhookFailure) -> WebhookCallback? {
        let encrypted: String
        do throws(WireError) {
            encrypted = try codec.encrypted(in: body)
        } catch {
            throw WebhookFailure(error)
        }
        let plain = try seal.cipher.opened(encrypted, parameters)
        seal.trace.write("in", plain, to: log)
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
    ///
    /// - Parameter id: What its stream is called.
    /// - Returns: What the stream shows; `nil` if there is none, because the answer goes to the group webhook.
    func take(_ message: MessageCallback, as id: String) throws(WebhookFailure) -> StreamFrame? {
        let messageID = message.fields.messageID ?? ""
        let fetched = Promise<Void>()
        if let webhook = onlyWay {
            try take(message, as: id, answeredBy: webhook)
            return nil
        }
        let (opening, received, closing) = answers.withStreams { streams, now in
            (streams.open(messageID, as: id, waiter: fetched, now: now), now, streams.closing(received: now))
        }
        switch opening {
        case .full: throw WebhookFailure(.unavailable, "too many answers are under way")
        case .ending: throw WebhookFailure(.unavailable, "the bot is ending")
        case .again(let frame):
            log(.debug, "a message was delivered again", [.messageID: messageID])
            return frame
        case .opened(let frame):
            answers.count { $0.messages += 1 }
            log(.debug, "message received", [.messageID: messageID, .conversation: message.conversation.id])
            let channel = WebhookReplyChannel(
                id,
                responseURL: message.fields.responseURL,
                in: message.conversation,
                of: answers,
                fetched: fetched,
                received: received,
                closing: closing
            )
            receiver(reader.inbound(message, at: received), channel)
            return frame
        }
    }

    /// Not to be guessed, and never used before, also not before a restart, nor by another process.
    static func makeStreamID() -> String {
        "stream_\(UInt64.random(in: .min ... .max))_\(UInt64.random(in: .min ... .max))"
    }

    /// The group webhook, if all answers go there.
    var onlyWay: GroupWebhook? { answers.fallback.groupWebhook.flatMap { $0.isOnlyWay ? $0 : nil } }

    /// Hands a message over whose answer goes to the group webhook. One that was delivered before is known to whoever receives it.
    ///
    /// - Parameter id: What its stream is called, should a process go on with the answer that opens one.
    private func take(
        _ message: MessageCallback,
        as id: String,
        answeredBy webhook: GroupWebhook
    ) throws(WebhookFailure) {
        let (isEnding, now) = answers.withStreams { streams, now in (streams.isEnding, now) }
        guard !isEnding else { throw WebhookFailure(.unavailable, "the bot is ending") }
        answers.count { $0.messages += 1 }
        let messageID = message.fields.messageID ?? ""
        log(.debug, "message received", [.messageID: messageID, .conversation: message.conversation.id])
        let route = WebhookReplyChannel.Route(streamID: id, responseURL: message.fields.responseURL?.value).text
        receiver(reader.inbound(message, at: now), GroupWebhookReplyChannel(webhook: webhook, route: route))
    }

    /// Hands an event over. The platform takes one answer to it, in the response to this request (official doc 101031).
    private func take(_ callback: EventCallback, raw: [UInt8], _ seal: WebhookSeal) throws(WebhookFailure) -> Answer {
        let (isEnding, now) = answers.withStreams { streams, now in (streams.isEnding, now) }
        guard !isEnding else { throw WebhookFailure(.unavailable, "the bot is ending") }
        let event = callback.event(raw: raw)
        if let shared = answers.shared, let later = later(event, callback, now: now, shared, seal) { return later }
        return take(event, of: callback, now: now, seal)
    }

    /// Hands an event over, unless that was done before.
    func take(_ event: Event, of callback: EventCallback, now: ContinuousClock.Instant, _ seal: WebhookSeal) -> Answer {
        let (response, isKnown) = answers.response(toEvent: event.id, now: now)
        let awaited = AwaitedEvent(response: response, deadline: now + WebhookEventResponse.patience, seal: seal)
        guard !isKnown else {
            log(.debug, "an event was delivered again", [.messageID: event.id])
            return .awaited(awaited)
        }
        answers.count { $0.events += 1 }
        log(
            .debug,
            "event received",
            [.messageID: event.id, .conversation: event.conversation?.id ?? "", .reason: event.kind.rawValue]
        )
        let late = WebhookLatePost(callback.fields.responseURL, received: now, of: answers)
        eventReceiver(event, WebhookEventChannel(event.kind, response: response, late: late))
        guard event.kind.isAnswerable else {
            response.abandon()
            return .ready(Reply(response: .empty))
        }
        return .awaited(awaited)
    }

    private func reply(to event: AwaitedEvent) async throws(WebhookFailure) -> Reply {
        guard let plain = await event.response.plain(by: event.deadline, on: answers.timeline) else {
            return Reply(response: .empty)
        }
        return Reply(response: try event.seal.response(plain)) { event.response.left() }
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
