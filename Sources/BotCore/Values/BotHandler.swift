/// What a bot does with a message, and with what else happens to it.
///
/// Each message is one turn. Turns of one conversation run one after another in the order in which the messages arrived;
/// turns of different conversations run at the same time. A handler may block its thread: it runs on a pool of its own.
public protocol BotHandler: Sendable {
    /// Answers one message.
    ///
    /// Returning finishes the answer. Throwing ends it with an apology. The task is cancelled when the bot shuts down and the
    /// time for it is over; what has been written until then is sent.
    func handle(_ message: Inbound, reply: Reply) async throws

    /// Is told of one event. Does nothing unless the handler says otherwise.
    ///
    /// Events do not wait for messages: one may come while a message of its conversation is being answered, on threads that
    /// messages do not use. Those of one conversation come one after another, but none waits longer than 2 s for
    /// the one before, which then goes on beside it. Throwing is logged and has no other effect.
    func handle(_ event: Event, reply: EventReply) async throws
}

extension BotHandler {
    /// Nothing.
    public func handle(_ event: Event, reply: EventReply) async throws {}
}

/// A handler made of closures.
public struct ClosureHandler: BotHandler {
    /// Is told of one event.
    public typealias EventBody = @Sendable (_ event: Event, _ reply: EventReply) async throws -> Void

    private let body: @Sendable (Inbound, Reply) async throws -> Void
    private let eventBody: EventBody

    /// A handler that runs `body` for each message, and `onEvent` for each event.
    public init(
        onEvent: @escaping EventBody = { _, _ in },
        _ body: @escaping @Sendable (Inbound, Reply) async throws -> Void
    ) {
        self.body = body
        eventBody = onEvent
    }

    /// Runs the closure for messages.
    public func handle(_ message: Inbound, reply: Reply) async throws {
        try await body(message, reply)
    }

    /// Runs the closure for events.
    public func handle(_ event: Event, reply: EventReply) async throws {
        try await eventBody(event, reply)
    }
}
