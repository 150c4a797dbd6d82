import BotCore
import BotFoundation
import LWSTransport
import TestSupport
import Testing

@testable import WeComAIBot

/// Another configuration while it runs.
@Suite(.timeLimit(.minutes(10)))
struct ReloadTests {
    private static let nanosecond = Duration.nanoseconds(1)

    private func configuration(_ change: (inout LongConnectionConfiguration) -> Void) throws
        -> LongConnectionConfiguration
    {
        var configuration = LongConnectionConfiguration(
            botID: Bench.botID,
            secret: Secret(Bench.secret),
            endpoint: try WebSocketEndpoint("wss://gateway.example/path?query=1")
        )
        change(&configuration)
        return configuration
    }

    @Test func whatIsBesideTheConnectionChangesWithoutTouchingIt() async throws {
        let changed = try configuration {
            $0.heartbeatInterval = .seconds(10)
            $0.displacementPolicy = .takeOver
        }
        try await Bench.run { bench in
            await bench.subscribe()
            await bench.world.advance(by: .seconds(5))
            let isNew = try await bench.connection.reload { changed }
            #expect(!isNew)
            await bench.world.advance(by: .seconds(10) - Self.nanosecond)
            #expect(bench.frames().count == 1)
            await bench.world.advance(by: Self.nanosecond)
            await bench.acknowledge(await bench.frame(1).requestID)
            await bench.world.advance(by: .seconds(10))
            await bench.acknowledge(await bench.frame(2).requestID)
            #expect(bench.ends().isEmpty)
            await bench.displace()
            let now = await bench.world.instant
            let retryAt = try #require(await bench.connection.state.retryAt)
            #expect(retryAt <= now + .seconds(2))
        }
    }

    @Test func anotherSecretMakesAnotherConnectionWhenTheFirstHasEnded() async throws {
        let other = "s3cr3t-另一个"
        let changed = try configuration { $0.secret = Secret(other) }
        try await Bench.run { bench in
            await bench.subscribe()
            let message = await bench.push(id: "1")
            let answer = await bench.send("还没有说完", through: message)
            await bench.world.advance(by: .seconds(2))
            await bench.world.adopt { $0.ends = false }
            let isNew = try await bench.connection.reload { changed }
            #expect(isNew)
            #expect(bench.ends() == ["close 1000"])
            #expect(await bench.connection.state == .connecting)
            let later = await bench.send("与此同时", through: bench.channel("REQ-2"))
            await bench.world.advance(by: .seconds(2))
            #expect(await bench.world.attempts == 1, "never two at once")
            await bench.world.end(1, WebSocketClosure(code: 1_000, reason: "", byPeer: true, error: nil))
            #expect(await bench.world.attempts == 2)
            let subscribe = await bench.subscribe(2)
            #expect(subscribe.text.contains(other) && !subscribe.text.contains(Bench.secret))
            #expect([await bench.frame(1, on: 2).content, await bench.frame(2, on: 2).content].contains("还没有说完"))
            await bench.acknowledge("REQ-1", on: 2)
            await bench.acknowledge("REQ-2", on: 2)
            #expect(await answer.value == .delivered)
            #expect(await later.value == .delivered)
            let statistics = await bench.connection.statistics
            #expect(statistics.displacements == 0 && statistics.connectionsLost == 0)
            #expect(bench.lines(from: .warning).isEmpty)
            #expect(!bench.lines().contains { $0.contains(other) })
            #expect(bench.states.events.map(\.name).suffix(4) == ["ready", "connecting", "subscribing", "ready"])
        }
    }

