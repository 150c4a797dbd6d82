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
        let unheard = try await deadWriteHalfUnderTraffic(context, heartbeat, slack)
        return
            "found after: \(figures.joined(separator: ", ")) (heartbeat 1 s: bound 1.5 s; at the default of 30 s: 45 s); "
            + "dead write half while messages arrive \(unheard.figure) (bound 3 s; at the default 90 s)"
    }

    /// Each message is a sign of life; what tells is that no heartbeat is answered.
    private static func deadWriteHalfUnderTraffic(
        _ context: Context,
        _ heartbeat: Duration,
        _ slack: Duration
    ) async throws -> Duration {
        let bench = try await Bench(context)
        return try await bench.run {
            var configuration = try bench.configuration()
            configuration.heartbeatInterval = heartbeat
            let client = try await bench.client(configuration)
            let position = try await client.ready().count
            let began = ContinuousClock.now
            bench.proxy.freeze([.up])
            async let _ = talk(to: bench.gateway, every: heartbeat / 10)
            let lost = try await client.waiting(after: position)
            let delay = lost.change.at - began
            let bound = heartbeat * 3
            try expect(delay <= bound + slack, "found within \(bound.figure) under traffic", seen: delay.figure)
            let reason = lost.change.state.reason ?? ""
            try expect(reason.contains("heartbeats are not answered"), "the reason", seen: reason)
            bench.proxy.freeze(Direction.allCases, false)
            try await client.ready(after: lost.count)
            await client.stop()
            return delay
        }
    }

    private static func talk(to gateway: Gateway, every pause: Duration) async throws {
        while true {
            _ = await gateway.pushText(from: "u", "听得见吗")
            try await ContinuousClock().sleep(for: pause)
        }
    }

    /// An answer that was given while the link was dead, and not yet known to be, arrives when there is a link again, although
    /// its handler was told long ago that its fate is not known.
    static let halfOpenAnswer = FaultCase("half-open-answer", .waits) { context in
        let bench = try await Bench(context)
        return try await bench.run {
            var configuration = try bench.configuration()
            configuration.heartbeatInterval = .seconds(3)
            // Short, so that the slot is free long before the link is found dead.
            configuration.machine.acknowledgementDeadline = .milliseconds(300)
            configuration.machine.slotExpiry = .milliseconds(600)
            let (told, gate) = (EventRecorder<Delivery>(), EventRecorder<Void>())
            let client = try await bench.client(configuration) { message, reply in
                await reply.write("half ")
                await gate.wait { !$0.isEmpty }
                told.record(await reply.finish("half and half: " + message.text))
            }
            let position = try await client.ready().count
            let message = await bench.gateway.pushText(from: "u", "你好👋🏽")
            try await bench.gateway.waitForBubbles(of: message) { !$0.isEmpty }
            bench.proxy.freeze([.up])
            gate.record(())
            let lost = try await client.waiting(after: position)
            let outcomes = told.events
            guard outcomes.count == 1, case .unknown = outcomes[0] else {
                throw Failure(expected: "an answer whose fate is not known", seen: "\(outcomes)")
            }
            bench.proxy.freeze(Direction.allCases, false)
            try await client.ready(after: lost.count)
            let answer = try await bench.gateway.waitForAnswer(to: message)
            try expect(answer, is: "half and half: 你好👋🏽", "the answer")
            await client.stop()
            return "the handler was told that nothing came back; the whole answer was there after the next connect"
        }
    }
}
