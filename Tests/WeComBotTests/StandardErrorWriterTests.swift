import BotFoundation
import Glibc
import TestSupport
import Testing

@testable import WeComBot

@Suite struct StandardErrorWriterTests {
    /// A writer whose `write(2)` gives `results` in turn, then takes everything; `written` is what it took.
    private final class Script: Sendable {
        let results: Locked<[Int]>
        let readiness: Locked<[Bool]>
        let written = Locked("")
        let calls = Locked(0)

        init(results: [Int] = [], readiness: [Bool] = []) {
            self.results = Locked(results)
            self.readiness = Locked(readiness)
        }

        func log() -> Log {
            let output = StandardErrorWriter.Output(
                isReady: { [self] in readiness.withLock { $0.isEmpty ? true : $0.removeFirst() } },
                write: { [self] bytes in
                    calls.withLock { $0 += 1 }
                    let limit = results.withLock { $0.isEmpty ? Int.max : $0.removeFirst() }
                    guard limit >= 0 else { return limit }
                    let taken = bytes.prefix(limit)
                    written.withLock { $0 += String(decoding: taken, as: UTF8.self) }
                    return taken.count
                }
            )
            let writer = StandardErrorWriter(output: output, format: StandardErrorFormat(style: .plain))
            return Log(level: .trace) { writer.write($0) }
        }

        /// The lines without their times.
        var lines: [String] {
            written.withLock { $0 }.split(separator: "\n", omittingEmptySubsequences: false).map { line in
                line.first?.isNumber == true ? String(line.dropFirst(25)) : String(line)
            }
        }
    }

    @Test func aLineIsOneWrite() {
        let script = Script()
        script.log()(.info, "one", [.epoch: "1"])
        #expect(script.lines == ["info one epoch=1", ""])
        #expect(script.calls.withLock { $0 } == 1)
    }

    @Test func interruptedAndPartialWritesAreContinued() {
        let script = Script(results: [-Int(EINTR), 3, 1, -Int(EINTR)])
        script.log()(.info, "one")
        #expect(script.lines == ["info one", ""])
    }

