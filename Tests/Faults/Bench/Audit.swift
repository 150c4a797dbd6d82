import BotFoundation
import Glibc

/// Reads every line that any case logs, at every level, and looks for what must never be in one.
final class Audit: Sendable {
    /// What every secret of the suite has in it.
    static let mark = "s3cr3t-of-the-faults"
    /// Every secret, and what makes a `response_url` worth stealing.
    private static let forbidden = [mark, "response_code="]

    private struct State {
        var lines = 0
        var bytes = 0
        var findings: [String] = []
    }

    private let state = Locked(State())

    /// A log, of every level unless told otherwise, whose lines are read here and then passed on.
    func log(level: Log.Level = .trace, also pass: @escaping @Sendable (Log.Record) -> Void = { _ in }) -> Log {
        Log(level: level) { [self] record in
            read(([record.message] + record.metadata.map { "\($0.key)=\($0.value)" }).joined(separator: " "))
            pass(record)
        }
    }

    /// Reads a line.
    func read(_ line: some StringProtocol) {
        // `contains` of the standard library is too slow for this many lines.
        let isClean = line.utf8CString { text in Self.forbidden.allSatisfy { strstr(text, $0) == nil } }
        state.withLock { state in
            state.lines += 1
            state.bytes += line.utf8.count
            if !isClean, state.findings.count < 10 { state.findings.append(String(line.prefix(200))) }
        }
    }

    /// Reads a whole output.
    func read(output: String) {
        for line in output.split(separator: "\n") { read(line) }
    }

    /// How many lines were read, and those that should not have been written.
    var result: (lines: Int, bytes: Int, findings: [String]) {
        state.withLock { ($0.lines, $0.bytes, $0.findings) }
    }
}

extension StringProtocol {
    fileprivate func utf8CString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        String(self).withCString(body)
    }
}
