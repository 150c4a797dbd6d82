internal import BotFoundation
internal import FoundationEssentials
internal import LWSTransport
internal import WeComAIBot

/// What a running bot tells over HTTP: its health, its metrics. Numbers and states only.
final class StatusEndpoint: Sendable {
    /// How long a bot that is not ready counts as healthy: a lost connection comes back within seconds, and a supervisor that
    /// restarted the process meanwhile would only make it take longer. It also covers the start.
    static let graceTime = Duration.seconds(60)

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
    /// Since when the bot is not ready.
    private let lost: Locked<ContinuousClock.Instant?>

    /// - Parameter start: When the bot began.
    init(start: ContinuousClock.Instant = .now, snapshot: @escaping @Sendable () async -> BotSnapshot) {
        self.snapshot = snapshot
        lost = Locked(start)
    }

    /// Takes notice of a change.
    func note(_ state: ConnectionState, now: ContinuousClock.Instant = .now) {
        lost.withLock { lost in lost = state == .ready ? nil : lost ?? now }
    }

    func respond(to request: HTTPRequest, now: ContinuousClock.Instant = .now) async -> HTTPResponse {
        var response: HTTPResponse
        switch request.path {
        case "/":
            response = HTTPResponse(
                status: 200,
                text: """
                    WeCom bot
                    /healthz  200 while the bot is connected, or was less than \(Self.graceTime.components.seconds) s ago; 503 otherwise
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
    }

    private func health(_ snapshot: BotSnapshot, now: ContinuousClock.Instant) -> HTTPResponse {
        let lost = lost.withLock { $0 }
        let isHealthy = lost.map { now - $0 < Self.graceTime } ?? true
        let health = Health(
            status: isHealthy ? "ok" : "unavailable",
            state: snapshot.state.rawValue,
            since: (snapshot.takenAt - snapshot.stateAge.inSeconds).formatted(.iso8601)
        )
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
