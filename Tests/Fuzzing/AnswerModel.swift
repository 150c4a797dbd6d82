import BotCore

/// An answer, and what is known about it from the outside.
struct AnswerModel {
    private var machine: StreamMachine
    private let limit: Int
    private let streams: Bool
    private let window: Duration?
    private let keepAlive: Duration?
    private let closingText = StreamConfiguration().closingText

    private var text: [UInt8] = []
    /// How much of `text` the bubbles that are final hold, with white space that was left out between them.
    private var consumed = 0
    /// Whether the machine may have left out white space after `consumed` already.
    private var mayHaveSkipped = false

    private var bubbles = 0
    private var isShown = false
    private var openTime: ContinuousClock.Instant?
    private var outstanding: BubbleUpdate?
    private var lastIntermediate: BubbleUpdate?
    private var lastSend: ContinuousClock.Instant?
    private var verdicts: [Delivery] = []
    private var outcome: Delivery?
    private var isIdle = true
    private var now = ContinuousClock.now

    init(limit: Int, streams: Bool, window: Duration? = nil, keepAlive: Duration? = nil) {
        machine = StreamMachine(
            capabilities: ReplyCapabilities(
                maximumBytes: limit,
                streams: streams,
                bubbleWindow: window,
                keepAlive: keepAlive
            )
        )
        self.limit = max(4, limit)
        self.streams = streams
        self.window = window
        self.keepAlive = keepAlive
    }
}

// MARK: What happens

extension AnswerModel {
    mutating func append(_ delta: String) throws(Violation) {
        if machine.isOpen { text += delta.utf8 }
        let effect = machine.append(delta)
        let wasIdle = isIdle && machine.isOpen && streams && !delta.isEmpty
        try claim(!wasIdle || effect == .attention, "an idle driver is told of new text")
        if effect == .attention { try ask() }
    }

    mutating func replace(_ newText: String) throws(Violation) {
        // Where the machine stands in white space that it left out cannot be told from outside.
        guard !mayHaveSkipped else { return try append(newText) }
        if machine.isOpen {
            let new = Array(newText.utf8)
            if !new.starts(with: text[..<consumed]) { consumed = 0 }
            text = new
        }
        if machine.replace(newText) == .attention { try ask() }
    }

    mutating func fail(_ apology: String) throws(Violation) {
        let isOpen = machine.isOpen
        let effect = machine.fail(apology: apology)
        if isOpen {
            // What closes a code block is the machine's own.
            let rest = Array(machine.saved.text.utf8)
            let written = isBlank(text[consumed...]) ? [] : trimmed(text[consumed...])
            try claim(trimmed(rest[...]).starts(with: written), "what was written stays")
            try claim(rest.reversed().starts(with: apology.utf8.reversed()), "and is apologised for")
            text.replaceSubrange(consumed..., with: rest)
            mayHaveSkipped = false
        }
        if effect == .attention { try ask() }
    }

    /// Without the white space that may have been left out.
    private func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        bytes.dropFirst(leadingBlank(String(decoding: bytes, as: UTF8.self)).count)
    }

    mutating func cancel() throws(Violation) {
        if machine.cancelled() == .attention { try ask() }
    }

    mutating func finish() throws(Violation) {
        if machine.finish() == .attention { try ask() }
    }

    mutating func advance(_ time: Duration) throws(Violation) {
        now += time
        try ask()
    }

    mutating func settle(_ delivery: Delivery) throws(Violation) {
        guard let update = outstanding else { return }
        if update.isFinal {
            verdicts.append(delivery)
        } else if verdict(delivery) < 2 {
            isShown = true
        } else if !isShown {
            openTime = nil
        }
        outstanding = nil
        machine.settled(delivery)
        try ask()
    }

    mutating func ask() throws(Violation) {
        let isTooLong = text.count - consumed > limit - maximumAdded
        if isTooLong, outstanding == nil, let first = text[consumed...].first, first < 0x21 || first > 0x7E {
            mayHaveSkipped = true
        }
        let step = machine.next(now: now)
        isIdle = step == .idle && outstanding == nil
        switch step {
        case .send(let update): try sent(update)
        case .wait(let due):
            try claim(machine.isOpen, "only an answer that goes on waits for time")
            try claim(due > now, "the time that is waited for is to come")
            if let upkeepDue { try claim(due <= upkeepDue, "the driver is awake to end a bubble, or to keep it alive") }
        case .idle:
            try claim(!isIdle || !machine.isOpen || upkeepDue == nil, "a bubble that is shown is not forgotten")
        case .done(let delivery): try done(delivery)
        }
    }

    /// When the bubble must be ended or repeated.
    private var upkeepDue: ContinuousClock.Instant? {
        guard isShown, let openTime, let lastSend else { return nil }
        return [window.map { openTime + $0 }, keepAlive.map { lastSend + $0 }].compactMap(\.self).min()
    }

    /// Lets everything that is due happen.
    mutating func end() throws(Violation) {
        for _ in 0...(2 * text.count + 4) where outcome == nil {
            try ask()
            try settle(.delivered)
        }
        try claim(outcome != nil, "a finished answer ends")
    }
}

