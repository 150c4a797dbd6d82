import BotCore
import BotFoundation
import GatewaySimulator
import TestSupport
import WeComAIBot

extension FaultCase {
    /// A connection that is open and dead is found within one and a half heartbeats.
    static let silence = FaultCase("silence", .waits) { context in
        let heartbeat = Duration.seconds(1)
        /// What scheduling on a busy machine may add.
        let slack = Duration.milliseconds(400)
        let deaths: [(name: String, strike: @Sendable (Bench) async -> Void)] = [
            ("mute server", { await $0.gateway.inject(.now(.mute)) }),
            ("server that reads nothing", { await $0.gateway.inject(.now(.freezeReading)) }),
            ("frozen link", { $0.proxy.freeze() }),
            ("dead write half", { $0.proxy.freeze([.up]) }),
            ("dead read half", { $0.proxy.freeze([.down]) }),
            ("half-open link", { $0.proxy.halfOpen() }),
        ]
        var figures: [String] = []
        try await withThrowingTaskGroup(of: (Int, Duration).self) { group in
            for (number, death) in deaths.enumerated() {
                group.addTask {
                    let bench = try await Bench(context)
                    return try await bench.run {
                        var configuration = try bench.configuration()
                        configuration.heartbeatInterval = heartbeat
                        let client = try await bench.client(configuration)
                        let position = try await client.ready().count
                        // At different places of the heartbeat's period.
                        try await ContinuousClock().sleep(for: heartbeat * number / deaths.count)
                        let began = ContinuousClock.now
                        await death.strike(bench)
                        let lost = try await client.waiting(after: position, within: heartbeat * 4)
                        let delay = lost.change.at - began
                        try expect(
                            delay <= heartbeat * 3 / 2 + slack,
                            "\(death.name) found within \((heartbeat * 3 / 2).figure)",
                            seen: delay.figure
                        )
                        bench.proxy.freeze(Direction.allCases, false)
                        try await client.ready(after: lost.count)
                        await client.stop()
                        return (number, delay)
                    }
                }
            }
            var delays = [Duration](repeating: .zero, count: deaths.count)
            for try await (number, delay) in group { delays[number] = delay }
            figures = deaths.indices.map { "\(deaths[$0].name) \(delays[$0].figure)" }
        }
        return
            "found after: \(figures.joined(separator: ", ")) (heartbeat 1 s: bound 1.5 s; at the default of 30 s: 45 s)"
    }
}
