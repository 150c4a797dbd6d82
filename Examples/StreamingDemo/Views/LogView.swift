import WeComBot

/// Shows a conversation as lines, for pipes and files: one for each event worth knowing, without escape sequences.
struct LogView: View {
    private let write: (String) -> Void
    private let start = ContinuousClock.now
    /// When the next line about the growth of an answer may come.
    private var nextGrowth: [String: ContinuousClock.Instant] = [:]

    /// The shortest time between two lines about the growth of one answer.
    private static let growthInterval = Duration.seconds(1.5)

    init(write: @escaping (String) -> Void) {
        self.write = write
    }

    mutating func begin(url: String, script: Script) {
        write(
            "streaming-demo: a simulated gateway at \(url), a bot, \(script.people.count) people; no account needed\n\n"
        )
    }

    mutating func show(_ event: Ledger.Event, _ figures: Figures) {
        switch event {
        case .state(let state): line("state", state.summary(now: .now))
        case .asked(let answer): line("asked", "\(answer.from): \(answer.turn.question)")
        case .updated(let answer) where answer.isComplete: complete(answer)
        case .updated(let answer): grown(answer)
        case .reset(let answers):
            line("RESET", "the gateway drops the connection" + answers.map(\.progress).joined(separator: ", "))
        case .healed(let duration): line("healed", "subscribed again \(duration.short) after the reset")
        case .mishap(let text): line("WRONG", text)
        }
    }

    mutating func tick() {}

    mutating func end(_ ending: PlayEnding) {
        guard case .played(let verdict) = ending else {
            if case .interrupted = ending { line("ended", "interrupted") }
            return
        }
        write("\n\(verdict.headline)\n")
        for fault in verdict.faults { write("  ✗ \(fault.split(separator: "\n").joined(separator: "\n    "))\n") }
        for row in verdict.rows { write("  \(row.name.rightPadded(to: 12)) \(row.value)\n") }
        write("\(verdict.next)\n")
    }

    private mutating func grown(_ answer: Answer) {
        if let latency = answer.latency, answer.frames == 1 {
            nextGrowth[answer.messageID] = .now + LogView.growthInterval
            return line("first frame", "\(answer.to): after \(latency.short)")
        }
        guard let due = nextGrowth[answer.messageID], due <= .now else { return }
        nextGrowth[answer.messageID] = .now + LogView.growthInterval
        line("growing", "\(answer.to): \(answer.bytes.asBytes) in \(answer.frames.of("frame"))")
    }

    private func complete(_ answer: Answer) {
        let across = answer.crossedReset ? ", across the reset" : ""
        line(
            "complete",
            "\(answer.to): \(answer.bytes.asBytes) in \(answer.frames.of("frame")), \(answer.length.short)\(across)"
        )
        for paragraph in answer.text.split(separator: "\n", omittingEmptySubsequences: false) {
            write(paragraph.isEmpty ? "           |\n" : "           | \(paragraph)\n")
        }
    }

    private func line(_ what: String, _ text: String) {
        write("\((.now - start).seconds(width: 6)) s  \(what.rightPadded(to: 12)) \(text)\n")
    }
}

extension Answer {
    /// Who asked, and where.
    fileprivate var from: String { turn.chat.isGroup ? "\(turn.person.name) in \(turn.chat.name)" : turn.person.name }
    /// Who gets it.
    fileprivate var to: String { "bot → \(turn.chat.name)" }
    fileprivate var progress: String { " in the middle of the answer to \(turn.chat.name), at \(bytes.asBytes)" }
}

extension String {
    /// With spaces after it.
    func rightPadded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
