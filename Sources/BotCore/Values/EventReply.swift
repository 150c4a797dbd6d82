internal import BotFoundation

/// What a handler says about an event. Safe to use from any task.
///
/// Nobody has to say anything. The platform gives seconds for the answer to an event, and nothing longer than that waits for it;
/// the channel's module has the answers there are.
public struct EventReply: Sendable {
    /// What is being answered.
    public let event: Event
    private let channel: any EventChannel
    private let log: Log

    /// The handler's end of a way back, for tests of a handler.
    public init(_ event: Event, through channel: any EventChannel) {
        self.init(event, through: channel, log: .disabled)
    }

    init(_ event: Event, through channel: any EventChannel, log: Log) {
        self.event = event
        self.channel = channel
        self.log = log
    }

    /// Answers the event itself, once and in time, and waits for the verdict. What is too late or cannot be is refused, and not sent.
    @discardableResult
    public func answer(_ message: OutboundMessage) async -> Delivery {
        await checked(message, "the answer to an event") { await $0.answer(message) }
    }

    /// Sends a message of its own to the conversation of the event, and waits for the verdict. For this there is no hurry.
    @discardableResult
    public func send(_ message: OutboundMessage) async -> Delivery {
        await checked(message, "a message about an event") { await $0.send(message) }
    }

    private func checked(
        _ message: OutboundMessage,
        _ what: String,
        _ send: (any EventChannel) async -> Delivery
    ) async -> Delivery {
        let delivery =
            if let problem = message.problem { Delivery.refused(.init(problem)) } else { await send(channel) }
        if !delivery.isDelivered, let reason = delivery.reason {
            log(.notice, "\(what) was not delivered, or may not have been: \(reason)", [.messageID: event.id])
        }
        return delivery
    }
}
