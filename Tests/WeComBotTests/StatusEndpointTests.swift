import BotFoundation
import Foundation
import GatewaySimulator
import LWSTransport
import TestSupport
import Testing

@testable import WeComBot

/// What a bot tells over HTTP.
@Suite(.timeLimit(.minutes(10)))
struct StatusEndpointTests {
    private let start = ContinuousClock.now

    private func endpoint(_ snapshot: BotSnapshot = BotSnapshot()) -> StatusEndpoint {
        StatusEndpoint(start: start) { snapshot }
    }

    private func health(_ endpoint: StatusEndpoint, after: Duration) async -> Int {
        await endpoint.respond(to: HTTPRequest(method: "GET", path: "/healthz"), now: start + after).status
    }

    @Test func aBotThatIsNotReadyIsHealthyForAMinute() async {
        let endpoint = endpoint()
        #expect(await health(endpoint, after: .zero) == 200)
        #expect(await health(endpoint, after: .seconds(60) - .nanoseconds(1)) == 200)
        #expect(await health(endpoint, after: .seconds(60)) == 503)
        endpoint.note(.ready, now: start + .seconds(70))
        #expect(await health(endpoint, after: .seconds(100_000)) == 200)
        // It is the time without a connection that counts, not that in one of the states that follow one another meanwhile.
        endpoint.note(.waiting(retryAt: start, reason: ""), now: start + .seconds(200_000))
        endpoint.note(.connecting, now: start + .seconds(200_059))
        #expect(await health(endpoint, after: .seconds(200_059)) == 200)
        #expect(await health(endpoint, after: .seconds(200_060)) == 503)
    }

    @Test func aLinkThatIsReadyForMomentsOnlyIsNone() async {
        let endpoint = endpoint()
        // Ready for 3 seconds in every 5.
        for round in 0..<12 {
            endpoint.note(.ready, now: start + .seconds(round * 5))
            endpoint.note(.waiting(retryAt: start, reason: ""), now: start + .seconds(round * 5 + 3))
        }
        #expect(await health(endpoint, after: .seconds(60) - .nanoseconds(1)) == 200)
        #expect(await health(endpoint, after: .seconds(60)) == 503)
        // Until it has lasted.
        endpoint.note(.ready, now: start + .seconds(65))
        endpoint.note(.ready, now: start + .seconds(70))
        #expect(await health(endpoint, after: .seconds(75) - .nanoseconds(1)) == 503)
        #expect(await health(endpoint, after: .seconds(75)) == 200)
        endpoint.note(.connecting, now: start + .seconds(75))
        #expect(await health(endpoint, after: .seconds(134)) == 200)
        #expect(await health(endpoint, after: .seconds(135)) == 503)
    }

    @Test func aBotWhoseHandlersBlockAllThreadsIsNotHealthy() async {
        for (age, status) in [(nil, 200), (.seconds(60) - .nanoseconds(1), 200), (Duration.seconds(60), 503)] {
            var snapshot = BotSnapshot()
            snapshot.stalledAge = age
            snapshot.threadlessTurns = age == nil ? 0 : 3
            let endpoint = endpoint(snapshot)
            endpoint.note(.ready, now: start)
            let response = await endpoint.respond(
                to: HTTPRequest(method: "GET", path: "/healthz"),
                now: start + .seconds(600)
            )
            #expect(response.status == status)
            #expect(String(decoding: response.body, as: UTF8.self).contains("wait for a thread") == (status == 503))
        }
    }

