/// What a bot does with a message.
///
/// Each message is one turn. Turns of one conversation run one after another in the order in which the messages arrived;
/// turns of different conversations run at the same time. A handler may block its thread: it runs on a pool of its own.
public protocol BotHandler: Sendable {
    /// Answers one message.
    ///
    /// Returning finishes the answer. Throwing ends it with an apology. The task is cancelled when the bot shuts down and the
    /// time for it is over; what has been written until then is sent.
    func handle(_ message: Inbound, reply: Reply) async throws
}

/// A handler made of a closure.
public struct ClosureHandler: BotHandler {
    private let body: @Sendable (Inbound, Reply) async throws -> Void

    /// A handler that runs `body` for each message.
    public init(_ body: @escaping @Sendable (Inbound, Reply) async throws -> Void) {
        self.body = body
    }

    /// Runs the closure.
    public func handle(_ message: Inbound, reply: Reply) async throws {
        try await body(message, reply)
    }
}
