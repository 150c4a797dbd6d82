import BotCore
import BotFoundation
import FoundationEssentials
import GatewaySimulator
import Glibc
import TestSupport
import WeComAIBot

extension FaultCase {
    /// A large file goes over a slow line, and meanwhile other chats are answered nearly as fast as ever.
    static let upload = FaultCase("upload", .works) { context in
        let size = context.uploadBytes
        let bench = try await Bench(context)
        return try await bench.run {
            let bot = try EchoProcess(bench, heartbeat: 30)
            try await bench.gateway.waitForSubscription(within: .seconds(5))
            bench.proxy.quality(latency: .milliseconds(20), bandwidth: bandwidth)
            var plain: [Duration] = []
            for number in 0..<20 { plain.append(try await probe(bench, number)) }
            let usual = plain.sorted()[plain.count / 2]
            let memory = try residentKilobytes(bot.process.id)

            let began = ContinuousClock.now
            let message = await bench.gateway.pushText(from: "uploader", "!file \(size)")
            let isDone = Locked<Duration?>(nil)
            // What the line takes at least, twice, and what a cut costs.
            let limit = Duration.seconds(size * 4 / 3 / bandwidth * 2 + 60)
            async let bubbles = bench.gateway.waitForBubbles(of: message, within: limit)
            async let delays = withThrowingTaskGroup(of: Duration.self) { group in
                var number = 100
                while isDone.withLock({ $0 }) == nil {
                    let current = number
                    group.addTask { try await probe(bench, current) }
                    number += 1
                    try await ContinuousClock().sleep(for: .milliseconds(290))
                }
                var delays: [Duration] = []
                for try await delay in group { delays.append(max(.zero, delay - usual)) }
                return delays.sorted()
            }
            do {
                _ = try await bubbles
            } catch {
                isDone.withLock { $0 = .now - began }
                throw error
            }
            let took = ContinuousClock.now - began
            isDone.withLock { $0 = took }
            let sorted = try await delays
            let peak = try residentKilobytes(bot.process.id, "VmHWM")
            guard let file = try await bubbles.first?.mediaID, let media = await bench.gateway.media(file) else {
                throw Failure(expected: "a file", seen: "\(try await bubbles)")
            }
            try expect(media.bytes, is: size, "the size")
            bot.process.signal(SIGTERM)
            let (status, output) = try await bot.end()
            try expect(status, is: 0, "the status")
            try expect(!output.contains("not connected"), "one connection all the time", seen: output)
            let p99 = sorted[min(sorted.count - 1, sorted.count * 99 / 100)]
            let figure =
                "\(size) bytes at 2 Mbit/s in \(took.figure); \(sorted.count) answers in other chats came later by "
                + "\(sorted[sorted.count / 2].figure) (median), \(p99.figure) (p99), \((sorted.last ?? .zero).figure) (most); "
                + "the bot grew by \((peak - memory) / 1_024) MiB at most"
            // A chunk is one message, and there may be a hundred: of more than 18 MB, each takes a second and more by itself.
            let chunk = Duration.seconds(max(131_072, size / 100) * 4 / 3) / bandwidth
            let bound = max(.seconds(1), chunk * 1.5)
            try expect(p99 <= bound, "at most \(bound.figure) more at p99", seen: figure)
            return figure
        }
    }

    /// 2 Mbit/s.
    private static let bandwidth = 250_000

    /// How long one answer in a chat of its own takes.
    private static func probe(_ bench: Bench, _ number: Int) async throws -> Duration {
        let began = ContinuousClock.now
        let message = await bench.gateway.pushText(from: "prober-\(number)", "!once \(number)")
        let answer = try await bench.gateway.waitForAnswer(to: message, within: .seconds(30))
        try expect(answer, is: "\(number)", "the answer")
        return .now - began
    }

    /// How much memory a process has, or has had.
    static func residentKilobytes(_ process: pid_t, _ key: String = "VmRSS") throws -> Int {
        let status = String(decoding: try Data(contentsOf: URL(filePath: "/proc/\(process)/status")), as: UTF8.self)
        let line = status.split(separator: "\n").first { $0.hasPrefix("\(key):") }
        guard let kilobytes = line?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
            throw Failure(expected: "\(key) in /proc", seen: status)
        }
        return kilobytes
    }
}