// MARK: What must come of it

extension AnswerModel {
    private mutating func sent(_ update: BubbleUpdate) throws(Violation) {
        let bytes = Array(update.text.utf8)
        try claim(outcome == nil, "nothing is sent after the end")
        try claim(outstanding == nil, "one update is outstanding")
        try claim(update.bubble == bubbles, "bubbles count up")
        try claim(bytes.count <= limit, "a bubble has at most \(limit) bytes, not \(bytes.count)")
        try claim(!isBlank(bytes[...]), "a bubble shows something")
        outstanding = update
        defer { lastSend = now }
        if update.isFinal, update.text == closingText, isShown, isBlank(text[consumed...]) { return nextBubble() }
        if let last = lastIntermediate, last == update, let lastSend, let keepAlive, lastSend + keepAlive <= now {
            return
        }

        let added = machine.added
        try claim(added.before + added.after <= 2 * maximumAdded, "little is added")
        try claim(added.after == 0 || update.isFinal, "only what ends is closed")
        let body = Array(bytes.dropFirst(added.before).dropLast(added.after))
        try claim(!isBlank(body[...]), "a bubble shows something of the answer")
        let end = try place(body)
        if update.isFinal {
            consumed = end
            nextBubble()
        } else {
            if let window, let openTime, isShown { try claim(now < openTime + window, "a bubble ends in time") }
            openTime = openTime ?? now
            try claim(machine.isOpen && streams, "intermediate updates are sent while the answer goes on")
            try claim(lastIntermediate != update, "the same is not sent again")
            if let lastSend { try claim(lastSend.duration(to: now) >= .milliseconds(300), "updates keep a distance") }
            lastIntermediate = update
        }
    }

    /// How much of a bubble may be what is repeated and closed.
    private var maximumAdded: Int { limit / 4 }

    private mutating func nextBubble() {
        bubbles += 1
        isShown = false
        openTime = nil
        mayHaveSkipped = false
    }

    /// Where in the text a bubble ends. Only white space that leaves no room for what is visible may be left out before it.
    private func place(_ bytes: [UInt8]) throws(Violation) -> Int {
        if text[consumed...].starts(with: bytes) { return consumed + bytes.count }
        let rest = String(decoding: text[consumed...], as: UTF8.self)
        let blank = leadingBlank(rest)
        let skipped = blank.count - leadingBlank(String(decoding: bytes, as: UTF8.self)).count
        try claim(
            skipped > 0 && text[(consumed + skipped)...].starts(with: bytes),
            "bubbles follow one another without a visible byte missing"
        )
        let visible = rest.utf8.index(rest.startIndex, offsetBy: blank.count)
        let end = rest.utf8.distance(from: rest.startIndex, to: rest.index(after: visible))
        try claim(end > limit - maximumAdded, "white space is left out only if what follows would not fit")
        return consumed + skipped + bytes.count
    }

    private func leadingBlank(_ text: String) -> Substring.UTF8View {
        let scalars = text.unicodeScalars
        let visible = scalars.firstIndex { !$0.properties.isWhitespace } ?? scalars.endIndex
        return text[..<visible].utf8
    }

    private mutating func done(_ delivery: Delivery) throws(Violation) {
        outcome = delivery
        try claim(outstanding == nil && !machine.isOpen, "an answer ends when all is settled")
        try claim(isBlank(text[consumed...]), "nothing visible is missing at the end")
        let worst = verdicts.map { verdict($0) }.max()
        try claim(verdict(delivery) == worst ?? 2, "the outcome is the worst of the verdicts")
    }

    private func verdict(_ delivery: Delivery) -> Int {
        switch delivery {
        case .delivered, .redirected: 0
        case .unknown: 1
        case .refused: 2
        }
    }

    private func isBlank(_ bytes: ArraySlice<UInt8>) -> Bool {
        String(decoding: bytes, as: UTF8.self).unicodeScalars.allSatisfy(\.properties.isWhitespace)
    }
}
