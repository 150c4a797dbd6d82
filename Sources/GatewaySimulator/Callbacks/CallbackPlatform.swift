import BotCrypto
import BotFoundation
import FoundationEssentials

/// The platform as a callback address knows it: it delivers what users say, again if nobody answers; asks what a stream shows until
/// that has ended or its time is over; and takes one message at each `response_url`.
///
/// How a request gets to the address is not its business: a test calls the address, or goes through a socket.
package final class CallbackPlatform: Sendable {
    /// Brings a request to the address.
    package typealias Carrier = @Sendable (CallbackDelivery) async throws -> CallbackReply

    private struct Message {
        let pushed: PushedMessage
        let document: JSONValue
        let startedAt: Duration
        var bubble: Bubble?
        /// What the bot has answered to it, if it is an event.
        var eventAnswer: JSONValue?
        var hasUsedResponseURL = false
        /// What came through its `response_url`.
        var late: [String] = []
    }

    private struct Answer {
        /// Nothing, if the answer was empty.
        let shown: CallbackCodec.Shown?
    }

    private struct State {
        var messages: [String: Message] = [:]
        var nextNumber = 1
        var isSilent = false
        var underWay = 0
    }

    private let configuration: CallbackPlatformConfiguration
    private let codec: CallbackCodec
    private let carrier: Carrier
    private let observer: @Sendable (Observation.Event) -> Void
    private let time: @Sendable () -> Duration
    private let pause: @Sendable (Duration) async throws -> Void
    private let state = Locked(State())
    private let deliveries: AsyncStream<(id: String, isFirst: Bool)>
    private let starter: AsyncStream<(id: String, isFirst: Bool)>.Continuation

    /// A platform that begins when it is ``run()``.
    ///
    /// - Parameter observer: Gets everything that happens; violations with the connection `#0`. It must not wait.
    package init(
        _ configuration: CallbackPlatformConfiguration,
        clock: some Clock<Duration> = ContinuousClock(),
        observer: @escaping @Sendable (Observation.Event) -> Void,
        carrier: @escaping Carrier
    ) throws {
        self.configuration = configuration
        self.observer = observer
        self.carrier = carrier
        codec = try CallbackCodec(configuration)
        let origin = clock.now
        time = { origin.duration(to: clock.now) }
        pause = { try await clock.sleep(for: $0) }
        (deliveries, starter) = AsyncStream.makeStream()
    }

    /// Delivers and asks, until its task is cancelled.
    package func run() async {
        await withDiscardingTaskGroup { group in
            for await delivery in deliveries {
                group.addTask { await self.converse(delivery.id, asks: delivery.isFirst) }
            }
            group.cancelAll()
        }
    }

    // MARK: What people do

    /// An administrator saves the address.
    ///
    /// - Returns: The status, and whether the address proved that it knows the key.
    package func verify(echo: String = "1616140317555161061") async throws -> (status: Int, isProven: Bool) {
        let delivery = try codec.verification(
            of: configuration.path,
            echo: echo,
            nonce: Self.nonce(),
            unixTime: Self.unixTime
        )
        let reply = try await carrier(delivery)
        return (reply.status, reply.body == Array(echo.utf8))
    }

    /// A user says something.
    ///
    /// - Parameter chat: The group; `nil` for the single chat with the bot.
    @discardableResult
    package func pushText(from user: String, in chat: String? = nil, _ text: String) -> PushedMessage {
        push(from: user, in: chat, type: "text", ["text": ["content": .string(text)]])
    }

    /// A user sends a message of any type; `content` is merged into it.
    @discardableResult
    package func push(
        from user: String,
        in chat: String? = nil,
        type: String,
        _ content: [String: JSONValue]
    ) -> PushedMessage {
        let number = state.withLock { state in
            defer { state.nextNumber += 1 }
            return state.nextNumber
        }
        let id = "\(configuration.idPrefix)-msg-\(number)"
        var document: [String: JSONValue] = [
            "msgid": .string(id), "aibotid": .string(configuration.botID), "chattype": chat == nil ? "single" : "group",
            "from": ["userid": .string(user)], "create_time": .integer(Self.unixTime), "msgtype": .string(type),
        ]
        if type != "event" || content["event"]?["template_card_event"] != nil {
            document["response_url"] = .string(configuration.responseURL + id)
        }
        if let chat { document["chatid"] = .string(chat) }
        document.merge(content) { _, new in new }
        let pushed = PushedMessage(messageID: id, requestID: "", chat: chat ?? user)
        let message = Message(pushed: pushed, document: .object(document), startedAt: time())
        state.withLock { $0.messages[id] = message }
        starter.yield((id, true))
        return pushed
    }

    /// Something happens that is no message.
    ///
    /// What is pressed comes with a `response_url` (seen in the field).
    @discardableResult
    package func push(_ event: SimulatedEvent, from user: String) -> PushedMessage {
        push(from: user, type: "event", ["event": event.body])
    }

    /// A user sends something of any kind.
    @discardableResult
    package func push(_ content: SimulatedContent, from user: String, in chat: String? = nil) -> PushedMessage {
        push(from: user, in: chat, type: content.type, content.body)
    }

    /// A message is delivered again, as if its answer had been lost on the way.
    package func redeliver(_ message: PushedMessage) { starter.yield((message.messageID, false)) }

    /// From now on nothing is asked, or asked again.
    package func setSilent(_ isSilent: Bool) { state.withLock { $0.isSilent = isSilent } }

    /// How many requests have no answer yet, or one that is not seen yet.
    package var requestsUnderWay: Int { state.withLock { $0.underWay } }

    // MARK: What people see

    /// Everything that a user sees of an answer, in order.
    package func answer(to message: PushedMessage) -> [String] {
        state.withLock { state in
            guard let message = state.messages[message.messageID] else { return [] }
            return [message.bubble?.text].compactMap(\.self) + message.late
        }
    }

    /// What the bot has answered to an event.
    package func answer(toEvent message: PushedMessage) -> JSONValue? {
        state.withLock { $0.messages[message.messageID]?.eventAnswer }
    }

    /// The bubble of an answer.
    package func bubble(of message: PushedMessage) -> Bubble? {
        state.withLock { $0.messages[message.messageID]?.bubble }
    }

    // MARK: The bot's side

    /// Takes a message at a `response_url`: the answer's status and body.
    ///
    /// - Parameter url: The whole URL, or what is behind the host.
    package func receive(_ body: [UInt8], at url: String) -> CallbackReply {
        let id = url.split(separator: "=").last.map(String.init) ?? ""
        let now = time()
        let message: (type: String, text: String)
        do {
            message = try CallbackCodec.message(body)
        } catch {
            violation(error.description)
            return verdict(40_058, "invalid request")
        }
        guard ["markdown", "template_card"].contains(message.type) else {
            violation("a \(message.type) at a response_url")
            return verdict(40_008, "invalid message type")
        }
        guard message.text.utf8.count <= configuration.maximumContentBytes else { return verdict(40_058, "too long") }
        enum Outcome { case shown(String), unseen, unknown }
        let outcome = state.withLock { state -> Outcome in
            guard var known = state.messages[id], now < known.startedAt + configuration.responseURLLifetime else {
                return .unknown
            }
            guard !known.hasUsedResponseURL else { return .unseen }
            known.hasUsedResponseURL = true
            known.late.append(message.text)
            state.messages[id] = known
            return .shown(known.pushed.chat)
        }
        switch outcome {
        case .shown(let chat): observer(.sent(chat: chat, messageType: message.type, text: message.text))
        case .unseen: violation("a second message at a response_url is not shown")
        case .unknown: return verdict(40_096, "invalid response code")
        }
        return verdict(0, "ok")
    }

    private func verdict(_ code: Int, _ message: String) -> CallbackReply {
        CallbackReply(status: 200, body: Array(#"{"errcode":\#(code),"errmsg":"\#(message)"}"#.utf8))
    }

    // MARK: Conversations

    private func converse(_ id: String, asks: Bool) async {
        guard let message = state.withLock({ $0.messages[id] }) else { return }
        var shown: CallbackCodec.Shown?
        for attempt in 0...configuration.retries {
            let began = time()
            if let answer = await ask(message.document, about: asks ? id : nil) {
                shown = answer.shown
                break
            }
            guard !Task.isCancelled, attempt < configuration.retries else { return observer(.lost(message.pushed)) }
            await pass(configuration.answerDeadline - (time() - began))
        }
        guard let shown, asks, !shown.isFinal else { return }
        while time() < message.startedAt + configuration.refreshWindow, !Task.isCancelled {
            await pass(configuration.refreshInterval)
            guard !state.withLock({ $0.isSilent }), !Task.isCancelled else { return }
            let question: JSONValue = [
                "msgid": .string("\(id)-refresh"), "aibotid": .string(configuration.botID), "msgtype": "stream",
                "stream": ["id": .string(shown.streamID)],
            ]
            guard let answer = await ask(question, about: id) else { continue }
            guard let current = answer.shown else {
                violation("a question what a stream shows was not answered with one")
                continue
            }
            if current.streamID != shown.streamID { violation("another stream than was asked for") }
            if current.isFinal { return }
        }
    }

    /// - Parameter id: Whose answer the user sees then; `nil` for nobody's.
    /// - Returns: What was answered; `nil` if nothing came in time, or nothing that counts.
    private func ask(_ document: JSONValue, about id: String?) async -> Answer? {
        state.withLock { $0.underWay += 1 }
        defer { state.withLock { $0.underWay -= 1 } }
        do {
            let nonce = Self.nonce()
            let delivery = try codec.delivery(
                of: document,
                to: configuration.path,
                nonce: nonce,
                unixTime: Self.unixTime
            )
            guard let reply = try await reply(to: delivery), reply.status == 200 else { return nil }
            guard let answer = try codec.answer(reply.body, nonce: nonce) else { return Answer(shown: nil) }
            guard document["msgtype"]?.string != "event" else {
                let command = try CallbackCodec.command(of: answer, to: document["event"])
                if let id { answered(id, answer, command) }
                return Answer(shown: nil)
            }
            let shown = try CallbackCodec.shown(answer)
            if let id { update(id, shown) }
            return Answer(shown: shown)
        } catch let error as CallbackCodec.Malformed {
            violation(error.description)
            return nil
        } catch {
            return nil  // nobody is there
        }
    }

    private func reply(to delivery: CallbackDelivery) async throws -> CallbackReply? {
        try await withThrowingTaskGroup(of: CallbackReply?.self) { group in
            group.addTask { try await self.carrier(delivery) }
            group.addTask {
                try await self.pause(self.configuration.answerDeadline)
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }

    private func answered(_ id: String, _ answer: JSONValue, _ command: ClientCommand) {
        state.withLock { state -> Void in state.messages[id]?.eventAnswer = answer }
        observer(.eventAnswered(requestID: id, command: command))
    }

    private func update(_ id: String, _ shown: CallbackCodec.Shown) {
        if shown.text.utf8.count > configuration.maximumContentBytes {
            violation("content of \(shown.text.utf8.count) bytes")
        }
        if shown.text.allSatisfy(\.isWhitespace) { violation("a blank text does not close a bubble, or clears it") }
        if let problem = shown.imageProblem { violation(problem) }
        let change = state.withLock { state -> (chat: String, bubble: Bubble)? in
            guard var message = state.messages[id] else { return nil }
            let old = message.bubble
            guard old?.text != shown.text || old?.isFinished != shown.isFinal || old?.images != shown.images else {
                return nil
            }
            var bubble = Bubble(
                streamID: shown.streamID,
                messageType: "stream",
                text: shown.text,
                isFinished: shown.isFinal,
                frames: (old?.frames ?? 0) + 1,
                startedAt: old?.startedAt ?? .now
            )
            bubble.images = shown.images
            message.bubble = bubble
            state.messages[id] = message
            return (message.pushed.chat, bubble)
        }
        if let change { observer(.updated(messageID: id, chat: change.chat, bubble: change.bubble)) }
    }

    private func violation(_ text: String) { observer(.violation(ConnectionID(rawValue: 0), text)) }

    private func pass(_ duration: Duration) async {
        guard duration > .zero else { return }
        do { try await pause(duration) } catch { return }  // cancelled: who called looks
    }

    private static func nonce() -> String { String(UInt32.random(in: .min ... .max)) }
    private static var unixTime: Int { Int(Date.now.timeIntervalSince1970) }
}
