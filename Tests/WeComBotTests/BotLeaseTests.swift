import GatewaySimulator
import TestSupport
import Testing

@testable import WeComBot

/// Several processes, of which one at a time has the right to connect, as the README shows it.
@Suite(.timeLimit(.minutes(10)))
struct BotLeaseTests {
    /// Somebody's lock: whoever has it keeps it until it is told that it is lost, and gives it back then.
    private actor Lease {
        private let turns = Mailbox<Void>()
        private(set) var holders: [String] = []
        private var isFree = true
        let lost: [String: Mailbox<Void>] = ["A": Mailbox(), "B": Mailbox()]

        func acquire(_ name: String) async -> Bool {
            if !isFree { await turns.next() }
            guard !Task.isCancelled else { return false }
            isFree = false
            holders.append(name)
            return true
        }

        func release() {
            isFree = true
            turns.put(())
        }
    }

    private func host(_ name: String, _ lease: Lease, _ bench: BotBench, _ handler: @escaping BotBench.Handler)
        async throws
    {
        guard await lease.acquire(name) else { return }
        let bot = try bench.bot()
        async let _: Void = {
            await lease.lost[name]?.next()
            bot.stop()
        }()
        try await bot.run(handlesSignals: false, handler)
        await lease.release()
    }

    @Test func theBotGoesFromOneProcessToTheNextAndIsNeverConnectedTwice() async throws {
        let bench = try await BotBench()
        let observations = await bench.gateway.observations(limit: 100_000)
        let (lease, gate) = (Lease(), Mailbox<Void>())
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await host("A", lease, bench) { _, reply in
                    await reply.write("甲开头")
                    await gate.next()
                    await reply.write("，甲结尾")
                }
            }
            try await bench.gateway.waitForSubscription()
            group.addTask { try await host("B", lease, bench) { _, reply in await reply.write("乙") } }

            let first = await bench.gateway.pushText(from: "u", "一")
            _ = try await bench.gateway.waitForBubbles(of: first) { $0.first?.text == "甲开头" }
            lease.lost["A"]?.put(())
            gate.put(())
            let answered = try await bench.gateway.waitForBubbles(of: first) { $0.first?.isFinished == true }
            #expect(answered.map(\.text) == ["甲开头，甲结尾"])
            #expect(try await bench.closeCode() == 1000)

            try await bench.gateway.waitForSubscription()
            let second = await bench.gateway.pushText(from: "u", "二")
            let next = try await bench.gateway.waitForBubbles(of: second) { $0.first?.isFinished == true }
            #expect(next.map(\.text) == ["乙"])
            lease.lost["B"]?.put(())
            try await group.waitForAll()
        }
        #expect(await lease.holders == ["A", "B"])
        try await bench.end()
        var displacements = 0
        for await observation in observations { if case .displaced = observation.event { displacements += 1 } }
        #expect(displacements == 0)
    }
}
