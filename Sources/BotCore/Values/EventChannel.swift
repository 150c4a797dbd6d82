/// What can be said about an event, which a channel supplies with it.
public protocol EventChannel: Sendable {
    /// Answers the event itself, and returns when the fate of the answer is known. Refused where, or when, the platform takes none.
    func answer(_ message: OutboundMessage) async -> Delivery

    /// Sends a message of its own to the conversation of the event, and returns when its fate is known.
    func send(_ message: OutboundMessage) async -> Delivery
}
