import BotCore
import BotFoundation
import FoundationEssentials
import GatewaySimulator
import TestSupport
import WeComAIBot

extension FaultCase {
    /// Clients that were dropped together do not come back together.
    static let thousand = FaultCase("thousand", .works) { context in
        let count = 1_000
        let bots = (0..<count).map { "aib-\($0)" }
        let bench = try await Bench(context, bots: bots)
        return try await bench.run {
            var clients: [Client] = []
            for bot in bots {
                var configuration = try bench.configuration(bot: bot)
                // As it is in production.
                configuration.machine.reconnectBase = .seconds(1)
                configuration.machine.reconnectCap = .seconds(30)
                configuration.machine.minimumAttemptGap = .seconds(1)
                configuration.heartbeatInterval = .seconds(30)
                clients.append(try await bench.client(configuration))
            }
            for client in clients { try await client.ready(within: .seconds(60)) }
            // So that no attempt was less than a second ago.
            try await ContinuousClock().sleep(for: .milliseconds(1_100))
            let began = ContinuousClock.now
            bench.proxy.cut(.reset)
            var delays: [Double] = []
            var latest = Duration.zero
            var lostBetween = (Duration.seconds(60), Duration.zero)
            for client in clients {
                let lost = try await client.waiting()
                guard case .waiting(let retryAt, _) = lost.change.state else { continue }
                guard let lostAt = client.losses.withLock({ $0.first }) else { continue }
                delays.append((retryAt - lostAt) / .seconds(1))
                lostBetween = (min(lostBetween.0, lostAt - began), max(lostBetween.1, lostAt - began))
                let ready = try await client.ready(after: lost.count, within: .seconds(30))
                latest = max(latest, ready.change.at - began)
            }
            // Some once more, as soon as they are back: only the shortest gap keeps their next attempt back.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (bot, client) in zip(bots, clients).prefix(200) {
                    group.addTask {
                        for _ in 0..<2 {
                            let position = client.states.events.count
                            await bench.gateway.inject(.now(.reset), bot: bot)
                            try await client.ready(after: position, within: .seconds(30))
                        }
                    }
                }
                try await group.waitForAll()
            }
            var closest = Duration.seconds(60)
            var lateness = Duration.zero
            for client in clients {
                let changes = client.states.events
                // As planned, and none earlier than planned; the times at which states are read are late on a busy machine.
                let plans = changes.compactMap { if case .waiting(let retryAt, _) = $0.state { retryAt } else { nil } }
                for (one, next) in zip(plans, plans.dropFirst()) { closest = min(closest, next - one) }
                for (one, next) in zip(changes, changes.dropFirst()) {
                    if case .waiting(let retryAt, _) = one.state {
                        try expect(
                            next.at >= retryAt,
                            "no attempt before its time",
                            seen: "\((retryAt - next.at).figure) early"
                        )
                        lateness = max(lateness, next.at - retryAt)
                    }
                }
            }
            await withTaskGroup(of: Void.self) { group in
                for client in clients { group.addTask { await client.stop() } }
            }
            // Kolmogorov–Smirnov against the uniform distribution from 0 to 1 s; exceeded by chance once in 100,000 runs.
            let distance = kolmogorovSmirnov(delays)
            let critical = 2.47 / Double(count).squareRoot()
            try expect(delays.count, is: count, "the number of waits")
            try expect(
                distance < critical,
                "a distance from uniform below \(critical.figure)",
                seen: "\(distance.figure); waits of \(delays.min() ?? 0) to \(delays.max() ?? 0) s"
            )
            try expect(closest >= .seconds(1), "attempts of one client at least 1 s apart", seen: closest.figure)
            return
                "\(count) TLS connections reset, which they noticed after \(lostBetween.0.figure) to \(lostBetween.1.figure); Kolmogorov–Smirnov distance of their waits from "
                + "uniform \(distance.figure) (critical \(critical.figure)); closest two attempts of one client \(closest.figure); all back "
                + "after \(latest.figure) (an attempt at most \(lateness.figure) late)"
        }
    }

    /// The largest distance between the distribution of `values` and the uniform one from 0 to 1.
    private static func kolmogorovSmirnov(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        let count = Double(sorted.count)
        return sorted.enumerated().reduce(0) { worst, next in
            let (index, value) = next
            return max(worst, Double(index + 1) / count - value, value - Double(index) / count)
        }
    }
}

extension Double {
    /// With three digits behind the point.
    var figure: String { "\((self * 1_000).rounded() / 1_000)" }
}
