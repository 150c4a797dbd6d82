/// The way back to the user, which a channel supplies with each message.
public protocol ReplyChannel: Sendable {
    /// What can be sent this way.
    var capabilities: ReplyCapabilities { get }

    /// Sends one update and returns when its fate is known.
    ///
    /// The caller has at most one call outstanding, and calls in order: bubbles count up, and after a final update comes the
    /// next bubble. The channel bounds the time it waits for a verdict; after that the outcome is ``Delivery/unknown(_:)``.
    func send(_ update: BubbleUpdate) async -> Delivery
}
