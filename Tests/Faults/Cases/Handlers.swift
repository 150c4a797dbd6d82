import BotCore
import BotFoundation
import GatewaySimulator
import Glibc
import TestSupport
import WeComAIBot

extension FaultCase {
    private struct Broken: Error {}

    /// What handlers do to themselves does not touch the heartbeat or other chats.
    static let handlers = FaultCase("handlers", .waits) { context in
        let bench = try await Bench(context)
        return try await bench.run {
            var configuration = try bench.configuration()
            configuration.heartbeatInterval = .seconds(1)
            let client = try await bench.client(configuration) { message, reply in
                switch message.text {
                case "block": sleep(5)
                case "throw": throw Broken()
                case "never": try await ContinuousClock().sleep(for: .seconds(3_600))
                case "inside":
                    await reply.write("first")
                    let outcome = await reply.finish()
                    let again = await reply.finish("second")
                    await reply.write("third")
                    guard outcome == .delivered, again == outcome else { throw Broken() }
                default: await reply.write("echo: \(message.text)")
                }
            }
            try await client.ready()
            let observations = await bench.gateway.observations(limit: 100_000)
            let began = ContinuousClock.now
            // More than there are processors, or threads of Swift's pool.
            for number in 0..<32 { await bench.gateway.pushText(from: "block-\(number)", "block") }
            for number in 0..<8 { await bench.gateway.pushText(from: "never-\(number)", "never") }
            let failed = await bench.gateway.pushText(from: "throw", "throw")
            let inside = await bench.gateway.pushText(from: "inside", "inside")
            var latencies: [Duration] = []
            while .now - began < .seconds(4) {
                let sent = ContinuousClock.now
                let number = latencies.count
                let message = await bench.gateway.pushText(from: "other-\(number % 7)", "hello \(number)")
                let answer = try await bench.gateway.waitForAnswer(to: message)
                try expect(answer, is: "echo: hello \(number)", "the answer")
                latencies.append(.now - sent)
                try await ContinuousClock().sleep(for: .milliseconds(40))
            }
            let apology = try await bench.gateway.waitForAnswer(to: failed)
            try expect(apology.contains("Sorry"), "an apology", seen: apology)
            let answer = try await bench.gateway.waitForBubbles(of: inside)
            try expect(answer.map(\.text), is: ["first"], "the answer of a handler that finishes twice")
            await client.stop()
            await bench.gateway.stop()
            var pings: [ContinuousClock.Instant] = []
            for await observation in observations {
                if case .received(_, "ping", _, _) = observation.event { pings.append(observation.at) }
            }
            let gaps = zip(pings, pings.dropFirst()).map { $1 - $0 }
            let worst = latencies.max() ?? .zero
            try expect(
                gaps.count >= 2 && gaps.allSatisfy { $0 < .milliseconds(1_500) },
                "pings 1 s apart, at most 1.5 s",
                seen: gaps.map(\.figure).joined(separator: ", ")
            )
            try expect(worst < .seconds(1), "other chats answered within 1 s", seen: worst.figure)
            return
                "32 handlers blocked their threads, 8 never returned, one threw, one finished twice: longest gap between "
                + "pings \((gaps.max() ?? .zero).figure) (heartbeat 1 s), slowest of \(latencies.count) other answers \(worst.figure)"
        }
    }
}
