import BotCore
import BotFoundation
import GatewaySimulator
import Glibc
import WeComAIBot

/// Conversations at about 50 frames a second over many chats while something goes wrong every few seconds, and what that costs.
struct Soak {
    private static let chats = 40
    private static let heartbeat = Duration.seconds(2)
    /// What is allocated may grow by no more than this, KiB a minute, beyond twice its noise. What the process holds is told, but
    /// not judged: it grows by steps when there are more threads or the allocator has it in pieces, and says nothing of what is kept.
    private static let maximumSlope = 64.0

    private let context: Context
    private let length: Duration

    init(_ context: Context, minutes: Double) {
        self.context = context
        length = .seconds(minutes * 60)
    }

    /// Runs it: whether everything held.
    func run() async throws -> Bool {
        say("soak for \(length.figure), seed \(context.seed)")
        let bench = try await Bench(
            context,
            configure: {
                $0.rememberedCallbacks = 1_000
                $0.displacedCloseDelay = .milliseconds(100)
                $0.acknowledgementLatency = .upTo(.milliseconds(40))
            }
        )
        let ledger = SoakLedger(heartbeat: Self.heartbeat, patience: .seconds(280))
        return try await bench.run {
            var configuration = try bench.configuration()
            configuration.heartbeatInterval = Self.heartbeat
            configuration.machine.reconnectBase = .milliseconds(200)
            configuration.machine.reconnectCap = .seconds(2)
            configuration.machine.minimumAttemptGap = .milliseconds(200)
            configuration.machine.displacedRetryBase = .milliseconds(400)
            configuration.machine.displacedRetryCap = .seconds(2)
            var dispatching = DispatcherConfiguration()
            // Ten times as fast to its steady state as by default, as is everything else that fills up.
            dispatching.duplicateTimeToLive = .seconds(60)
            let client = try await bench.client(
                configuration,
                dispatching: dispatching,
                keepsHistory: false,
                handler: { message, reply in
                    let pieces = (0..<10).map { "\(message.text), part \($0), 第\($0)段 🙂; " }
                    for piece in pieces {
                        await reply.write(piece)
                        try await ContinuousClock().sleep(for: .milliseconds(310))
                    }
                    let outcome = await reply.finish()
                    // Some of the garbage is a message, if a strange one.
                    guard let known = ledger.message(message.id) else { return ledger.forget(message.id) }
                    let text = pieces.joined()
                    ledger.ended(message.id, outcome, try await bench.sight(of: known, text, claims: outcome))
                    bench.pushed.withLock { $0[text] = nil }
                },
                adapt: { message, channel in
                    ledger.received(message.id)
                    return channel
                }
            )
            try await bench.gateway.waitForSubscription()
            let samples = try await load(bench, ledger, client)
            return try await verdict(ledger, client, samples)
        }
    }

    private typealias Sample = (minute: Double, usage: ProcessUsage)

    /// Talks and breaks things until the time is over: what was used meanwhile.
    private func load(_ bench: Bench, _ ledger: SoakLedger, _ client: Client) async throws -> [Sample] {
        let began = ContinuousClock.now
        let end = began + length
        let observations = await bench.gateway.observations(limit: 100_000)
        let (context, chats) = (context, Self.chats)
        return try await withThrowingTaskGroup(of: [Sample].self) { group in
            group.addTask {
                for await observation in observations { ledger.observed(observation) }
                return []
            }
            group.addTask {
                var number = 0
                while .now < end {
                    await bench.gateway.pushText(from: "user", in: "chat-\(number % chats)", "message \(number)")
                    number += 1
                    try await ContinuousClock().sleep(for: .milliseconds(130))
                }
                return []
            }
            group.addTask {
                var generator = context.generator(17)
                while .now < end {
                    let fault = SoakFault.allCases.randomElement(using: &generator) ?? .cut
                    try await fault.strike(bench, ledger, &generator)
                    try await ContinuousClock().sleep(
                        for: .milliseconds(Int.random(in: 1_000...4_000, using: &generator))
                    )
                }
                return []
            }
            group.addTask {
                var samples: [Sample] = []
                var nextLine = began + .seconds(30)
                while .now < end {
                    try await ContinuousClock().sleep(for: .seconds(5))
                    ledger.sweep()
                    let minute = (ContinuousClock.now - began) / .seconds(60)
                    samples.append((minute, .now))
                    if .now >= nextLine {
                        nextLine += .seconds(30)
                        say(Self.line(minute, ledger, .now))
                    }
                }
                return samples
            }
            var samples: [Sample] = []
            for _ in 0..<3 { samples += try await group.next() ?? [] }
            // Everything is whole again: what is under way has its time to end.
            await bench.gateway.clearFaults()
            bench.proxy.freeze(Direction.allCases, false)
            bench.proxy.quality()
            let deadline = ContinuousClock.now + .seconds(300)
            while ledger.openCount > 0, .now < deadline {
                try await ContinuousClock().sleep(for: .milliseconds(200))
                ledger.sweep()
            }
            group.cancelAll()
            return samples
        }
    }

