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
                    let (status, output) = try await bot.end()
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
                        let streams = number % 3 == 0
                        let text = streams ? "!stream 8 30 K\(number)" : "kill \(number)"
                        let answer = streams ? (0..<8).map { "K\(number):0000\($0);" }.joined() : "echo: \(text)"
                        let message = await bench.gateway.pushText(from: "user-\(number % 120)", text)
                        load.messages.append((message, answer, .now))
                    }
                    try await ContinuousClock().sleep(for: .milliseconds(Int.random(in: 5...30, using: &generator)))
                }
                // Half of the time in the very moment in which a message arrives.
                if round < rounds, Bool.random(using: &generator) {
                    let number = load.messages.count
                    let message = await bench.gateway.pushText(from: "user-\(number % 120)", "kill \(number)")
                    load.messages.append((message, "echo: kill \(number)", .now))
                    usleep(UInt32.random(in: 0...4_000, using: &generator))
                }
                bot.process.signal(round == rounds ? SIGTERM : SIGKILL)
                load.kills.append(.now)
                load.outputs.append(try await bot.end().output)
            }
            await bench.gateway.stop()
            return try await load.verdict(bench, observations, rounds: rounds)
        }
    }
}

/// The messages of the load, and what became of them.
private struct KillLoad {
    var messages: [(PushedMessage, answer: String, at: ContinuousClock.Instant)] = []
    var kills: [ContinuousClock.Instant] = []
    var outputs: [String] = []

    func verdict(_ bench: Bench, _ observations: AsyncStream<Observation>, rounds: Int) async throws -> String {
        var notices: Set<String> = []
        for await observation in observations {
            if case .sent(let chat, _, _) = observation.event { notices.insert(chat) }
        }
        let output = outputs.joined()
        var counts = (answered: 0, interrupted: 0, reported: 0, neverSeen: 0, tooLate: 0)
        // What came last before a kill may be on no disk yet. (The service has no way to learn that it was read.) But a process
        // writes messages down in the order in which they came: with one of which something is known, all before it are.
        var lastKnown = [Int](repeating: -1, count: kills.count + 1)
        for (number, (message, _, pushedAt)) in messages.enumerated() {
            let life = kills.firstIndex { $0 >= pushedAt } ?? kills.count
            if await !bench.gateway.answer(to: message).isEmpty { lastKnown[life] = number }
        }
        for (number, (message, answer, pushedAt)) in messages.enumerated() {
            let shown = await bench.gateway.answer(to: message)
            let finished = shown.filter(\.isFinished).count
            try expect(finished <= 1, "\(message.messageID) answered once", seen: "\(shown)")
            if finished == 1 {
                // Whole, or cut short with a sentence that says so.
                let isWhole = shown[0].text == answer
                try expect(
                    isWhole || shown[0].text.contains("interrupted"),
                    "\(message.messageID) to be answered with \(answer), or to say that it was interrupted",
                    seen: shown[0].text
                )
                if isWhole { counts.answered += 1 } else { counts.interrupted += 1 }
            } else if !output.contains("msgid=\(message.messageID)") {
                // Killed before it had read the message: the service does not send it again.
                counts.neverSeen += 1
                try expect(shown.isEmpty, "nothing shown of a message that was never read", seen: "\(shown)")
            } else if shown.isEmpty, let life = kills.firstIndex(where: { $0 >= pushedAt }), number > lastKnown[life] {
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
            "\(messages.count) messages, \(rounds) kills: \(counts.answered) answered once and whole, \(counts.interrupted) finished as interrupted, \(counts.reported) reported, "
            + "\(counts.neverSeen) not read before the kill, \(counts.tooLate) read just before it; none answered twice"
    }
}