    @Test func theHealthIsJSON() async throws {
        var snapshot = BotSnapshot(takenAt: Date(timeIntervalSince1970: 1_700_000_000))
        snapshot.state = .credentialsRejected
        snapshot.stateAge = .seconds(20)
        let response = await endpoint(snapshot).respond(to: HTTPRequest(method: "GET", path: "/healthz"), now: start)
        #expect(response.headers["content-type"] == "application/json")
        #expect(
            String(decoding: response.body, as: UTF8.self)
                == #"{"since":"2023-11-14T22:13:00Z","state":"credentials_rejected","status":"ok"}"# + "\n"
        )
    }

    @Test func otherPathsAreNotFound() async {
        for path in ["/x", "/metrics/", "/healthz/x"] {
            #expect(await endpoint().respond(to: HTTPRequest(method: "GET", path: path)).status == 404)
        }
        let home = await endpoint().respond(to: HTTPRequest(method: "GET", path: "/"))
        #expect(home.status == 200 && String(decoding: home.body, as: UTF8.self).contains("/metrics"))
    }

    @Test func labelsAndHelpAreEscaped() {
        var text = PrometheusText()
        text.add("a_total", .counter, "x\\\n\"字", by: "l", [("\\ \" \n 字👋", 3)])
        text.add("b", .gauge, "none", nil)
        text.add("c", .gauge, "half", 0.5)
        let expected = #"""
            # HELP a_total x\\\n"字
            # TYPE a_total counter
            a_total{l="\\ \" \n 字👋"} 3
            # HELP c half
            # TYPE c gauge
            c 0.5

            """#
        #expect(text.text == expected)
    }

    @Test func everyMetricIsWellFormedAndDeclaredOnce() throws {
        var snapshot = BotSnapshot()
        snapshot.errorCodes = [93_006: 2, -1: 1]
        snapshot.otherErrorCodes = 4
        snapshot.connectedAge = .milliseconds(1_500)
        snapshot.connectionsLost = [.heartbeatLost: 7]
        snapshot.refusedCallbacks = [403: 5]
        let samples = try PrometheusSamples(snapshot.metrics)
        #expect(samples.values["wecom_bot_errors_total{errcode=\"93006\"}"] == 2)
        #expect(samples.values["wecom_bot_errors_total{errcode=\"-1\"}"] == 1)
        #expect(samples.values["wecom_bot_errors_total{errcode=\"other\"}"] == 4)
        #expect(samples.values["wecom_bot_connected_seconds"] == 1.5)
        #expect(samples.values["wecom_bot_connections_lost_total{reason=\"heartbeat_lost\"}"] == 7)
        #expect(samples.values["wecom_bot_state{state=\"idle\"}"] == 1)
        #expect(samples.values["wecom_bot_state{state=\"ready\"}"] == 0)
        #expect(samples.types.allSatisfy { $0.key.hasSuffix("_total") == ($0.value == "counter") })
        #expect(samples.types.count == 36)
    }

    @Test func aRunningBotTellsItsStateAndNoSecret() async throws {
        let port = freePort()
        let bench = try await BotBench { $0.statusPort = port }
        try await bench.run(BotBench.echo) { bot in
            try await bench.gateway.waitForSubscription()
            let push = await bench.gateway.pushText(from: "u", "你好👋🏽")
            _ = try await bench.gateway.waitForAnswer(to: push)
            for await state in bot.states where state == .ready { break }
            let (status, health) = try await Self.get(port, "/healthz")
            #expect(status == 200 && health.contains(#""state":"ready""#))
            let (_, metrics) = try await Self.get(port, "/metrics")
            let samples = try PrometheusSamples(metrics)
            #expect(samples.values["wecom_bot_messages_total"] == 1)
            #expect(samples.values["wecom_bot_state{state=\"ready\"}"] == 1)
            let (_, home) = try await Self.get(port, "/")
            for text in [health, metrics, home] {
                #expect(!text.contains(BotBench.secret) && !text.contains("你好") && !text.contains(BotBench.botID))
            }
            #expect(try await Self.get(port, "/secret").status == 404)
            try await Self.checkWithPython(metrics)
        }
        // The port is free again.
        let loop = try EventLoop()
        var again = HTTPServerConfiguration()
        again.port = port
        let server = try await HTTPServer.listen(on: loop, again) { _ in HTTPResponse(status: 204) }
        await server.stop()
        await loop.shutdown()
    }

    @Test func aPortInUseIsAnErrorThatNamesTheKey() async throws {
        let loop = try EventLoop()
        let server = try await HTTPServer.listen(on: loop, .init()) { _ in HTTPResponse(status: 204) }
        let port = await server.port
        let bench = try await BotBench { $0.statusPort = port }
        let bot = try bench.bot()
        let error = await #expect(throws: BotError.self) { try await bot.run(handlesSignals: true, BotBench.echo) }
        #expect(error?.code == .statusPortUnavailable && error?.exitStatus == 78)
        #expect(error?.message.contains("WECOM_STATUS_PORT") == true)
        #expect(error?.message.contains("wecomaibot_status_port") == true)
        await loop.shutdown()
        try await bench.end()
    }

    /// Asks with Python's own HTTP client.
    private static func get(_ port: UInt16, _ path: String) async throws -> (status: Int, body: String) {
        let text = try await python(
            """
            import sys, http.client
            c = http.client.HTTPConnection("127.0.0.1", \(port), timeout=60)
            c.request("HEAD", "\(path)"); r = c.getresponse(); assert r.read() == b""
            length = r.headers["content-length"]
            c.request("GET", "\(path)"); r = c.getresponse(); body = r.read()
            sys.stdout.write(str(r.status) + "\\n" + body.decode())
            """
        )
        let status = Int(text.prefix { $0 != "\n" }) ?? 0
        return (status, String(text.drop { $0 != "\n" }.dropFirst()))
    }

    /// Prometheus' own parser, where it is installed.
    private static func checkWithPython(_ metrics: String) async throws {
        let file = try BotBench.file(Array(metrics.utf8))
        defer { unlink(file) }
        let text = try await python(
            """
            try:
                from prometheus_client.parser import text_string_to_metric_families as parse
                print(len(list(parse(open("\(file)").read()))) >= 25)
            except ImportError:
                print(True)
            """
        )
        #expect(text == "True\n")
    }

    private static func python(_ script: String) async throws -> String {
        try await ChildProcess(["python3", "-c", script]).end().output
    }
}
