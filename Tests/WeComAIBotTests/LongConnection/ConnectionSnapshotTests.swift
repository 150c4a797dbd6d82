import BotCore
import TestSupport
import Testing

@testable import WeComAIBot

/// What a long connection says of itself.
@Suite(.timeLimit(.minutes(10)))
struct ConnectionSnapshotTests {
    @Test func agesFollowWhatHappens() async throws {
        try await Bench.run { bench in
            let first = await bench.frame(0)
            let start = await bench.world.instant
            var snapshot = await bench.connection.snapshot()
            #expect(snapshot.state == .subscribing && snapshot.readySince == nil)
            #expect(snapshot.lastFrame == nil && snapshot.lastPong == nil)
            #expect(snapshot.attempts == 1)
            await bench.world.advance(by: .seconds(2))
            await bench.acknowledge(first.requestID)
            snapshot = await bench.connection.snapshot()
            #expect(snapshot.state == .ready)
            #expect(snapshot.stateSince == start + .seconds(2) && snapshot.readySince == start + .seconds(2))
            #expect(snapshot.lastFrame == start + .seconds(2))
            #expect(snapshot.lastPong == nil, "the answer to the subscribe is none")
            await bench.world.advance(by: .seconds(30))
            let ping = await bench.frame(1)
            await bench.world.advance(by: .seconds(1))
            await bench.acknowledge(ping.requestID)
            await bench.world.advance(by: .seconds(3))
            await bench.world.deliver("{}", on: 1)
            snapshot = await bench.connection.snapshot()
            #expect(snapshot.lastPong == start + .seconds(33))
            #expect(snapshot.lastFrame == start + .seconds(36), "one that makes no sense is one too")
            #expect(snapshot.stateSince == start + .seconds(2))
            await bench.world.end(1, .lost)
            snapshot = await bench.connection.snapshot()
            #expect(snapshot.readySince == nil && snapshot.stateSince == start + .seconds(36))
            #expect(snapshot.lastPong == start + .seconds(33), "it is kept")
            await bench.reconnect(2)
            snapshot = await bench.connection.snapshot()
            #expect(snapshot.attempts == 2 && snapshot.statistics.timesReady == 2)
        }
    }

    @Test func connectionsAreCountedByTheReasonOfTheirEnd() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            await bench.world.end(1, .lost)
            await bench.reconnect(2)
            await bench.world.advance(by: .seconds(45))
            await bench.reconnect(3)
            await bench.acknowledge("x", 846_609, on: 3)
            for (link, code) in [(4, 45_009), (5, 853_000)] {
                await bench.world.advance(to: try #require(await bench.connection.state.retryAt))
                await bench.acknowledge(await bench.frame(0, on: link).requestID, code, on: link)
            }
            await bench.world.advance(to: try #require(await bench.connection.state.retryAt))
            await bench.world.advance(by: .seconds(10))
            await bench.world.adopt { $0.opens = false }
            await bench.world.advance(to: try #require(await bench.connection.state.retryAt))
            await bench.world.advance(by: .seconds(45))
            let statistics = await bench.connection.snapshot().statistics
            let expected: [ConnectionLoss: Int] = [
                .ended: 1, .heartbeatLost: 1, .subscriptionLost: 1, .subscribeRefused: 1, .credentialsRejected: 1,
                .subscribeTimedOut: 1, .connectTimedOut: 1,
            ]
            #expect(statistics.losses == expected)
            #expect(statistics.connectionsLost == 7)
            #expect(statistics.errorCodes == [.notSubscribed: 1, .frequencyLimit: 1, .credentialsRejected: 1])
        }
    }

    @Test func framesAreCountedByOutcomeAndWhatWaitsIsSeen() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            let message = await bench.push(id: "1")
            let first = await bench.send("一", final: false, through: message)
            let second = await bench.send("一二", final: false, through: message)
            let third = await bench.send("一二三", through: message)
            var snapshot = await bench.connection.snapshot()
            #expect(snapshot.unsettled == 3 && snapshot.queued == 2)
            await bench.acknowledge("REQ-1")
            #expect(await first.value == .delivered)
            await bench.acknowledge("REQ-1", 40_008)
            _ = await second.value
            await bench.world.advance(by: .seconds(5))
            _ = await third.value
            snapshot = await bench.connection.snapshot()
            #expect(snapshot.unsettled == 1 && snapshot.queued == 0, "its slot is still held")
            #expect(snapshot.statistics.delivered == 1)
            #expect(snapshot.statistics.refused == 1)
            #expect(snapshot.statistics.unknown == 1)
            #expect(snapshot.statistics.errorCodes == [.invalidMessageType: 1])
            await bench.world.advance(by: .seconds(5))
            #expect(await bench.connection.snapshot().statistics.missingAcknowledgements == 1)
        }
    }

    @Test func whatTheSocketHasIsSeen() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            await bench.world.adopt { $0.writes = false }
            let message = await bench.push(id: "1")
            let answer = await bench.send("慢", through: message)
            #expect(await bench.connection.snapshot().handedBytes == bench.frames().last?.text.utf8.count)
            await bench.world.write(on: 1)
            #expect(await bench.connection.snapshot().handedBytes == 0)
            await bench.acknowledge("REQ-1")
            #expect(await answer.value == .delivered)
        }
    }

    @Test func onlySixtyFourErrorCodesAreKeptApart() {
        var statistics = ConnectionStatistics()
        for code in 1...64 { statistics.acknowledged(ErrorCode(rawValue: code)) }
        #expect(statistics.errorCodes.count == 64 && statistics.otherErrorCodes == 0)
        statistics.acknowledged(ErrorCode(rawValue: 65))
        statistics.acknowledged(ErrorCode(rawValue: 64))
        statistics.acknowledged(.ok)
        #expect(statistics.errorCodes.count == 64 && statistics.otherErrorCodes == 1)
        #expect(statistics.errorCodes[ErrorCode(rawValue: 64)] == 2)
    }
}