    /// The server sent it before it knew that we close.
    @Test func whatArrivesUntilTheFirstHasEndedCounts() async throws {
        let changed = try configuration { $0.secret = Secret("s3cr3t-另一个") }
        try await Bench.run { bench in
            await bench.subscribe()
            let message = await bench.push(id: "1")
            let answer = await bench.send("说完了", through: message)
            await bench.world.adopt { $0.ends = false }
            try await bench.connection.reload { changed }
            await bench.acknowledge("REQ-1")
            try #require(await bench.connection.unsettled == 0)
            #expect(await answer.value == .delivered)
            let late = await bench.push("还有一个问题", id: "2")
            let later = await bench.send("说完了2", through: late)
            #expect(bench.frames().count == 2, "nothing more goes to it")
            await bench.world.end(1, WebSocketClosure(code: 1_000, reason: "", byPeer: false, error: nil))
            await bench.world.advance(by: .seconds(1))
            await bench.subscribe(2)
            #expect(await bench.frame(1, on: 2).content == "说完了2")
            await bench.acknowledge("REQ-2", on: 2)
            #expect(await later.value == .delivered)
            #expect(bench.frames(on: 2).count == 2, "what was acknowledged does not go again")
        }
    }

    @Test func aServerThatDoesNotAnswerTheCloseHasFiveSeconds() async throws {
        let changed = try configuration { $0.botID = "aib-other" }
        try await Bench.run { bench in
            await bench.subscribe()
            await bench.world.advance(by: .seconds(2))
            await bench.world.adopt { $0.ends = false }
            try await bench.connection.reload { changed }
            await bench.world.advance(by: .seconds(5) - Self.nanosecond)
            #expect(bench.ends() == ["close 1000"])
            #expect(await bench.world.attempts == 1)
            await bench.world.advance(by: Self.nanosecond)
            #expect(bench.ends() == ["close 1000", "abort"])
            #expect(await bench.subscribe(2).text.contains("aib-other"))
            #expect(await bench.connection.state == .ready)
        }
    }

    @Test(arguments: ["connecting", "subscribing", "waiting", "displaced", "credentialsRejected"])
    func inEveryOtherStateTheNextAttemptIsSoonAndTheOnlyOne(state: String) async throws {
        let changed = try configuration { $0.proxy = try? Proxy("http://proxy.example:8080") }
        try await Bench.run(opens: state != "connecting") { bench in
            switch state {
            case "connecting": await bench.world.deeds.wait { !$0.isEmpty }
            case "subscribing": await bench.frame(0)
            case "waiting":
                await bench.subscribe()
                await bench.world.end(1, .lost)
            case "displaced":
                await bench.subscribe()
                await bench.displace()
            default:
                await bench.acknowledge(await bench.frame(0).requestID, 853_000)
            }
            #expect(await bench.connection.state.name == state)
            await bench.world.adopt { $0.opens = true }
            let isNew = try await bench.connection.reload { changed }
            #expect(isNew)
            await bench.world.advance(by: .seconds(1))
            await bench.subscribe(2)
            #expect(await bench.connection.state == .ready)
            #expect(await bench.world.attempts == 2)
            #expect(bench.ends().count == (state == "waiting" ? 0 : 1))
        }
    }

    @Test func aPolicyThatChangesWhileDisplacedCountsAtOnce() async throws {
        let takeOver = try configuration { $0.displacementPolicy = .takeOver }
        let stop = try configuration { $0.displacementPolicy = .stop }
        try await Bench.run { bench in
            await bench.subscribe()
            await bench.displace()
            try await bench.connection.reload { takeOver }
            let now = await bench.world.instant
            let retryAt = try #require(await bench.connection.state.retryAt)
            #expect(retryAt <= now + .seconds(2))
            try await bench.connection.reload { stop }
            #expect(await bench.connection.state.retryAt == nil)
            await bench.world.advance(by: .seconds(5))
            #expect(await bench.connection.endedDisplaced)
        }
    }

    @Test func reloadedBeforeItRunsItBeginsWithTheNewOne() async throws {
        let changed = try configuration { $0.botID = "aib-other" }
        let bench = try Bench()
        try await bench.connection.reload { changed }
        async let run: Void = bench.connection.run()
        #expect(await bench.frame(0).text.contains("aib-other"))
        await bench.connection.stop()
        await bench.world.advance(by: .seconds(5))
        await run
        try await bench.connection.reload { changed }
        #expect(await bench.connection.state == .stopped)
        await bench.loop.shutdown()
    }
}
