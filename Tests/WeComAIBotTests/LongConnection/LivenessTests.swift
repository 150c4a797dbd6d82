import BotFoundation
import Foundation
import LWSTransport
import Testing

@testable import WeComAIBot

/// Heartbeats, and how a dead connection is noticed.
@Suite(.timeLimit(.minutes(10)))
struct LivenessTests {
    static let nanosecond = Duration.nanoseconds(1)

    @Test func pingsGoEveryThirtySecondsWithoutABody() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            for index in 1...5 {
                await bench.world.advance(by: .seconds(30) - Self.nanosecond)
                #expect(bench.frames().count == index)
                await bench.world.advance(by: Self.nanosecond)
                let ping = await bench.frame(index)
                #expect(ping.object == ["cmd": "ping", "headers": ["req_id": ping.requestID]])
                await bench.acknowledge(ping.requestID)
            }
            #expect(Set(bench.frames().map(\.requestID)).count == 6, "every req_id is new")
            #expect(bench.ends().isEmpty)
        }
    }

    @Test func theIntervalIsTheConfiguredOne() async throws {
        try await Bench.run {
            $0.heartbeatInterval = .seconds(1)
        } _: { bench in
            await bench.subscribe()
            await bench.world.advance(by: .seconds(1) - Self.nanosecond)
            #expect(bench.frames().count == 1)
            await bench.world.advance(by: Self.nanosecond)
            #expect(bench.frames().count == 2)
        }
    }

    @Test func halfOpenIsNoticedAtFortyFiveSeconds() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            await bench.world.advance(by: .seconds(45) - Self.nanosecond)
            #expect(await bench.connection.state == .ready)
            await bench.world.advance(by: Self.nanosecond)
            #expect(await bench.connection.state.name == "waiting")
            #expect(bench.ends() == ["abort"])
            await bench.reconnect(2)
            #expect(await bench.connection.state == .ready)
        }
    }

    @Test(arguments: ["acknowledgement", "activity", "message", "garbage", "kernel"])
    func anyByteAfterThePingIsLife(sign: String) async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            await bench.world.advance(by: .seconds(45) - Self.nanosecond)
            switch sign {
            case "acknowledgement": await bench.acknowledge("nobody's")
            case "activity": await bench.world.showLife(on: 1)
            case "message": await bench.push(id: "1")
            case "garbage": await bench.world.deliver([0xFF], on: 1)
            default: await bench.world.setSilence(.seconds(15) - Self.nanosecond, on: 1)
            }
            await bench.world.advance(by: Self.nanosecond)
            #expect(await bench.connection.state == .ready)
        }
    }

    /// What we write goes nowhere, although the network says otherwise; what is written to us arrives.
    @Test func aDeadWriteHalfIsNoticedAtNinetySecondsWhateverArrives() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            for second in 1..<90 {
                await bench.world.advance(by: .seconds(1))
                await bench.push(id: "\(second)")
            }
            #expect(await bench.connection.state == .ready)
            await bench.world.advance(by: .seconds(1))
            #expect(await bench.connection.state.name == "waiting")
            #expect(bench.ends() == ["abort"])
            #expect(await bench.connection.statistics.losses == [.heartbeatUnanswered: 1])
            #expect(bench.lines(from: .warning).count == 1)
        }
    }

    @Test func aByteBeforeThePingIsNoLife() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            await bench.world.advance(by: .seconds(30) - Self.nanosecond)
            await bench.world.showLife(on: 1)
            await bench.world.advance(by: .seconds(15))
            // With the ping itself, at the latest: it does not count either.
            await bench.world.setSilence(.seconds(15), on: 1)
            await bench.world.advance(by: Self.nanosecond)
            #expect(await bench.connection.state.name == "waiting")
        }
    }

    @Test func anEndlessNightOfPingsKeepsOneTimer() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            for index in 1...1_000 {
                await bench.world.advance(by: .seconds(30))
                await bench.acknowledge(await bench.frame(index).requestID)
            }
            #expect(await bench.world.armed == 1)
            #expect(await bench.connection.statistics.connectionsLost == 0)
        }
    }
}
