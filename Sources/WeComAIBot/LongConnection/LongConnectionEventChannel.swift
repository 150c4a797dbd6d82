internal import BotCore
internal import BotFoundation

/// What can be said about one event of the long connection.
struct LongConnectionEventChannel: EventChannel {
    private let connection: LongConnection
    private let requestID: RequestID?
    private let event: Event
    private let validUntil: ContinuousClock.Instant
    /// An event is answered once.
    private let isAnswered = Locked(false)

    init(connection: LongConnection, requestID: RequestID?, event: Event, validUntil: ContinuousClock.Instant) {
        self.connection = connection
        self.requestID = requestID
        self.event = event
        self.validUntil = validUntil
    }

    func answer(_ message: OutboundMessage) async -> Delivery {
        guard let command = event.kind.command(with: message.kind) else {
            return .refused(event.kind.refusal(of: message.kind))
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

extension Event.Kind {
    /// Whether the platform takes an answer to an event of this kind.
    var isAnswerable: Bool { self == .enterChat || self == .cardAction }

    /// The command that answers an event of this kind with a message of that one; `nil` if none does (official doc 101031).
    func command(with message: OutboundMessage.Kind) -> Command? {
        switch (self, message) {
        case (.enterChat, .text), (.enterChat, .templateCard): .respondWelcome
        case (.cardAction, .cardUpdate): .respondUpdate
        default: nil
        }
    }

    /// Why it is not answered so.
    func refusal(of message: OutboundMessage.Kind) -> Delivery.Reason {
        Delivery.Reason("an event of kind \(rawValue) cannot be answered with \(message.rawValue)")
    }
}
