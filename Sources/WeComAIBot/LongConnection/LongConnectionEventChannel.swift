internal import BotCore
internal import BotFoundation

/// What can be said about one event of the long connection.
struct LongConnectionEventChannel: EventChannel {
    private let connection: LongConnection
    private let requestID: RequestID?
    private let event: Event
    /// The official documents give an event 5 s from its callback (official doc 101463).
    private let validUntil: ContinuousClock.Instant
    /// An event is answered once.
    private let isAnswered = Locked(false)

    init(connection: LongConnection, requestID: RequestID?, event: Event, receivedAt: ContinuousClock.Instant) {
        self.connection = connection
        self.requestID = requestID
        self.event = event
        validUntil = receivedAt + EventReply.window
    }

    func answer(_ message: OutboundMessage) async -> Delivery {
        let command: Command
        switch (event.kind, message.kind) {
        case (.enterChat, .text), (.enterChat, .templateCard): command = .respondWelcome
        case (.cardAction, .cardUpdate): command = .respondUpdate
        default:
            let reason = "an event of kind \(event.kind.rawValue) cannot be answered with \(message.kind.rawValue)"
            return .refused(.init(reason))
        }
        guard let requestID else { return .refused(.init("the event came without a req_id to answer it by")) }
        let isFirst = isAnswered.withLock { isAnswered in
            defer { isAnswered = true }
            return !isAnswered
        }
        guard isFirst else { return .refused(.init("the event has been answered already")) }
        let delivery = await connection.answer(requestID, by: command, with: message, validUntil: validUntil)
        // What was refused has had no effect.
        if case .refused = delivery { isAnswered.withLock { $0 = false } }
        return delivery
    }

    func send(_ message: OutboundMessage) async -> Delivery {
        guard let conversation = event.conversation else {
            return .refused(.init("the event does not say where it happened"))
        }
        return await connection.push(message, to: conversation)
    }
}