    @Test func linesThatNobodyReadsAreCounted() {
        let script = Script(readiness: [false, false, true, true])
        let log = script.log()
        for message in ["lost", "lost", "three", "four"] { log(.info, message) }
        #expect(
            script.lines == [
                "warning log lines were lost because nobody read them count=2", "info three", "info four", "",
            ]
        )
    }

    @Test func aReportThatFillsTheLastRoomDoesNotMakeTheLineWait() {
        let script = Script(readiness: [false, true, false, true, true])
        let log = script.log()
        for message in ["lost", "lost too", "three"] { log(.info, message) }
        let report = "warning log lines were lost because nobody read them count=1"
        #expect(script.lines == [report, report, "info three", ""])
    }

    @Test func aFailedReportKeepsItsCount() {
        let script = Script(results: [-Int(EAGAIN)], readiness: [false, true, true, true])
        let log = script.log()
        for message in ["lost", "lost too", "three"] { log(.info, message) }
        #expect(script.lines.first == "warning log lines were lost because nobody read them count=2")
        #expect(script.lines.dropFirst() == ["info three", ""])
    }

    @Test func aLineCutShortByAnErrorDoesNotRunIntoTheNext() {
        let script = Script(results: [30, -Int(ENOSPC)])
        let log = script.log()
        log(.info, "cut short")
        log(.info, "two")
        #expect(
            script.lines == ["info ", "warning log lines were lost because nobody read them count=1", "info two", ""]
        )
    }

    /// Two threads that were both told that there is room would not both find it.
    @Test(arguments: [0, 1])
    func onlyOneThreadWritesAndNoOtherWaitsForIt(over: Int) async {
        let (entered, gate, threads) = (EventRecorder<Void>(), ThreadGate(), ThreadPool(name: "log"))
        let (inside, written) = (Locked((now: 0, most: 0)), EventRecorder<String>())
        let output = StandardErrorWriter.Output(
            isReady: { true },
            write: { bytes in
                inside.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
                entered.record(())
                if written.events.isEmpty { gate.pass() }
                written.record(String(decoding: bytes, as: UTF8.self))
                inside.withLock { $0.now -= 1 }
                return bytes.count
            }
        )
        let writer = StandardErrorWriter(output: output, format: StandardErrorFormat(style: .plain))
        let log = Log { writer.write($0) }
        threads.execute { log(.info, "first") }
        await entered.wait { !$0.isEmpty }
        let count = StandardErrorWriter.maximumPending + over
        let logged = EventRecorder<Void>()
        threads.execute {
            for number in 0..<count { log(.info, "line \(number)") }
            logged.record(())
        }
        await logged.wait { !$0.isEmpty }
        gate.open()
        let lines = await written.wait { $0.contains { $0.hasSuffix("line \(count - over - 1)\n") } }
        #expect(inside.withLock { $0.most } == 1)
        #expect(lines.count == 1 + over + count - over)
        #expect(lines.contains { $0.hasSuffix("nobody read them count=1\n") } == (over == 1))
        let kept = lines.filter { $0.contains("line ") && !$0.contains("lost") }
        #expect(kept.indices.allSatisfy { kept[$0].hasSuffix("info line \($0)\n") })
    }

    @Test func aFullPipeNeverBlocks() async {
        // In a process of its own, which the alarm ends if writing does block.
        await #expect(processExitsWith: .success) {
            alarm(20)
            let pipe = try SignalsPipe()
            // The log must not rely on the descriptor being non-blocking: standard error is not.
            #expect(fcntl(pipe.writeEnd, F_SETFL, 0) == 0)
            let writer = StandardErrorWriter(
                output: .descriptor(pipe.writeEnd),
                format: StandardErrorFormat(style: .plain)
            )
            let log = Log { writer.write($0) }
            let message = String(repeating: "x", count: 3_000)
            for _ in 0..<100 { log(.info, message) }

            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            func drain() -> [UInt8] {
                var received: [UInt8] = []
                while case let count = read(pipe.readEnd, &buffer, buffer.count), count > 0 {
                    received += buffer[..<count]
                }
                return received
            }
            let whole = drain().split(separator: UInt8(ascii: "\n"))
            #expect(!whole.isEmpty && whole.count < 100)
            #expect(Set(whole.map(\.count)).count == 1)

            log(.info, "after")
            let text = String(decoding: drain(), as: UTF8.self)
            #expect(text.contains("nobody read them count=\(100 - whole.count)\n") && text.hasSuffix("info after\n"))
        }
    }

    @Test func aPipeWithoutAReaderIsNotWrittenTo() throws {
        let pipe = try SignalsPipe()
        close(pipe.readEnd)
        defer { close(pipe.writeEnd) }
        #expect(!StandardErrorWriter.Output.descriptor(pipe.writeEnd).isReady())
    }

    @Test func whatTakesTheNumberOfAClosedStandardErrorIsNotWrittenTo() async {
        await #expect(processExitsWith: .success) {
            close(STDERR_FILENO)
            let logs = Log.Format.allCases.map { Log.standardError(format: $0) }
            // What a program opens next gets the lowest free number.
            let stream = try #require(tmpfile())
            guard fileno(stream) == STDERR_FILENO else { exit(2) }
            for log in logs { log(.error, "into somebody's file") }
            var status = stat()
            guard fstat(STDERR_FILENO, &status) == 0, status.st_size == 0 else { exit(3) }
        }
    }

    @Test func theFormatIsTheOneAskedFor() async {
        await #expect(processExitsWith: .success) {
            let pipe = try SignalsPipe()
            dup2(pipe.writeEnd, STDERR_FILENO)
            Log.standardError(format: .json)(.info, "json")
            Log.standardError()(.info, "text")
            var buffer = [UInt8](repeating: 0, count: 4_096)
            let count = read(pipe.readEnd, &buffer, buffer.count)
            let lines = String(decoding: buffer[..<max(0, count)], as: UTF8.self).split(separator: "\n")
            guard lines.count == 2, lines[0].contains(#""message":"json""#), lines[1].hasSuffix("info text") else {
                exit(2)
            }
        }
    }

    @Test func theLogKeepsTheLevelItIsGiven() {
        #expect(Log.standardError(level: .error).level == .error)
        #expect(Log.standardError().level == .info)
    }
}
