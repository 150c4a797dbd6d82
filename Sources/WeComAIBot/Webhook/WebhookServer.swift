package import BotCore
package import BotFoundation
package import LWSTransport

/// The webhook mode of one bot: its callback address, and the HTTP server that carries it.
package actor WebhookServer {
    /// The address.
    package nonisolated let endpoint: WebhookEndpoint
    /// The group webhook; it may be one that is configured nowhere.
    package nonisolated let groupWebhook: GroupWebhook
    private let loop: EventLoop
    private let log: Log
    private var configuration: WebhookServerConfiguration
    private var server: HTTPServer?
    private var state = ConnectionState.idle
    private var stateSince: ContinuousClock.Instant
    private var media: MediaClient
    /// What posts late answers.
    private nonisolated let posting: Locked<WebhookFallback.Post>
    /// Called once, before anybody is told that nothing is fetched any more.
    private var ending: (@Sendable () -> Void)?
    private let observers = StateObservers()
    private let ended = Promise<Void>()

    /// A server that listens when it is told to.
    ///
    /// - Parameter ending: Is called once, when it ends: nobody who waits for a verdict has been told so yet. It must not block.
    package init(
        _ configuration: WebhookServerConfiguration,
        on loop: EventLoop,
        log: Log = .disabled,
        ending: (@Sendable () -> Void)? = nil,
        onEvent: @escaping WebhookEndpoint.EventReceiver = { _, _ in },
        receiver: @escaping WebhookEndpoint.Receiver
    ) {
        self.configuration = configuration
        self.loop = loop
        self.log = log
        self.ending = ending
        stateSince = .now
        let media = MediaClient(configuration.media, on: loop)
        self.media = media
        groupWebhook = GroupWebhook(configuration.groupWebhook, on: loop)
        let posting = Locked(WebhookFallback.post(on: loop, configuration))
        self.posting = posting
        var fallback = WebhookFallback { url, body throws(PostFailure) in
            let post = posting.withLock { $0 }
            return try await post(url, body)
        }
        fallback.groupWebhook = groupWebhook
        endpoint = WebhookEndpoint(
            configuration.endpoint,
            media: media,
            fallback: fallback,
            shared: configuration.shared,
            log: log,
            onEvent: onEvent,
            receiver: receiver
        )
    }

    /// Listens, if it has a server of its own. What arrives waits for ``run()``.
    ///
    /// - Throws: ``TransportError`` with code `listenFailed`, or `loopShutDown`.
    package func listen() async throws(TransportError) {
        guard var listening = configuration.server else {
            return log(
                .info,
                "the bot has no server of its own: requests to the callback address are to be handed to it"
            )
        }
        listening.log = log
        let endpoint = endpoint
        let server = try await HTTPServer.listen(on: loop, listening) { request in
            let request = WebhookRequest(
                method: request.method,
                path: request.path,
                query: request.query,
                body: request.body
            )
            let reply = await endpoint.reply(to: request)
            var response = HTTPResponse(
                status: reply.response.status,
                headers: reply.response.headers,
                body: reply.response.body
            )
            response.onSent = reply.sent
            return response
        }
        self.server = server
        let scheme = listening.tls == nil ? "http" : "https"
        var shown = listening
        shown.port = await server.port
        log(.info, "the callback address is \(scheme)://\(shown.authority)\(configuration.endpoint.path ?? "")")
    }

    /// The port it listens on; `nil` if it does not.
    package var port: UInt16? {
        get async { await server?.port }
    }

    /// Serves until ``stop()``, or until its task is cancelled. Once.
    package func run() async {
        if state == .idle { enter(.ready) }
        let endpoint = endpoint
        async let shared: Void = endpoint.share()
        if let server { await server.run() } else { _ = await ended.value() }
        // Without a stop the loop has ended, or the task was cancelled.
        announceEnding()
        await endpoint.end(patience: .zero)
        groupWebhook.end()
        endpoint.finishSharing()
        await shared
        enter(.stopped)
    }

    /// Another process left messages that answer nothing. They stay in the store: there is no command for them here.
    package nonisolated func keepForLongConnection(_ pushes: [SavedPush]) {
        log(
            .notice,
            "messages from before the start wait in the state file for the long connection, which sends those that are not "
                + "older than a day: here there is no command for them",
            [.count: "\(pushes.count)"]
        )
    }

    /// Whether it speaks TLS.
    package var isSecure: Bool { configuration.server?.tls != nil }

    /// Whether it has ever been run, or ended.
    package var hasBegun: Bool { state != .idle }

    /// Takes no new messages from now on; what the platform asks for is still answered.
    package func beginEnding() { endpoint.beginEnding() }

    /// Ends it: what waits to be fetched goes another way, and then the port is closed. More than one call is harmless.
    ///
    /// - Parameter limit: How long what waits may take; at most 2 s more are for responses that are being sent.
    package func stop(within limit: Duration = .seconds(8)) async {
        guard state != .closing, state != .stopped else { return }
        let hasRun = state != .idle
        enter(.closing)
        announceEnding()
        await endpoint.end(patience: limit)
        groupWebhook.end()
        // The platform is still to get the answers that count as fetched.
        await server?.drain(within: min(limit, .seconds(2)))
        await server?.stop()
        ended.fulfill(())
        if !hasRun { enter(.stopped) }
    }

    private func announceEnding() {
        ending?()
        ending = nil
    }

    /// Takes another token, key, name, first text and window, other proxies and rules for media, at once. Where it listens does not change
    /// while it runs.
    package func reload(_ configuration: WebhookServerConfiguration) {
        var new = configuration
        new.endpoint.path = self.configuration.endpoint.path
        if new.media != self.configuration.media { media = MediaClient(new.media, on: loop) }
        let post = WebhookFallback.post(on: loop, new)
        posting.withLock { $0 = post }
        endpoint.reload(new.endpoint, media: media)
        groupWebhook.reload(new.groupWebhook)
        if new.server?.authority != self.configuration.server?.authority {
            log(.notice, "the callback address is served elsewhere after the next start")
        }
        if new.shared?.name != self.configuration.shared?.name {
            log(.notice, "what processes share is kept elsewhere after the next start")
        }
        self.configuration.endpoint = new.endpoint
        self.configuration.media = new.media
        self.configuration.client = new.client
        self.configuration.groupWebhook = new.groupWebhook
    }

    /// All that is to be seen of it.
    package func snapshot() -> ConnectionSnapshot {
        var snapshot = ConnectionSnapshot(state, since: stateSince)
        if state == .ready { snapshot.readySince = stateSince }
        endpoint.answers.fill(&snapshot)
        if state != .idle { snapshot.statistics.timesReady = 1 }
        return snapshot
    }

    /// The present state, and from then on every change; it ends after `stopped`. `connecting` and what belongs to it never come.
    package func states() -> AsyncStream<ConnectionState> { observers.states() }

    /// How many read ``states()`` now.
    nonisolated var observerCount: Int { observers.count }

    private func enter(_ new: ConnectionState) {
        guard state != .stopped else { return }
        state = new
        stateSince = .now
        observers.enter(new)
    }
}
