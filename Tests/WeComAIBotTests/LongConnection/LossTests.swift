import BotCore
import BotFoundation
import LWSTransport
import TestSupport
import Testing

@testable import WeComAIBot

/// Whatever ends a connection leads to the next one, and what was on its way has one fate.
@Suite(.timeLimit(.minutes(10)))
struct LossTests {
    static let codes: [UInt16] = [
        1_000, 1_001, 1_002, 1_003, 1_005, 1_006, 1_007, 1_008, 1_009, 1_010, 1_011, 1_012, 1_013, 1_014, 1_015, 3_000,
        4_000,
        4_999,
    ]

    @Test(arguments: codes)
    func everyCloseCodeLeadsToAReconnect(code: UInt16) async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            await bench.world.end(1, .byServer(code))
            guard case .waiting(let retryAt, let reason) = await bench.connection.state else {
                Issue.record("\(await bench.connection.state)")
                return
            }
            #expect(retryAt <= (await bench.world.instant) + .seconds(1))
            #expect(reason.contains(code == 1_005 ? "without a code" : code == 1_006 ? "lost" : "\(code)"))
            #expect(!reason.contains("whatever"), "the server's own words stay out of the log")
            await bench.reconnect(2)
            await bench.push(id: "1", on: 2)
            // Who reads the states may be behind.
            let names = await bench.states.wait { $0.count { $0 == .ready } == 2 }.map(\.name)
            #expect(
                names == [
                    "idle", "connecting", "subscribing", "ready", "waiting", "connecting", "subscribing", "ready",
                ]
            )
        }
    }

    static let failures: [TransportError.Code] = [
        .resolveFailed, .resolveTimeout, .connectFailed, .connectTimeout, .proxyFailed, .certificateRefused, .tlsFailed,
        .tlsTimeout, .upgradeRefused, .upgradeTimeout, .messageTooLarge, .outOfResources,
    ]

    @Test(arguments: failures)
    func everyFailureToConnectIsNamedAndTriedAgain(code: TransportError.Code) async throws {
        try await Bench.run(opens: false) { bench in
            let error = TransportError(code, "what \(code) means, and what to do")
            let first = await bench.world.deeds.wait { !$0.isEmpty }
            #expect(first == [.connect(1)])
            await bench.world.end(1, WebSocketClosure(code: 1_006, reason: "", byPeer: false, error: error))
            guard case .waiting(let retryAt, error.message) = await bench.connection.state else {
                Issue.record("\(await bench.connection.state)")
                return
            }
            #expect(bench.lines(from: .warning).count == 1)
            await bench.world.adopt { $0.opens = true }
            await bench.world.advance(to: retryAt)
            await bench.subscribe(2)
            #expect(await bench.connection.state == .ready)
        }
    }

    @Test func aConnectionThatReportsNothingAndASubscribeWithoutAnswerAreGivenUp() async throws {
        try await Bench.run(opens: false) { bench in
            await bench.world.deeds.wait { !$0.isEmpty }
            await bench.world.advance(by: .seconds(45))
            #expect(bench.ends() == ["abort"])
            await bench.world.adopt { $0.opens = true }
            await bench.world.advance(to: try #require(await bench.connection.state.retryAt))
            await bench.frame(0, on: 2)
            await bench.world.advance(by: .seconds(10))
            #expect(bench.ends(of: 2) == ["abort"])
            #expect(await bench.connection.statistics.connectionsLost == 2)
            await bench.reconnect(3)
        }
    }

    @Test func aRefusedSubscribeIsTriedAgainUntilItIsAccepted() async throws {
        try await Bench.run { bench in
            for link in 1...3 {
                await bench.acknowledge(await bench.frame(0, on: link).requestID, 45_009, on: link)
                #expect(bench.ends(of: link) == ["close 1000"])
                #expect(await bench.connection.state.name == "waiting")
                await bench.world.advance(to: try #require(await bench.connection.state.retryAt))
            }
            await bench.subscribe(4)
            #expect(await bench.connection.state == .ready)
        }
    }

    @Test func whatWasNotWrittenGoesOnTheNextConnectionAndWhatWasWrittenIsUnknownUnlessFinal() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            let messages = [await bench.push(id: "1"), await bench.push(id: "2"), await bench.push(id: "3")]
            await bench.world.adopt { $0.writes = false }
            let written = await bench.send("written, intermediate", final: false, through: messages[0])
            let writtenFinal = await bench.send("written, final", through: messages[1])
            await bench.world.write(on: 1)
            let unwritten = await bench.send("unwritten, intermediate", final: false, through: messages[2])
            let queued = await bench.send("queued", through: messages[0])
            await bench.world.end(1, .lost)
            guard case .unknown = await written.value else {
                Issue.record("\(await written.value)")
                return
            }
            await bench.world.adopt { $0.writes = true }
            await bench.reconnect(2)
            #expect(
                bench.frames(on: 2).dropFirst().map(\.content) == [
                    "written, final", "unwritten, intermediate", "queued",
                ]
            )
            #expect(bench.frames(on: 1)[2].text == bench.frames(on: 2)[1].text, "the same frame to the byte")
            for id in ["REQ-1", "REQ-2", "REQ-3"] { await bench.acknowledge(id, on: 2) }
            #expect(await writtenFinal.value == .delivered)
            #expect(await unwritten.value == .delivered)
            #expect(await queued.value == .delivered)
        }
    }

    @Test func aFinalThatIsRefusedTheSecondTimeMayHaveBeenSeenTheFirst() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            let message = await bench.push(id: "1")
            let answer = await bench.send("结尾", through: message)
            await bench.world.end(1, .byServer(1_012))
            await bench.reconnect(2)
            await bench.acknowledge("REQ-1", 846_608, on: 2)
            #expect(await answer.value == .unknown(.init(code: 846_608, "text 846608")))
        }
    }

    @Test func notSubscribedReplacesTheConnectionAndTheFrameGoesAgain() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            let answer = await bench.send("再来", through: await bench.push(id: "1"))
            await bench.acknowledge("REQ-1", 846_609)
            #expect(bench.ends() == ["abort"])
            await bench.reconnect(2)
            #expect(bench.frames(on: 2).last?.content == "再来")
            await bench.acknowledge("REQ-1", on: 2)
            #expect(await answer.value == .delivered)
        }
    }

    @Test func aFrameThatTheSocketDoesNotTakeReplacesTheConnection() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            let message = await bench.push(id: "1")
            await bench.world.adopt { $0.refusesToSend = TransportError(.sendQueueFull, "33554432 bytes wait") }
            let answer = await bench.send("队列已满", through: message)
            #expect(bench.ends() == ["abort"])
            await bench.world.adopt { $0.refusesToSend = nil }
            await bench.reconnect(2)
            await bench.acknowledge("REQ-1", on: 2)
            #expect(await answer.value == .delivered)
        }
    }

    @Test func displacedClosesWaitsAndTakesThePlaceBack() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            let since = await bench.world.instant
            await bench.displace()
            guard case .displaced(since, let retryAt?) = await bench.connection.state else {
                Issue.record("\(await bench.connection.state)")
                return
            }
            #expect((Duration.seconds(30)...(.seconds(60))).contains(retryAt - since))
            #expect(bench.ends() == ["close 1000"])
            #expect(bench.lines(from: .warning).count == 1)
            await bench.world.advance(to: retryAt - .nanoseconds(1))
            #expect(!bench.world.deeds.events.contains(.connect(2)))
            await bench.reconnect(2)
            #expect(await bench.connection.state == .ready)
            #expect(await bench.connection.statistics.displacements == 1)
        }
    }

    @Test func eventsOfAConnectionThatWasGivenUpChangeNothing() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            await bench.world.adopt { $0.ends = false }
            await bench.world.advance(by: .seconds(45))
            await bench.reconnect(2)
            await bench.world.showLife(on: 1)
            await bench.world.deliver(#"{"headers":{"req_id":"x"},"errcode":846609}"#, on: 1)
            await bench.world.end(1, .lost)
            #expect(await bench.connection.state == .ready)
            // Its socket is still the one that is asked.
            await bench.push(id: "1", on: 2)
            #expect(bench.ends(of: 2).isEmpty)
        }
    }

    @Test func failuresAreNeverCloserThanASecondAndSaidOnce() async throws {
        try await Bench.run(opens: false) { bench in
            await bench.world.deeds.wait { !$0.isEmpty }
            var attempts = [await bench.world.instant]
            for link in 1...200 {
                await bench.world.end(link, .lost)
                await bench.world.advance(to: try #require(await bench.connection.state.retryAt))
                attempts.append(await bench.world.instant)
            }
            let gaps = zip(attempts.dropFirst(), attempts).map { $0 - $1 }
            #expect(gaps.allSatisfy { $0 >= .seconds(1) && $0 <= .seconds(30) })
            #expect(bench.lines(from: .info).count == 1, "a night without network is one line")
        }
    }
}
