/// What a handler says about an event. Safe to use from any task.
///
/// Nobody has to say anything. The platform gives seconds for the answer to an event, and nothing longer than that waits for it;
/// the channel's module has the answers there are.
public struct EventReply: Sendable {
    /// What is being answered.
    public let event: Event
    private let channel: any EventChannel

    /// The handler's end of a way back; a bot makes it, and so does a test of a handler.
    public init(_ event: Event, through channel: any EventChannel) {
        self.event = event
        self.channel = channel
    }

    /// Answers the event itself, once and in time, and waits for the verdict. What is too late or cannot be is refused, and not sent.
    @discardableResult
    public func answer(_ message: OutboundMessage) async -> Delivery {
        if let problem = message.problem { return .refused(.init(problem)) }
        return await channel.answer(message)
    }

    /// Sends a message of its own to the conversation of the event, and waits for the verdict. For this there is no hurry.
    @discardableResult
    public func send(_ message: OutboundMessage) async -> Delivery {
        if let problem = message.problem { return .refused(.init(problem)) }
        return await channel.send(message)
    }
}
