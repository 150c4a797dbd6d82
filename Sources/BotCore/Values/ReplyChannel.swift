/// The way back to the user, which a channel supplies with each message.
public protocol ReplyChannel: Sendable {
    /// What can be sent this way.
    var capabilities: ReplyCapabilities { get }

    /// What another process needs to go on with the same answer: opaque to everyone but the channel. `nil`, unless the channel
    /// says otherwise, if that is not possible.
    var route: String? { get }

    /// Sends one update and returns when its fate is known.
    ///
    /// The caller has at most one call outstanding, and calls in order: bubbles count up, and after a final update comes the
    /// next bubble. The channel bounds the time it waits for a verdict; after that the outcome is ``Delivery/unknown(_:)``.
    func send(_ update: BubbleUpdate) async -> Delivery

    /// How much more may be sent to the conversation now; nil if the channel has no rate limit, which is the default.
    func remainingSends() async -> SendBudget?
}

extension ReplyChannel {
    /// No rate limit.
    public func remainingSends() async -> SendBudget? { nil }
}

extension ReplyChannel {
    /// Not possible.
    public var route: String? { nil }
}
