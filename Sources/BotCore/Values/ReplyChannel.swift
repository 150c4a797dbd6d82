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

    /// Sends a final update the same way, and says when it may have left: what can have been seen must not be said another way
    /// after a restart. A channel that nothing is known to wait in need not implement it.
    ///
    /// - Parameter departs: To be called before the update can leave, with the ``route`` as it is then; it returns when that is
    ///   written down. Called again when the update goes another way; not at all if it cannot leave.
    func send(_ update: BubbleUpdate, departs: @escaping @Sendable (_ route: String?) async -> Void) async -> Delivery

    /// Sends a message of its own and returns when its fate is known. Refused, unless the channel says otherwise.
    func send(_ message: OutboundMessage) async -> Delivery

    /// Gives the platform a file, to be sent by its id. Refused, unless the channel says otherwise.
    ///
    /// - Throws: ``UploadError``.
    func upload(
        _ source: UploadSource,
        as kind: UploadedMedia.Kind,
        name: String,
        progress: (@Sendable (UploadProgress) -> Void)?
    ) async throws(UploadError) -> UploadedMedia

    /// No turn will answer the message: something that the channel has shown already ends now, with `text` if there is one. Without one,
    /// the message was answered before. Nothing, unless the channel says otherwise.
    func dropped(saying text: String?)

    /// Takes an image for the end of the answer. Refused, unless the channel says otherwise. It must not wait.
    ///
    /// - Throws: ``UploadError``.
    func attach(_ image: AttachedImage) throws(UploadError)

    /// Called once, when an answer with images has ended and its text, if it has any, has its verdict: sends what did not go with the
    /// text, and returns when the fate of all of them is known. No image is taken any more; `nil` if there is none.
    func sendImages() async -> Delivery?

    /// How much more may be sent to the conversation now; nil if the channel has no rate limit, which is the default.
    func remainingSends() async -> SendBudget?
}

extension ReplyChannel {
    /// May leave at once.
    public func send(
        _ update: BubbleUpdate,
        departs: @escaping @Sendable (_ route: String?) async -> Void
    ) async -> Delivery {
        await departs(route)
        return await send(update)
    }
}

extension ReplyChannel {
    /// Refused.
    public func send(_ message: OutboundMessage) async -> Delivery {
        .refused(.init("this channel sends no message of kind \(message.kind.rawValue)"))
    }
}

extension ReplyChannel {
    /// Nothing.
    public func dropped(saying text: String?) {}
}

extension ReplyChannel {
    /// No rate limit.
    public func remainingSends() async -> SendBudget? { nil }
}

extension ReplyChannel {
    /// Not possible.
    public var route: String? { nil }
}
