import BotCore
import TestSupport
import Testing

@testable import WeComAIBot

/// The rate budget, seen from the channel.
@Suite(.timeLimit(.minutes(10)))
struct PacingTests {
    private func tight(_ limit: Int) -> (inout LongConnectionConfiguration) -> Void {
        { $0.rateLimits.perMinute = limit }
    }

    @Test func finalsWaitAndGoInOrderWhenTheWindowFrees() async throws {
        try await Bench.run(tight(1)) { bench in
            await bench.subscribe()
            var answers: [Task<Delivery, Never>] = []
            for id in 1...3 {
                let message = await bench.push(id: "\(id)")
                answers.append(await bench.send("answer \(id)", through: message))
            }
            let other = await bench.push(id: "other", user: "lisi")
            let free = await bench.send("at once", through: other)
            await bench.acknowledge("REQ-other")
            #expect(await free.value == .delivered)
            for id in 1...3 {
                #expect(
                    bench.frames().filter { $0.content?.hasPrefix("answer") == true }.map(\.content).last
                        == "answer \(id)"
                )
                await bench.acknowledge("REQ-\(id)")
                #expect(await answers[id - 1].value == .delivered)
                await bench.world.advance(by: .seconds(30))
                await bench.showLife()
                await bench.world.advance(by: .seconds(31))
                await bench.showLife()
            }
            #expect(await bench.connection.statistics.paced == 2)
        }
    }

    @Test func anIntermediateUpdateWithoutBudgetIsRefusedAtOnceAndTheFinalStillGoes() async throws {
        try await Bench.run(tight(6)) { bench in
            await bench.subscribe()
            for id in 1...5 {
                let message = await bench.push(id: "\(id)")
                let answer = await bench.send("half", final: false, through: message)
                await bench.acknowledge("REQ-\(id)")
                #expect(await answer.value == .delivered)
            }
            let message = await bench.push(id: "6")
            let left = try #require(await message.channel.remainingSends())
            #expect(left == SendBudget(leftThisMinute: 1, leftThisHour: 995))
            let half = await message.channel.send(BubbleUpdate(bubble: 0, text: "half", isFinal: false))
            guard case .refused(let reason) = half else {
                Issue.record("\(half)")
                return
            }
            #expect(reason.code == nil && reason.message.contains("rate limit"))
            let whole = await bench.send("whole", through: message)
            await bench.acknowledge("REQ-6")
            #expect(await whole.value == .delivered)
            let none = try #require(await message.channel.remainingSends())
            #expect(none.leftThisMinute == 0 && none.wait == RateBudget.minute)
        }
    }

    @Test func whoWaitsIsResumedOnceWhenCancelledOrStopped() async throws {
        try await Bench.run(tight(1)) { bench in
            await bench.subscribe()
            let first = await bench.send("first", through: await bench.push(id: "1"))
            await bench.acknowledge("REQ-1")
            #expect(await first.value == .delivered)
            let cancelled = await bench.send("second", through: await bench.push(id: "2"))
            let stopped = await bench.send("third", through: await bench.push(id: "3"))
            cancelled.cancel()
            #expect(await cancelled.value == .refused(.init("cancelled before it was sent")))
            await bench.connection.stop()
            #expect(await stopped.value == .refused(.init("stopped before it was sent")))
        }
    }

    @Test func aThrottledAnswerArrivesAfterAll() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            let message = await bench.push(id: "1")
            let answer = await bench.send("终于", through: message)
            await bench.acknowledge("REQ-1", 45_009)
            let left = try #require(await message.channel.remainingSends())
            #expect(left.leftThisMinute == 0)
            await bench.world.advance(by: .seconds(5))
            #expect(bench.frames().count { $0.content == "终于" } == 2)
            await bench.acknowledge("REQ-1")
            #expect(await answer.value == .delivered)
            #expect(await bench.connection.statistics.throttled == 1)
        }
    }
}

extension Bench {
    /// Something arrives, so that the connection is not taken for dead.
    fileprivate func showLife() async { await world.showLife(on: 1) }
}