    private func verdict(_ ledger: SoakLedger, _ client: Client, _ samples: [Sample]) async throws -> Bool {
        let statistics = await client.connection.statistics
        let unsettled = await client.connection.unsettled
        await client.stop()
        let totals = ledger.totals
        let minutes = length / .seconds(60)
        // What remembers the past has to fill up first: the simulator, and the runtime, which keeps a sleep that was cancelled
        // until its time, up to five and a half minutes.
        let steady = samples.filter { $0.minute >= min(6, minutes / 2) }
        let memory = Trend(steady.map { (x: $0.minute, y: Double($0.usage.heapKiB)) })
        let resident = Trend(steady.map { (x: $0.minute, y: Double($0.usage.residentKiB)) })
        // The first minutes say nothing about the others.
        let isJudged = minutes >= 8
        let isFlat = !isJudged || memory.map { $0.slope - 2 * $0.noise <= Self.maximumSlope } ?? true
        let descriptors = steady.map(\.usage.descriptors)
        let floor = Floor(descriptors)
        let isTidy = floor?.holds ?? true
        let isPunctual = totals.worstDrift < Self.heartbeat / 2
        let frames = Int((Double(totals.frames) / (minutes * 60)).rounded())
        say(
            """
            \(totals.messages) messages (\(totals.unsent) more while nobody was subscribed), \(totals.frames) frames (\(frames)/s): \(totals.delivered) delivered, \(totals.refused) refused, \
            \(totals.unknown) unknown; \(totals.lostOnTheWay) never reached the bot; \(totals.unfinished) bubbles left unfinished, as reported
            \(totals.reconnects) connections, \(statistics.displacements) displacements, \(statistics.malformedFrames) malformed frames, \
            \(statistics.conflicts) conflicts, \(statistics.strayAcknowledgements) late acknowledgements, \
            \(client.dispatcher.statistics.duplicates) repetitions dropped, \(unsettled) requests left over
            """
        )
        if let memory, let resident {
            say(
                "memory \(memory.slope.rounded(1)) ± \(memory.noise.rounded(1)) KiB/min \(isJudged ? "(bound \(Self.maximumSlope) and twice the noise)" : "(not judged: under 8 minutes)"), "
                    + "\((steady.last?.usage.heapKiB ?? 0) / 1_024) MiB at the end (of the process: \(resident.slope.rounded(1)) ± \(resident.noise.rounded(1)) KiB/min, "
                    + "\((steady.last?.usage.residentKiB ?? 0) / 1_024) MiB); descriptors \(descriptors.min() ?? 0) to "
                    + "\(descriptors.max() ?? 0), at least \(floor?.first ?? 0) at first and \(floor?.last ?? 0) at the end "
                    + "(bound \(Floor.allowance) more); threads \(steady.last?.usage.threads ?? 0)"
            )
        }
        say(
            "worst heartbeat drift \(totals.worstDrift.figure) (bound \((Self.heartbeat / 2).figure)); lost \(totals.lost); false successes \(totals.falseSuccesses)"
        )
        let leaks = context.audit.result
        say("\(leaks.lines) lines of log at trace level, \(leaks.findings.count) with a secret")
        for finding in ledger.findings + leaks.findings { say("  \(finding)") }
        let faults = [
            ("messages were lost", totals.lost > 0), ("successes were false", totals.falseSuccesses > 0),
            ("nothing was delivered", totals.delivered == 0), ("memory grows", !isFlat),
            ("descriptors grow", !isTidy), ("heartbeats drift", !isPunctual),
            ("a secret was logged", !leaks.findings.isEmpty),
        ].compactMap { $1 ? $0 : nil }
        say(faults.isEmpty ? "PASS" : "FAIL: \(faults.joined(separator: ", "))")
        return faults.isEmpty
    }

    private static func line(_ minute: Double, _ ledger: SoakLedger, _ usage: ProcessUsage) -> String {
        let totals = ledger.totals
        return "\(minute.rounded(1)) min".padded(to: 10)
            + "messages \(totals.messages)".padded(to: 16) + "delivered \(totals.delivered)".padded(to: 17)
            + "refused \(totals.refused)".padded(to: 13) + "unknown \(totals.unknown)".padded(to: 13)
            + "unread \(totals.lostOnTheWay)".padded(to: 12) + "lost \(totals.lost)".padded(to: 8)
            + "false \(totals.falseSuccesses)".padded(to: 9) + "links \(totals.reconnects)".padded(to: 12)
            + "heap \(usage.heapKiB) KiB".padded(to: 16) + "RSS \(usage.residentKiB) KiB".padded(to: 15)
            + "fds \(usage.descriptors)".padded(to: 9) + "drift \(totals.worstDrift.figure)"
    }

    private func say(_ text: String) {
        let bytes = Array((text + "\n").utf8)
        _ = write(STDOUT_FILENO, bytes, bytes.count)
    }
}

extension Double {
    fileprivate func rounded(_ digits: Int) -> Double {
        let scale = pow(10, Double(digits))
        return (self * scale).rounded() / scale
    }
}
