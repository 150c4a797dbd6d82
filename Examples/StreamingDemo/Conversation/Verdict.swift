/// Whether the conversation went as it should.
struct Verdict: Sendable {
    let script: Script
    let answers: [Answer]
    let figures: Figures
    /// From the start of the gateway to the end of the bot.
    let length: Duration

    /// The answers that arrived exactly as they were written.
    var completeAnswers: Int { answers.count { $0.fault == nil } }

    /// The connection has to be reset as often as the script says, and to heal each time.
    private var expectedResets: Int { script.turns.count { $0.framesBeforeReset != nil } }

    /// Everything that is wrong; empty if nothing is.
    var faults: [String] {
        var faults = figures.mishaps
        for answer in answers {
            guard let fault = answer.fault else { continue }
            faults.append("the answer to \(answer.turn.person.name), “\(answer.turn.question)”: \(fault)")
        }
        let unasked = script.turns.count - answers.count
        if unasked > 0 { faults.append("\(unasked.of("message")) never reached the bot") }
        if figures.resets != expectedResets || figures.healing.count != expectedResets {
            faults.append(
                "\(expectedResets.of("reset")) planned, \(figures.resets) seen, \(figures.healing.count) healed"
            )
        }
        return faults
    }

    var headline: String {
        let total = script.turns.count
        return faults.isEmpty
            ? "nothing lost: \(completeAnswers) of \(total) answers arrived complete"
            : "FAILED: \(completeAnswers) of \(total) answers arrived complete"
    }

    /// What to do after having seen it.
    var next: String {
        faults.isEmpty
            ? "Now in your own WeCom: set WECOM_BOT_ID and WECOM_BOT_SECRET and start it again; --help tells more."
            : "Please report this; nothing that the bot writes may get lost."
    }

    /// The figures, each with its name.
    var rows: [(name: String, value: String)] {
        var rows = [
            (
                "messages",
                "\(answers.count), from \(script.people.count) people in \(script.chats.count.of("chat"))"
            ),
            ("frames", "\(figures.frames) from the bot, \(figures.bytes.asBytes) in all"),
        ]
        if let median = figures.medianLatency, let longest = figures.longestLatency {
            rows.append(("first frame", "p50 \(median.short), max \(longest.short) after the question"))
        }
        let healing = figures.healing.map(\.short).joined(separator: ", ")
        rows.append(("reconnects", "\(figures.healing.count)" + (healing.isEmpty ? "" : ", back after \(healing)")))
        rows.append(("time", length.short))
        return rows
    }
}
