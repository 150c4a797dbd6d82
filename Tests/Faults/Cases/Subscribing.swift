import BotCore
import BotFoundation
import GatewaySimulator
import TestSupport
import WeComAIBot

extension FaultCase {
    /// Throttled subscribes are tried again; a throttled answer is never taken for a delivered one.
    static let throttled = FaultCase("throttled", .waits) { context in
        let bench = try await Bench(context)
        return try await bench.run {
            await bench.gateway.inject(.refuseSubscribe(.throttled, times: 6))
            let client = try await bench.client { message, reply in
                await reply.write("answer to \(message.text)")
            }
            let position = try await client.ready().count
            let refused = client.states.events.prefix(position).count { $0.state.reason?.contains("45009") == true }
            try expect(refused, is: 6, "waits that name errcode 45009:")
            await bench.gateway.inject(.onFrame(FrameFilter(commands: [.respond], isFinal: true), .answer(.throttled)))
            let message = await bench.gateway.pushText(from: "ann", "hello")
            let total = try await client.settled(1, within: .seconds(30))
            let outcome: Delivery? = total.delivered == 1 ? .delivered : nil
            let sight = try await bench.sight(of: message, "answer to hello", claims: outcome)
            await client.stop()
            let isShown = sight.isWhole
            try expect(
                isShown == (total.delivered == 1),
                "a verdict that is true (shown: \(isShown))",
                seen: "delivered \(total.delivered), refused \(total.undelivered), unknown \(total.unknown)"
            )
            return "45009 to 6 subscribes: back; 45009 to the last frame of an answer: "
                + (isShown ? "the answer arrived" : "the answer was reported as refused, and is not shown")
        }
    }

    /// Wrong credentials are a state of their own, said loudly once, and tried slowly.
    static let badCredentials = FaultCase("bad-credentials", .waits) { context in
        let bench = try await Bench(context)
        return try await bench.run {
            await bench.gateway.inject(.refuseSubscribe(40_001, times: 3))
            var configuration = try bench.configuration()
            configuration.machine.credentialsRetryBase = .milliseconds(400)
            let client = try await bench.client(configuration)
            let position = try await client.ready().count
            // By the client's own times: what is seen of them is seen later.
            var gaps: [Duration] = []
            var last: ContinuousClock.Instant?
            for change in client.states.events.prefix(position) {
                if case .credentialsRejected(let since, let retryAt, let code) = change.state {
                    try expect(code.rawValue, is: 40_001, "the code")
                    gaps.append(retryAt - (last ?? since))
                    last = retryAt
                } else if change.state == .connecting, let last {
                    try expect(change.at >= last, "no attempt before its time", seen: (last - change.at).figure)
                }
            }
            try expect(gaps.count, is: 3, "the number of rejections")
            let bounds: [Duration] = [.milliseconds(200), .milliseconds(400), .milliseconds(800)]
            for (gap, bound) in zip(gaps, bounds) {
                try expect(gap >= bound, "a wait of at least \(bound.figure)", seen: gap.figure)
            }
            let loud = client.lines.events.count { $0.level == .error }
            try expect(loud, is: 1, "the number of lines at error level")
            await client.stop()
            return
                "40001 three times: waits of \(gaps.map(\.figure).joined(separator: ", ")) (first bound 200 ms here, 7.5 s "
                + "by default), one line at error level, then back"
        }
    }

    /// Two processes with one bot do not chase each other, whatever they were told to do.
    static let twoClients = FaultCase("two-clients", .waits) { context in
        let pairs: [(first: DisplacementPolicy, second: DisplacementPolicy, most: Int)] = [
            (.yield, .yield, 5), (.takeOver, .yield, 12), (.takeOver, .takeOver, 14), (.stop, .yield, 1),
        ]
        let figures = try await withThrowingTaskGroup(of: (Int, Int).self) { group in
            for (number, pair) in pairs.enumerated() {
                group.addTask { (number, try await displacements(pair.first, pair.second, context)) }
            }
            var figures = [Int](repeating: 0, count: pairs.count)
            for try await (number, count) in group { figures[number] = count }
            return figures
        }
        for (pair, count) in zip(pairs, figures) {
            try expect(
                (1...pair.most).contains(count),
                "1 to \(pair.most) displacements of \(pair.first) and \(pair.second)",
                seen: "\(count)"
            )
        }
        let told = zip(pairs, figures).map { "\($0.first) and \($0.second) \($1)" }
        return "displacements in 6 s, with waits a hundredth of the default: \(told.joined(separator: ", "))"
    }

    /// How often one of two clients is displaced while ten minutes pass, a hundred times as fast.
    private static func displacements(
        _ first: DisplacementPolicy,
        _ second: DisplacementPolicy,
        _ context: Context
    ) async throws -> Int {
        let bench = try await Bench(context) { $0.displacedCloseDelay = .milliseconds(10) }
        return try await bench.run {
            func client(_ policy: DisplacementPolicy) async throws -> Client {
                var configuration = try bench.configuration()
                configuration.machine.displacementPolicy = policy
                configuration.machine.displacedRetryBase /= 100
                configuration.machine.displacedRetryCap /= 100
                configuration.machine.takeOverRetryBase /= 100
                configuration.machine.takeOverRetryCap /= 100
                return try await bench.client(configuration)
            }
            let one = try await client(first)
            try await one.ready()
            let other = try await client(second)
            try await ContinuousClock().sleep(for: .seconds(6))
            var count = await one.connection.statistics.displacements
            if first == .stop {
                try await one.state("stopped") { $0 == .stopped }
                try await other.ready()
            } else {
                count += await other.connection.statistics.displacements
            }
            await one.stop()
            await other.stop()
            return count
        }
    }
}
