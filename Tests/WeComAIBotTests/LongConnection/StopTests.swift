import BotCore
import LWSTransport
import TestSupport
import Testing

@testable import WeComAIBot

/// The end that somebody asks for.
@Suite(.timeLimit(.minutes(10)))
struct StopTests {
    static let states = [
        "connecting", "subscribing", "ready", "waiting", "displaced", "credentialsRejected", "closing",
    ]
    static let notSent = Delivery.refused(.init("stopped before it was sent"))
    static let notAcknowledged = Delivery.unknown(.init("stopped before it was acknowledged"))

    enum Ending: CaseIterable { case stop, cancellation, loopShutdown }

    /// Brings a running connection into a state.
    private func reach(_ state: String, _ bench: Bench) async throws {
        switch state {
        case "connecting":
            await bench.world.end(1, .lost)
            await bench.world.adopt { $0.opens = false }
            await bench.world.advance(to: try #require(await bench.connection.state.retryAt))
        case "subscribing": break
        case "credentialsRejected": await bench.acknowledge(bench.frames()[0].requestID, 853_000)
        case "ready": await bench.subscribe()
        case "waiting": await bench.world.end(1, .lost)
        case "displaced": await bench.displace()
        default:
            await bench.subscribe()
            await bench.world.adopt { $0.ends = false }
            await bench.connection.stop()
        }
        #expect(await bench.connection.state.name == state)
    }

    @Test("run() and every waiter are resumed once, in every state", arguments: states, Ending.allCases)
    func stops(state: String, ending: Ending) async throws {
        let bench = try Bench()
        let run = Task { await bench.connection.run() }
        await bench.frame(0)
        try await reach(state, bench)
        var waiters: [Task<Delivery, Never>] = []
        if state != "closing" {
            for text in ["第一", "第二"] {
                waiters.append(await bench.send(text, final: false, through: bench.channel("REQ-1")))
            }
        }
        switch ending {
        case .stop: await bench.connection.stop()
        case .cancellation: run.cancel()
        case .loopShutdown: await bench.loop.shutdown()
        }
        if let first = waiters.first {
            #expect(await first.value == (state == "ready" ? Self.notAcknowledged : Self.notSent))
        }
        for waiter in waiters.dropFirst() { #expect(await waiter.value == Self.notSent) }
        await bench.world.advance(by: .seconds(5))
        await run.value
        let late = await bench.channel("REQ-2").channel.send(BubbleUpdate(bubble: 0, text: "太晚了", isFinal: true))
        #expect(late == Self.notSent)
        await bench.connection.stop()
        await bench.expectEnd()
        await bench.loop.shutdown()
    }

    @Test func stoppedBeforeItRanItReturnsAtOnceAndNeverConnects() async throws {
        let bench = try Bench()
        let waiter = await bench.send("早到", through: bench.channel("REQ-1"))
        await bench.connection.stop()
        #expect(await waiter.value == Self.notSent)
        await bench.connection.run()
        #expect(bench.world.deeds.events.isEmpty)
        await bench.expectEnd()
        await bench.loop.shutdown()
    }

    @Test func whoReceivesIsLetGo() async throws {
        weak var connection: LongConnection?
        do {
            let bench = try Bench()
            connection = bench.connection
            let run = Task { await bench.connection.run() }
            await bench.subscribe()
            await bench.push(id: "1")  // its way back, which the receiver keeps, refers to the connection
            await bench.connection.stop()
            await run.value
            await bench.loop.shutdown()
        }
        while connection != nil, !Task.isCancelled { await Task.yield() }
        #expect(connection == nil)
    }

    @Test func runInACancelledTaskReturns() async throws {
        let bench = try Bench()
        let run = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            await bench.connection.run()
        }
        await run.value
        await bench.expectEnd()
        await bench.loop.shutdown()
    }

    @Test func runOnALoopThatWasShutDownReturns() async throws {
        let bench = try Bench()
        await bench.loop.shutdown()
        await bench.connection.run()
        await bench.expectEnd()
    }

    @Test func theCloseHandshakeHasFiveSeconds() async throws {
        let bench = try Bench()
        let run = Task { await bench.connection.run() }
        await bench.subscribe()
        await bench.world.adopt { $0.ends = false }
        await bench.connection.stop()
        await bench.world.advance(by: .seconds(5) - .nanoseconds(1))
        #expect(await bench.connection.state == .closing)
        #expect(bench.ends() == ["close 1000"])
        await bench.world.advance(by: .nanoseconds(1))
        await run.value
        #expect(bench.ends() == ["close 1000", "abort"])
        await bench.world.end(1, .lost)
        await bench.expectEnd()
        await bench.loop.shutdown()
    }

    @Test func framesThatComeOrWantToGoWhileClosingChangeNothing() async throws {
        let bench = try Bench()
        let run = Task { await bench.connection.run() }
        await bench.subscribe()
        let waiter = await bench.send("在路上", through: bench.channel("REQ-1"))
        await bench.world.adopt { $0.ends = false }
        await bench.connection.stop()
        #expect(await waiter.value == Self.notAcknowledged)
        await bench.acknowledge("REQ-1")
        await bench.displace()
        await bench.world.deliver(
            #"{"cmd":"aibot_msg_callback","headers":{"req_id":"REQ-3"},"body":{"msgid":"MSG-3","chattype":"single","#
                + #""from":{"userid":"u"},"msgtype":"text","text":{"content":"还在吗"}}}"#,
            on: 1
        )
        #expect(bench.received.events.isEmpty)
        #expect(await bench.connection.statistics.messages == 0)
        #expect(await bench.connection.state == .closing)
        let late = await bench.channel("REQ-2").channel.send(BubbleUpdate(bubble: 0, text: "太晚了", isFinal: true))
        #expect(late == Self.notSent)
        await bench.world.end(1, .byServer(1_000))
        await run.value
        await bench.expectEnd()
        await bench.loop.shutdown()
    }
}
