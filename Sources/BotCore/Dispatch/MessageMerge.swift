/// Which messages are parts of one. The app cuts a long text into several messages, and sends a picture and what is said of it one after the
/// other, a few hundred milliseconds apart.
///
/// Parts have the same sender and conversation, nothing came between them, and each came within the window after the one before.
struct MessageMerge: Sendable {
    /// How many parts one message may have: 64,000 characters, where the app cuts after 4,000.
    static let maximumParts = 16
    /// How many bytes it may have, as a message is counted while it waits.
    static let maximumBytes = 256 * 1_024

    private static let kinds: Set<Inbound.Kind> = [.text, .image, .mixed, .file, .video]
    /// What a command begins with.
    private static let commandMarks: Set<Character> = ["/", "／", "!", "！"]

    /// How long after a part the next may come; zero for none.
    let window: Duration

    /// Until when a part may follow; `nil` if none can.
    func end(of turn: Turn) -> ContinuousClock.Instant? {
        guard window > .zero, case .handled = turn.kind, let arrived = turn.arrived, Self.isPart(turn.message),
            turn.earlier.count + 1 < Self.maximumParts
        else { return nil }
        return arrived + window
    }

    /// Whether `next` is the next part of what `turn` holds.
    func isNext(_ next: Turn, after turn: Turn) -> Bool {
        guard let end = end(of: turn), case .handled = next.kind, let first = turn.arrived, let arrived = next.arrived,
            // What another process left may be found when newer ones wait already.
            (first...end).contains(arrived)
        else { return false }
        let (message, part) = (turn.message, next.message)
        // Who quotes begins anew.
        return Self.isPart(part) && part.quote == nil && part.sender == message.sender
            && part.conversation == message.conversation && message.byteCount + part.byteCount <= Self.maximumBytes
    }

    /// The newest turn with the message of both: its answer has the most time.
    func joined(_ turn: Turn, _ next: Turn) -> Turn {
        var joined = next
        joined.message = turn.message.joined(next.message)
        joined.earlier = turn.earlier
        // What it says is in the whole.
        joined.earlier.append(
            Turn(message: turn.message.withoutContent, channel: turn.channel, record: turn.record)
        )
        return joined
    }

    private static func isPart(_ message: Inbound) -> Bool {
        kinds.contains(message.kind) && !(message.text.first.map(commandMarks.contains) ?? false)
    }
}

extension Inbound {
    /// Both as one, which is told by the id of the newer.
    fileprivate func joined(_ next: Inbound) -> Inbound {
        func lines(_ texts: String...) -> String { texts.filter { !$0.isEmpty }.joined(separator: "\n") }
        return Inbound(
            id: next.id,
            kind: kind == .text && next.kind == .text ? .text : .mixed,
            conversation: conversation,
            sender: sender,
            text: lines(text, next.text),
            originalText: lines(originalText, next.originalText),
            parts: parts + next.parts,
            quote: quote,
            raw: next.raw
        )
    }
}
