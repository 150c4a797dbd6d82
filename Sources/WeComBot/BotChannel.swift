internal import BotCore
internal import BotFoundation
internal import LWSTransport
internal import WeComAIBot

/// One of the ways in which messages arrive and answers leave.
protocol BotChannel: Sendable {
    /// Takes what it cannot do without, such as a port. Before ``run()``.
    func prepare() async throws(BotError)
    /// Works until ``stop()``, or until its task is cancelled. Once.
    func run() async
    /// Takes no new messages from now on, as far as that can be said to the platform.
    func beginEnding() async
    /// Ends it; its last state follows.
    func stop() async
    /// Takes another configuration of the same mode, at once.
    ///
    /// - Parameter latest: gives the configuration when it is this call's turn, so that of many calls at once the last one counts.
    /// - Returns: Whether it begins anew.
    func reload(_ latest: @Sendable () -> ChannelConfiguration) async throws -> Bool
    /// The present state, and from then on every change; it ends after `stopped`.
    func states() async -> AsyncStream<ConnectionState>
    /// All that is to be seen of it.
    func snapshot() async -> ConnectionSnapshot
    /// The way to go on with an answer that another process has begun, if there is one.
    func channel(resuming turn: SavedTurn) async -> (any ReplyChannel)?
    /// Answers a request to the callback address.
    func respond(to request: WebhookRequest) async -> WebhookResponse
    /// Whether it has ended because another connection took the place and the policy is ``DisplacementPolicy/stop``.
    var endedDisplaced: Bool { get async }
}

/// What a channel has to know.
enum ChannelConfiguration: Sendable {
    case longConnection(LongConnectionConfiguration, callback: HTTPServerConfiguration?)
    case webhook(WebhookServerConfiguration)

    /// Makes the channel.
    ///
    /// - Parameter receive: Gets each message, and the way to answer it. It must not wait.
    func channel(
        on loop: EventLoop,
        log: Log,
        receive: @escaping @Sendable (Inbound, any ReplyChannel) -> Void
    ) throws -> any BotChannel {
        switch self {
        case .longConnection(let configuration, let callback):
            return try LongConnectionChannel(configuration, callback: callback, on: loop, log: log, receive: receive)
        case .webhook(let configuration):
            return WebhookServer(configuration, on: loop, log: log, receiver: receive)
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
            throw BotError(
                .callbackPortUnavailable,
                "port, callback_server_host (WECOM_CALLBACK_PORT, WECOM_CALLBACK_HOST): \(error.message)"
            )
        }
    }

    func reload(_ latest: @Sendable () -> ChannelConfiguration) -> Bool {
        if case .webhook(let configuration) = latest() { reload(configuration) }
        return false
    }

    nonisolated func channel(resuming turn: SavedTurn) -> (any ReplyChannel)? { endpoint.channel(resuming: turn) }

    func respond(to request: WebhookRequest) async -> WebhookResponse { await endpoint.respond(to: request) }

    nonisolated var endedDisplaced: Bool { false }
}
