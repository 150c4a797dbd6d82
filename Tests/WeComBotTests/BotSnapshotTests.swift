import BotFoundation
import GatewaySimulator
import TestSupport
import Testing

@testable import WeComBot

/// What a bot says of itself.
@Suite(.timeLimit(.minutes(10)))
struct BotSnapshotTests {
    @Test func beforeDuringAndAfter() async throws {
        let bench = try await BotBench()
        let bot = try bench.bot()
        let before = await bot.snapshot()
        #expect(before.state == .idle && before.connectionAttempts == 0 && before.lastFrameAge == nil)
        let gate = Mailbox<Void>()
        let running = Task {
            try await bot.run(handlesSignals: false) { message, reply in
                if message.text == "坏" { throw CancellationError() }
                await reply.write("好")
                if message.text == "等" { await gate.next() }
            }
        }
        try await bench.gateway.waitForSubscription()
        let bad = await bench.gateway.pushText(from: "u", "坏")
        _ = try await bench.gateway.waitForAnswer(to: bad)
        let long = await bench.gateway.pushText(from: "v", "等")
        await bench.gateway.pushText(from: "v", "排队👋🏽")
        _ = await bench.line(from: .error, with: "the handler failed")
        try await bench.gateway.waitForBubbles(of: long) { !$0.isEmpty }
        try await bench.gateway.waitForObservation {
            if case .received(_, "ping", _, _) = $0.event { true } else { false }
        }
        var during = await bot.snapshot()
        while during.lastPongAge == nil || during.waitingMessages == 0 || during.answers.delivered == 0 {
            await Task.yield()
            during = await bot.snapshot()
        }
        #expect(during.state == .ready && during.timesReady == 1 && during.connectionAttempts == 1)
        #expect(during.messages == 3 && during.openTurns == 1 && during.waitingMessages == 1)
        #expect(during.waitingBytes > 14)
        #expect(during.handlerFailures == 1 && during.answers.delivered == 1)
        #expect(during.frames.delivered >= 2)
        #expect(during.connectedAge != nil)
        #expect(try #require(during.lastFrameAge) <= #require(during.lastPongAge))
        gate.put(())
        bot.stop()
        try await running.value
        let after = await bot.snapshot()
        #expect(after.state == .stopped && after.connectedAge == nil)
        #expect(after.answers == .init(3, 0, 0) && after.openTurns == 0 && after.waitingBytes == 0)
        #expect(after.messages == 3 && after.unsettledFrames == 0)
        #expect(after.takenAt >= before.takenAt)
        try await bench.end()
    }

    /// The names are what others watch for.
    @Test func theNamesOfStatesAndLossesAreStable() {
        #expect(
            BotSnapshot.State.allCases.map(\.rawValue) == [
                "idle", "connecting", "subscribing", "ready", "waiting", "displaced", "credentials_rejected", "closing",
                "stopped",
            ]
        )
        #expect(
            ConnectionLoss.allCases.map(\.rawValue) == [
                "ended", "connect_timed_out", "subscribe_timed_out", "subscribe_refused", "credentials_rejected",
                "heartbeat_lost", "heartbeat_unanswered", "heartbeat_refused", "subscription_lost",
                "too_many_unanswered",
            ]
        )
    }
}
