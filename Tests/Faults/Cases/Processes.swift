import BotCore
import BotFoundation
import FoundationEssentials
import GatewaySimulator
import Glibc
import TestSupport
import WeComAIBot

/// The real `echo-bot` on a bench.
struct EchoProcess {
    let process: ChildProcess
    private let audit: Audit

    init(_ bench: Bench, heartbeat: Int = 2, extra: [String: String] = [:]) throws {
        let context = bench.context
        guard access(context.echoBot, X_OK) == 0 else {
            throw Skipped(reason: "\(context.echoBot) is not built; build the product echo-bot first")
        }
        let authority = try bench.authorityFile()
        var environment = [
            "WECOM_BOT_ID": Bench.botID,
            "WECOM_BOT_SECRET": Bench.secret(of: Bench.botID).value,
            "WECOM_WS_URL": "wss://127.0.0.1:\(bench.proxy.port)",
            "WECOM_CA_FILE": authority,
            "WECOM_HEARTBEAT_SECONDS": "\(heartbeat)",
            "WECOM_LOG_LEVEL": "trace",
            "PATH": "/usr/bin:/bin",
        ]
        environment.merge(extra) { $1 }
        // Where Swift's libraries are, and what a sanitizer is told.
        for name in ["LD_LIBRARY_PATH", "TSAN_OPTIONS", "ASAN_OPTIONS", "LSAN_OPTIONS"] {
            if let value = ProcessInfo.processInfo.environment[name] { environment[name] = value }
        }
        process = try ChildProcess([context.echoBot], environment: environment)
        audit = context.audit
    }

    /// Waits for the end: the status as a shell would show it, and what was written. Kills it when `limit` is over.
    func end(within limit: Duration = .seconds(20)) async throws -> (status: Int32, output: String) {
        let (process, isLate) = (process, Locked(false))
        let (status, output) = await withTaskGroup(of: Void.self) { group in
            group.addTask {
                do { try await ContinuousClock().sleep(for: limit) } catch { return }
                isLate.withLock { $0 = true }
                process.signal(SIGKILL)
            }
            defer { group.cancelAll() }
            return await process.end()
        }
        audit.read(output: output)
        guard let status, !isLate.withLock({ $0 }) else {
            throw Failure(expected: "the process to end within \(limit.figure)", seen: String(output.suffix(400)))
        }
        return (status, output)
    }
}

extension FaultCase {
    /// A process that is asked to end finishes what it can, says so of the rest, and closes with 1000.
    static let sigterm = FaultCase("sigterm", .waits) { context in
        let bench = try await Bench(context)
        return try await bench.run {
            let bot = try EchoProcess(bench)
            let connection = try await bench.gateway.waitForSubscription()
            var short: [PushedMessage] = []
            var long: [PushedMessage] = []
            for number in 0..<20 {
                short.append(await bench.gateway.pushText(from: "short-\(number)", "!stream 30 100 S\(number)"))
                long.append(await bench.gateway.pushText(from: "long-\(number)", "!stream 300 100 L\(number)"))
            }
            for message in short + long { try await bench.gateway.waitForBubbles(of: message) { !$0.isEmpty } }
            let began = ContinuousClock.now
            bot.process.signal(SIGTERM)
            let (status, output) = try await bot.end()
            let time = ContinuousClock.now - began
            try expect(status, is: 0, "the exit status")
            let closed = try await bench.gateway.waitForObservation {
                if case .closed(connection, _) = $0.event { true } else { false }
            }
            try expect(closed.event, is: .closed(connection, code: 1_000), "the end of the connection")
            for (number, message) in short.enumerated() {
                let text = await bench.gateway.answer(to: message).filter(\.isFinished).map(\.text).joined()
                let expected = (0..<30).map { "S\(number):000\($0 < 10 ? "0" : "")\($0);" }.joined()
                try expect(text, is: expected, "a stream that ends in time")
            }
            for message in long {
                let shown = await bench.gateway.answer(to: message)
                try expect(
                    shown.count == 1 && shown[0].isFinished && !shown[0].text.isEmpty,
                    "a stream that is cut short to be finished with what it has",
                    seen: "\(shown)"
                )
            }
            // Whoever stops a container waits for 10 s: all of it has to be over by then, the end of the process too.
            try expect(time < .seconds(10), "an end within 10 s", seen: time.figure)
            try expect(output.contains("ending"), "a line about the end", seen: String(output.suffix(300)))
            return
                "20 streams finished by themselves, 20 were finished with what they had; exit 0 and close 1000 after \(time.figure) "
                + "(deadline 10 s)"
        }
    }

    /// A second signal ends the process at once.
    static let secondSignal = FaultCase("second-signal", .waits) { context in
        let bench = try await Bench(context)
        return try await bench.run {
            let bot = try EchoProcess(bench)
            try await bench.gateway.waitForSubscription()
            let message = await bench.gateway.pushText(from: "ann", "!stream 300 100 S")
            try await bench.gateway.waitForBubbles(of: message) { !$0.isEmpty }
            bot.process.signal(SIGTERM)
            try await ContinuousClock().sleep(for: .milliseconds(400))
            let began = ContinuousClock.now
            bot.process.signal(SIGTERM)
            let (status, _) = try await bot.end(within: .seconds(5))
            let time = ContinuousClock.now - began
            try expect(status, is: 128 + SIGTERM, "the exit status")
            try expect(time < .seconds(1), "an end at once", seen: time.figure)
            return "ended \(time.figure) after the second SIGTERM, with status \(status)"
        }
    }

    /// A process that slept comes back.
    static let suspend = FaultCase("suspend", .waits) { context in
        let bench = try await Bench(context)
        return try await bench.run {
            let bot = try EchoProcess(bench, heartbeat: 1)
            try await bench.gateway.waitForSubscription()
            let message = await bench.gateway.pushText(from: "ann", "!stream 20 100 S")
            try await bench.gateway.waitForBubbles(of: message) { !$0.isEmpty }
            // As a server that hears nothing for too long does.
            bot.process.signal(SIGSTOP)
            try await ContinuousClock().sleep(for: .seconds(2))
            bench.proxy.cut(.reset)
            try await ContinuousClock().sleep(for: .seconds(1))
            let began = ContinuousClock.now
            bot.process.signal(SIGCONT)
            try await bench.gateway.waitForSubscription()
            let back = ContinuousClock.now - began
            let next = await bench.gateway.pushText(from: "bob", "awake?")
            try expect(try await bench.gateway.waitForAnswer(to: next), is: "echo: awake?", "the answer")
            let time = ContinuousClock.now - began
            let text = try await bench.gateway.waitForAnswer(to: message)
            try expect(text.hasSuffix("S:00019;"), "the stream it slept in to be whole", seen: String(text.suffix(30)))

            // And where the link lives on.
            bot.process.signal(SIGSTOP)
            try await ContinuousClock().sleep(for: .seconds(3))
            let again = ContinuousClock.now
            bot.process.signal(SIGCONT)
            let last = await bench.gateway.pushText(from: "bob", "still awake?")
            try expect(try await bench.gateway.waitForAnswer(to: last), is: "echo: still awake?", "the answer")
            let alive = ContinuousClock.now - again
            bot.process.signal(SIGTERM)
            try expect(try await bot.end().status, is: 0, "the exit status")
            return
                "stopped for 3 s (heartbeat 1 s): with the link gone subscribed after \(back.figure) and answering after "
                + "\(time.figure), with the link alive answering after \(alive.figure)"
        }
    }
}
