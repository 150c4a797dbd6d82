internal import BotCore
internal import BotFoundation
internal import LWSTransport
internal import WeComAIBot

/// The long connection, and what a callback address that is configured all the same answers.
actor LongConnectionChannel: BotChannel {
    private nonisolated let connection: LongConnection
    private nonisolated let loop: EventLoop
    private nonisolated let configuration: LongConnectionConfiguration
    private let callback: HTTPServerConfiguration?
    private nonisolated let log: Log
    private var server: HTTPServer?

    /// - Parameter callback: Where the callback address would be.
    init(
        _ connection: LongConnection,
        _ configuration: LongConnectionConfiguration,
        callback: HTTPServerConfiguration?,
        on loop: EventLoop,
        log: Log
    ) {
        self.connection = connection
        self.loop = loop
        self.configuration = configuration
        self.callback = callback
        self.log = log
    }

    /// Nothing that it needs is needed so much that the bot could not run without it.
    func prepare() async {
        guard var callback else { return }
        callback.log = log
        do throws(TransportError) {
            server = try await HTTPServer.listen(on: loop, callback) { _ in
                let response = WebhookResponse.otherMode
                return HTTPResponse(status: response.status, headers: response.headers, body: response.body)
            }
            log(.info, "the callback address http://\(callback.authority) answers that this bot does not use it")
        } catch {
            log(.notice, "nobody is told that this bot does not use its callback address: \(error.message)")
        }
    }

    func run() async {
        let server = server
        await withDiscardingTaskGroup { group in
            if let server { group.addTask { await server.run() } }
            await connection.run()
            await server?.stop()
        }
    }

    nonisolated func beginEnding() { connection.beginEnding() }

    nonisolated func stop(within limit: Duration) async { await connection.stop(within: limit) }

    nonisolated func reload(_ latest: @Sendable () -> ChannelConfiguration) async throws -> Bool {
        try await connection.reload {
            // The bot lets nobody change the mode while it runs.
            guard case .longConnection(let latest, _) = latest() else { return configuration }
            return latest
        }
    }

    nonisolated func states() async -> AsyncStream<ConnectionState> { await connection.states() }

    nonisolated func snapshot() async -> ConnectionSnapshot { await connection.snapshot() }

    nonisolated func channel(resuming turn: SavedTurn) async -> (any ReplyChannel)? {
        await connection.channel(resuming: turn)
    }

    nonisolated var reader: InboundReader {
        get async { await connection.reader }
    }

    nonisolated func resend(_ pushes: [SavedPush]) { connection.resend(pushes) }

    nonisolated func push(_ message: OutboundMessage, to conversation: Conversation) async -> Delivery {
        await connection.push(message, to: conversation)
    }

    nonisolated var groupWebhook: GroupWebhook { connection.groupWebhook }

    nonisolated func upload(
        _ source: UploadSource,
        as kind: UploadedMedia.Kind,
        name: String,
        progress: (@Sendable (UploadProgress) -> Void)?
    ) async throws(UploadError) -> UploadedMedia {
        try await connection.upload(source, as: kind, name: name, progress: progress)
    }

    nonisolated func respond(to request: WebhookRequest) -> WebhookResponse { .otherMode }

    nonisolated var endedDisplaced: Bool {
        get async { await connection.endedDisplaced }
    }
}
