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
                configuration.reconnectBase = .seconds(1)
                configuration.reconnectCap = .seconds(30)
                configuration.minimumAttemptGap = .seconds(1)
                configuration.heartbeatInterval = .seconds(30)
                clients.append(try await bench.client(configuration))
            }
            for client in clients { try await client.ready(within: .seconds(60)) }
            // So that no attempt was less than a second ago.
            try await ContinuousClock().sleep(for: .milliseconds(1_100))
            let began = ContinuousClock.now
            for bot in bots { await bench.gateway.inject(.now(.close(code: 1_001)), bot: bot) }
            let dropped = ContinuousClock.now - began
            var delays: [Double] = []
            var latest = Duration.zero
            for client in clients {
                let lost = try await client.waiting()
                guard case .waiting(let retryAt, _) = lost.change.state else { continue }
                delays.append((retryAt - lost.change.at) / .seconds(1))
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
                let attempts = changes.filter { $0.state == .connecting }.map(\.at)
                for (one, next) in zip(attempts, attempts.dropFirst()) { closest = min(closest, next - one) }
                for (one, next) in zip(changes, changes.dropFirst()) {
                    if case .waiting(let retryAt, _) = one.state { lateness = max(lateness, next.at - retryAt) }
                }
            }
            for client in clients { await client.stop() }
            // Kolmogorov–Smirnov against the uniform distribution from 0 to 1 s; exceeded by chance once in 100,000 runs.
            let distance = kolmogorovSmirnov(delays)
            let critical = 2.47 / Double(count).squareRoot()
            try expect(delays.count, is: count, "the number of waits")
            try expect(distance < critical, "a distance from uniform below \(critical.figure)", seen: distance.figure)
            try expect(closest >= .milliseconds(990), "attempts of one client at least 1 s apart", seen: closest.figure)
            return
                "\(count) TLS connections closed within \(dropped.figure); Kolmogorov–Smirnov distance of their waits from "
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
