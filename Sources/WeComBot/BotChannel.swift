internal import BotCore
internal import BotFoundation
internal import LWSTransport
internal import WeComAIBot

/// One of the ways in which messages arrive and answers leave.
protocol BotChannel: Sendable {
    /// Takes what it cannot do without, such as a port. Before ``run()``.
    func prepare() async throws(BotError)
    /// Works until ``stop(within:)``, or until its task is cancelled. Once.
    func run() async
    /// Takes no new messages from now on, as far as that can be said to the platform.
    func beginEnding() async
    /// Ends it, within about so long; its last state follows.
    func stop(within limit: Duration) async
    /// Takes another configuration of the same mode, at once.
    ///
    /// - Parameter latest: gives the configuration when it is this call's turn, so that of many calls at once the last one counts.
    /// - Returns: Whether it begins anew.
    func reload(_ latest: @Sendable () -> ChannelConfiguration) async throws -> Bool
    /// The present state, and from then on every change; it ends after `stopped`.
    func states() async -> AsyncStream<ConnectionState>
    /// All that is to be seen of it.
    func snapshot() async -> ConnectionSnapshot
    /// What makes messages for handlers of what was saved.
    var reader: InboundReader { get async }
    /// The way to go on with an answer that another process has begun, if there is one.
    func channel(resuming turn: SavedTurn) async -> (any ReplyChannel)?
    /// Takes the messages that another process left and that are no answers.
    func resend(_ pushes: [SavedPush])
    /// Sends a message that answers nothing, and waits for the verdict.
    func push(_ message: OutboundMessage, to conversation: Conversation) async -> Delivery
    /// The group webhook; it may be one that is configured nowhere.
    var groupWebhook: GroupWebhook { get }
    /// Gives the platform a file.
    func upload(
        _ source: UploadSource,
        as kind: UploadedMedia.Kind,
        name: String,
        progress: (@Sendable (UploadProgress) -> Void)?
    ) async throws(UploadError) -> UploadedMedia
    /// Answers a request to the callback address.
    func respond(to request: WebhookRequest) async -> WebhookResponse
    /// Whether it has ended because another connection took the place and the policy is ``DisplacementPolicy/stop``.
    var endedDisplaced: Bool { get async }
}

/// What a channel has to know.
enum ChannelConfiguration: Sendable {
    case longConnection(LongConnectionConfiguration, callback: HTTPServerConfiguration?)
    case webhook(WebhookServerConfiguration)

    /// Makes the channel, which tells the dispatchers of what arrives, and the one of messages of its end before it tells anybody
    /// who waits for a verdict.
    func channel(
        on loop: EventLoop,
        log: Log,
        dispatcher: Dispatcher,
        events: EventDispatcher
    ) throws -> any BotChannel {
        let ending: @Sendable () -> Void = { dispatcher.stopIntake() }
        let onEvent: @Sendable (Event, any EventChannel) -> Void = { events.receive($0, through: $1) }
        let receiver: @Sendable (Inbound, any ReplyChannel) -> Void = { dispatcher.receive($0, through: $1) }
        switch self {
        case .longConnection(let configuration, let callback):
            let connection = try LongConnection(
                configuration,
                on: loop,
                ledger: dispatcher.ledger,
                log: log,
                ending: ending,
                onEvent: onEvent,
                receiver: receiver
            )
            return LongConnectionChannel(connection, configuration, callback: callback, on: loop, log: log)
        case .webhook(let configuration):
            return WebhookServer(
                configuration,
                on: loop,
                log: log,
                ending: ending,
                onEvent: onEvent,
                receiver: receiver
            )
        }
    }

    /// Whether a running bot can go over from one to the other.
    func isSameMode(as other: ChannelConfiguration) -> Bool {
        switch (self, other) {
        case (.longConnection, .longConnection), (.webhook, .webhook): true
        default: false
        }
    }
}

extension WebhookServer: BotChannel {
    func prepare() async throws(BotError) {
        do throws(TransportError) {
            try await listen()
        } catch {
            let (keys, variables) =
                isSecure
                ? (", wecomaibot_callback_certificate_file, wecomaibot_callback_key_file", ", WECOM_CALLBACK_*_FILE")
                : ("", "")
            throw BotError(
                .callbackPortUnavailable,
                "port, callback_server_host\(keys) (WECOM_CALLBACK_PORT, WECOM_CALLBACK_HOST\(variables)): \(error.message)"
            )
        }
    }

    func reload(_ latest: @Sendable () -> ChannelConfiguration) -> Bool {
        if case .webhook(let configuration) = latest() { reload(configuration) }
        return false
    }

    nonisolated func channel(resuming turn: SavedTurn) -> (any ReplyChannel)? { endpoint.channel(resuming: turn) }

    nonisolated var reader: InboundReader { endpoint.reader }

    nonisolated func resend(_ pushes: [SavedPush]) { keepForLongConnection(pushes) }

    nonisolated func push(_ message: OutboundMessage, to conversation: Conversation) -> Delivery {
        .refused(
            .init(
                "a callback address has no command for a message that answers nothing: pushes need the long connection "
                    + "(WECOM_CONNECTION_MODE)"
            )
        )
    }

    nonisolated func upload(
        _ source: UploadSource,
        as kind: UploadedMedia.Kind,
        name: String,
        progress: (@Sendable (UploadProgress) -> Void)?
    ) throws(UploadError) -> UploadedMedia { throw .notInWebhookMode }

    func respond(to request: WebhookRequest) async -> WebhookResponse {
        // What was saved comes before what arrives.
        hasBegun ? await endpoint.respond(to: request) : .notRunning
    }

    nonisolated var endedDisplaced: Bool { false }
}
