import BotFoundation
import Glibc

/// Prints how the cases went, one line each.
struct Report: Sendable {
    enum Verdict: Sendable, Hashable { case passed, failed, skipped }

    private let isTerminal: Bool
    private let hasColor: Bool
    private let columns: Int

    init(environment: [String: String]) {
        isTerminal = isatty(STDOUT_FILENO) == 1
        hasColor = isTerminal && environment["NO_COLOR", default: ""].isEmpty
        var size = winsize()
        columns = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 60 ? Int(size.ws_col) : 120
    }

    func begin(seed: UInt64) { print("faults, seed \(seed)") }

    func add(_ name: String, time: Duration, _ result: Result<String, any Error>) -> Verdict {
        let verdict: Verdict
        let text: String
        switch result {
        case .success(let figure): (verdict, text) = (.passed, figure)
        case .failure(let skipped as Skipped): (verdict, text) = (.skipped, skipped.reason)
        case .failure(let error): (verdict, text) = (.failed, "\(error)")
        }
        let label = ["PASS", "FAIL", "skip"][[Verdict.passed, .failed, .skipped].firstIndex(of: verdict) ?? 0]
        guard isTerminal else {
            print("\(label) \(name) (\(time.figure)): \(text)")
            return verdict
        }
        let color =
            hasColor
            ? ["\u{1B}[32m", "\u{1B}[31m", "\u{1B}[33m"][[.passed, .failed, .skipped].firstIndex(of: verdict) ?? 0] : ""
        let seconds = (time / .milliseconds(100)).rounded() / 10
        let head = "\(name.padded(to: 18))\("\(seconds) s".padded(to: 8, right: true))  "
        let lines = text.wrapped(to: columns - 34)
        print("\(color)\(label)\(hasColor ? "\u{1B}[0m" : "")  \(head)\(lines.first ?? "")")
        for line in lines.dropFirst() { print(String(repeating: " ", count: 34) + line) }
        return verdict
    }

    func end(_ verdicts: [Verdict], time: Duration, seed: UInt64) {
        let (passed, failed, skipped) = (
            verdicts.count { $0 == .passed }, verdicts.count { $0 == .failed }, verdicts.count { $0 == .skipped }
        )
        let rest = skipped > 0 ? ", \(skipped) skipped" : ""
        let again = failed > 0 ? "; again with --seed \(seed)" : ""
        print("\(passed) passed, \(failed) failed\(rest), in \(time.figure)\(again)")
    }

    private func print(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = write(STDOUT_FILENO, bytes, bytes.count)
    }
}

extension String {
    /// With spaces added up to a width.
    func padded(to width: Int, right: Bool = false) -> String {
        let spaces = String(repeating: " ", count: max(0, width - count))
        return right ? spaces + self : self + spaces
    }

    /// In lines of at most that many characters, broken between words.
    func wrapped(to width: Int) -> [String] {
        var lines = [""]
        for word in split(whereSeparator: \.isWhitespace) {
            let last = lines[lines.count - 1]
            if last.isEmpty {
                lines[lines.count - 1] = String(word)
            } else if last.count + 1 + word.count <= width {
                lines[lines.count - 1] += " \(word)"
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }
}
