import LWSTransport
import Testing

@testable import WeComAIBot

/// The stream of states tells the truth, to everybody.
@Suite(.timeLimit(.minutes(10)))
struct StateStreamTests {
    @Test func everyObserverSeesEveryChangeInOrderFromWhereItBegan() async throws {
        let bench = try Bench()
        let early = await bench.connection.states()
        let run = Task { await bench.connection.run() }
        await bench.subscribe()
        let late = await bench.connection.states()
        await bench.world.end(1, .lost)
        await bench.reconnect(2)
        await bench.displace(on: 2)
        await bench.connection.stop()
        await run.value
        let fromReady = ["ready", "waiting", "connecting", "subscribing", "ready", "displaced", "stopped"]
        #expect(await names(early) == ["idle", "connecting", "subscribing"] + fromReady)
        #expect(await names(late) == fromReady)
        #expect(await names(bench.connection.states()) == ["stopped"], "after the end there is only the end")
        await bench.expectEnd()
        await bench.loop.shutdown()
    }

    @Test func aReaderThatFallsBehindLosesTheOldestNeverTheLatest() async throws {
        let bench = try Bench()
        let states = await bench.connection.states()
        let run = Task { await bench.connection.run() }
        for link in 1...100 {
            await bench.reconnect(link)
            await bench.world.end(link, .lost)
        }
        await bench.connection.stop()
        await run.value
        let seen = await names(states)
        #expect(seen.count == 256)
        #expect(seen.suffix(4) == ["subscribing", "ready", "waiting", "stopped"])
        await bench.expectEnd()
        await bench.loop.shutdown()
    }

    @Test func anObserverThatLeavesIsForgotten() async throws {
        try await Bench.run { bench in
            #expect(bench.connection.observerCount == 1)
            let reader = Task {
                for await state in await bench.connection.states() where state == .ready { break }
            }
            await bench.subscribe()
            await reader.value
            while bench.connection.observerCount > 1 { await Task.yield() }
        }
    }

    private func names(_ states: AsyncStream<ConnectionState>) async -> [String] {
        var names: [String] = []
        for await state in states { names.append(state.name) }
        return names
    }
}
