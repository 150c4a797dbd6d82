internal import BotFoundation
internal import FoundationEssentials
internal import LWSTransport
internal import WeComAIBot

/// What a running bot tells over HTTP: its health, its metrics. Numbers and states only.
final class StatusEndpoint: Sendable {
    /// How long a bot that is not ready counts as healthy: a lost connection comes back within seconds, and a supervisor that
    /// restarted the process meanwhile would only make it take longer. It also covers the start.
    static let graceTime = Duration.seconds(60)
    /// How long a connection must have been ready to count: one that is ready for moments, again and again, is no connection.
    static let stableTime = Duration.seconds(10)

    /// The limits of its server: it is asked by a few programs, a few times a minute.
    static var server: HTTPServerConfiguration {
        var server = HTTPServerConfiguration()
        server.methods = ["GET", "HEAD"]
        server.headers = []
        server.maximumBodyBytes = 0
        server.maximumConnections = 32
        return server
    }

    private let snapshot: @Sendable () async -> BotSnapshot
    private let link: Locked<Link>

    /// What is known of the connection.
    private struct Link {
        /// Since when the bot has had no connection that lasted.
        var lostAt: ContinuousClock.Instant
        /// Since when it is ready; `nil` if it is not.
        var readyAt: ContinuousClock.Instant?

        func isStable(at now: ContinuousClock.Instant) -> Bool { readyAt.map { now - $0 >= stableTime } ?? false }
    }

    /// - Parameter start: When the bot began.
    init(start: ContinuousClock.Instant = .now, snapshot: @escaping @Sendable () async -> BotSnapshot) {
        self.snapshot = snapshot
        link = Locked(Link(lostAt: start))
    }

    /// Takes notice of a change.
    func note(_ state: ConnectionState, now: ContinuousClock.Instant = .now) {
        link.withLock { link in
            guard state != .ready else { return link.readyAt = link.readyAt ?? now }
            if link.isStable(at: now) { link.lostAt = now }
            link.readyAt = nil
        }
    }

    func respond(to request: HTTPRequest, now: ContinuousClock.Instant = .now) async -> HTTPResponse {
        var response: HTTPResponse
        switch request.path {
        case "/":
            response = HTTPResponse(
                status: 200,
                text: """
                    WeCom bot
                    /healthz  200 while the bot is connected, or was less than \(Self.graceTime.components.seconds) s ago, and messages get a thread; 503 otherwise
                    /metrics  for Prometheus

                    """
            )
        case "/healthz": response = health(await snapshot(), now: now)
        case "/metrics":
            response = HTTPResponse(
                status: 200,
                headers: ["content-type": PrometheusText.contentType],
                body: Array(await snapshot().metrics.utf8)
            )
        default: response = HTTPResponse(status: 404, text: "not here: see /\n")
        }
        response.headers["cache-control"] = "no-store"
        return response
    }

    private struct Health: Encodable {
        let status: String
        let state: String
        let since: String
        /// Left out if there is none.
        var problem: String?
    }

    private func health(_ snapshot: BotSnapshot, now: ContinuousClock.Instant) -> HTTPResponse {
        let link = link.withLock { $0 }
        let isConnected = link.isStable(at: now) || now - link.lostAt < Self.graceTime
        let isStalled = snapshot.stalledAge.map { $0 >= Self.graceTime } ?? false
        let isHealthy = isConnected && !isStalled
        var health = Health(
            status: isHealthy ? "ok" : "unavailable",
            state: snapshot.state.rawValue,
            since: (snapshot.takenAt - snapshot.stateAge.inSeconds).formatted(.iso8601)
        )
        if isStalled { health.problem = "messages wait for a thread: handlers block all there are" }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        do {
            let body = Array(try encoder.encode(health)) + [UInt8(ascii: "\n")]
            let headers = ["content-type": "application/json"]
            return HTTPResponse(status: isHealthy ? 200 : 503, headers: headers, body: body)
        } catch {
            return HTTPResponse(status: 500, text: "the answer could not be encoded\n")
        }
    }
}
