import BotCore
import BotFoundation
import FoundationEssentials
import GatewaySimulator
import Glibc
import TestSupport
import WeComAIBot

extension FaultCase {
    /// A process that is killed at any moment and started again neither answers a message twice nor forgets one.
    static let kill = FaultCase("kill", .waits) { context in
        let rounds = 50
        let bench = try await Bench(context)
        return try await bench.run {
            let directory = FileManager.default.temporaryDirectory.appending(path: "faults-state-\(bench.gatewayPort)")
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: directory) }
            let state = ["WECOM_STATE_FILE": directory.appending(path: "state.sqlite").path()]
            var generator = context.generator(50)
            var load = KillLoad()
            let observations = await bench.gateway.observations(limit: 1_000_000)
            for round in 0...rounds {
                let bot = try EchoProcess(bench, extra: state)
                do {
                    try await bench.gateway.waitForSubscription(within: .seconds(5))
                } catch {
                    bot.process.signal(SIGKILL)
                    let (status, output) = try await bot.process.end()
                    if output.contains("WECOM_STATE_FILE") {
                        throw Skipped(reason: "no state file support in echo-bot")
                    }
                    throw Failure(
                        expected: "echo-bot to subscribe in round \(round)",
                        seen: "status \(status): \(output.suffix(300))"
                    )
                }
                // What was under way when it was killed is still to be settled by the one that follows.
                let life =
                    round == rounds ? Duration.seconds(3) : .milliseconds(Int.random(in: 20...400, using: &generator))
                let end = ContinuousClock.now + life
                while .now < end {
                    if round < rounds {
                        let number = load.messages.count
                        let text = number % 3 == 0 ? "!stream 8 30 K\(number)" : "kill \(number)"
                        load.messages.append((await bench.gateway.pushText(from: "user-\(number % 12)", text), .now))
                    }
                    try await ContinuousClock().sleep(for: .milliseconds(Int.random(in: 5...30, using: &generator)))
                }
                bot.process.signal(round == rounds ? SIGTERM : SIGKILL)
                load.kills.append(.now)
                load.outputs.append(try await bot.process.end().output)
            }
            await bench.gateway.stop()
            return try await load.verdict(bench, observations, rounds: rounds)
        }
    }
}

/// The messages of the load, and what became of them.
private struct KillLoad {
    var messages: [(PushedMessage, at: ContinuousClock.Instant)] = []
    var kills: [ContinuousClock.Instant] = []
    var outputs: [String] = []

    /// A message that came this short before a kill may be on no disk yet. (The service has no way to learn that it was read.)
    private static let window = Duration.milliseconds(60)

    func verdict(_ bench: Bench, _ observations: AsyncStream<Observation>, rounds: Int) async throws -> String {
        var finals: [String: Int] = [:]
        var notices: Set<String> = []
        for await observation in observations {
            switch observation.event {
            case .updated(let id, _, let bubble) where bubble.isFinished: finals[id, default: 0] += 1
            case .sent(let chat, _, _): notices.insert(chat)
            default: break
            }
        }
        let output = outputs.joined()
        var counts = (answered: 0, reported: 0, neverSeen: 0, tooLate: 0)
        for (message, pushedAt) in messages {
            let shown = await bench.gateway.answer(to: message)
            let finished = shown.filter(\.isFinished).count
            try expect(finished <= 1, "\(message.messageID) answered once", seen: "\(shown)")
            if finished == 1 {
                counts.answered += 1
            } else if !output.contains("msgid=\(message.messageID)") {
                // Killed before it had read the message: the service does not send it again.
                counts.neverSeen += 1
                try expect(shown.isEmpty, "nothing shown of a message that was never read", seen: "\(shown)")
            } else if shown.isEmpty, kills.contains(where: { (Duration.zero...Self.window).contains($0 - pushedAt) }) {
                // Read, but killed before it could be written down.
                counts.tooLate += 1
            } else {
                let isReported = output.split(separator: "\n").contains {
                    $0.contains("msgid=\(message.messageID)") && ($0.contains(" notice ") || $0.contains(" warning "))
                }
                try expect(
                    isReported || notices.contains(message.chat),
                    "\(message.messageID), which it had read, to be answered or reported",
                    seen: "\(shown)"
                )
                counts.reported += 1
            }
        }
        return
            "\(messages.count) messages, \(rounds) kills: \(counts.answered) answered once, \(counts.reported) reported, "
            + "\(counts.neverSeen) not read before the kill, \(counts.tooLate) read less than \(Self.window.figure) before it; none answered twice"
    }
}
