/// Decides what is sent of one answer, and when.
///
/// The text only grows, or is replaced; each update carries all of it. So intermediate updates are never queued: when one may
/// go, it carries the newest text. The rules:
///
/// * One update is outstanding at a time. The first goes as soon as there is something visible, each further one at the
///   earliest ``StreamConfiguration/interval(bytes:)`` after the one before. A text that was just sent is not sent again.
/// * After an intermediate update that was refused the interval doubles, up to ``StreamConfiguration/maximumInterval``, until one
///   is not. A bubble that is shown is repeated when ``ReplyCapabilities/keepAlive`` has passed without new text.
/// * Final updates always go, as soon as nothing is outstanding, even with a text that was already shown.
/// * A text that outgrows a bubble is cut (``TextSplitter``): the bubble is finished, the rest opens the next one. The final
///   texts of all bubbles are together the whole text.
/// * A bubble whose ``ReplyCapabilities/bubbleWindow`` or ``ReplyCapabilities/firstBubbleEnd`` comes is finished the same way: after a paragraph, line or sentence if one
///   ends near its end and the answer has not paused, else with all text so far. The next bubble opens with the next text; white
///   space alone opens none.
/// * A blank text is not sent. If the answer ends that way, nothing is sent and it counts as refused; if the bubble has
///   shown something, it ends with ``StreamConfiguration/closingText``.
///
/// Legal states: open → finishing → done. An update may be outstanding in open and finishing.
package struct StreamMachine: Sendable {
    /// What to do now.
    package enum Step: Hashable, Sendable {
        /// Send this; report with ``StreamMachine/settled(_:)``, and ask again.
        case send(BubbleUpdate)
        /// Ask again at this time, or after an event that asked for attention.
        case wait(until: ContinuousClock.Instant)
        /// Ask again after an event that asked for attention.
        case idle
        /// The answer has ended. Final.
        case done(Delivery)
    }

    /// What an event means to the driver.
    package enum Effect: Hashable, Sendable {
        /// There may be something to do at once: call ``StreamMachine/next(now:)``.
        case attention
        /// Nothing changes before the next call that is due anyway.
        case none
        /// The answer had ended: the event was ignored.
        case ignored
    }

    private enum Phase: Hashable, Sendable {
        case open
        case finishing(emptyReason: String)
        case done(Delivery)
    }

    private enum Outstanding: Hashable, Sendable {
        case none, intermediate, final, lastFinal
    }

    private let capabilities: ReplyCapabilities
    private let configuration: StreamConfiguration
    private let splitter: TextSplitter

    private var phase = Phase.open
    /// The whole text. The one growing buffer: updates copy a part of it, at most one bubble long.
    private var text = ""
    /// Where the current bubble starts in `text`; what is before it is final.
    private var start = 0
    private var bubble = 0
    private var outstanding = Outstanding.none
    /// The last intermediate text of the current bubble that was sent, and whether one was accepted.
    private var lastSent: String?
    private var isShown = false
    /// When the first update of the current bubble was sent that was not refused.
    private var openTime: ContinuousClock.Instant?
    private var lastSendTime: ContinuousClock.Instant?
    /// How many intermediate updates were refused since one was not.
    private var refusals = 0
    /// Whether the driver waits for text and not only for a time.
    private var isIdle = true
    private var worst: Delivery?
    /// The final text that has no verdict yet, or was the last one.
    private var handed: String?
    /// Whether ``handed`` was turned away on this side: nobody can have seen it.
    private var wasNeverSent = false
    /// A final text of ``bubble`` that another process handed over; it goes first.
    private var repeated: String?

    /// An answer without text.
    package init(capabilities: ReplyCapabilities, configuration: StreamConfiguration = .init()) {
        self.capabilities = capabilities
        self.configuration = configuration
        splitter = TextSplitter(limit: capabilities.maximumBytes)
    }

    /// An answer that another process has begun.
    package init(
        resuming answer: SavedAnswer,
        capabilities: ReplyCapabilities,
        configuration: StreamConfiguration = .init()
    ) {
        self.init(capabilities: capabilities, configuration: configuration)
        bubble = answer.bubble
        repeated = answer.handed
        text = answer.text
        isShown = answer.isShown
    }

    /// The outcome, once there is one: delivered if the final update of each bubble was, else the worst of them.
    package var outcome: Delivery? {
        guard case .done(let outcome) = phase else { return nil }
        return outcome
    }

    /// Whether text is still accepted.
    package var isOpen: Bool { phase == .open }

    /// Whether the answer has ended with a final text to which the server said nothing.
    package var isOwed: Bool {
        outcome?.reason.map { handed != nil && $0.code == nil } ?? false
    }

    /// How far the answer has come. Copies the text of the present bubble and what follows it.
    package var saved: SavedAnswer {
        if wasNeverSent, let handed {
            let isShown = isShown || lastSent != nil
            return SavedAnswer(bubble: bubble, handed: nil, text: handed, isShown: isShown, isComplete: true)
        }
        let isLast = outstanding == .lastFinal || (outcome != nil && handed != nil)
        return SavedAnswer(
            bubble: outstanding == .final ? bubble - 1 : bubble,
            handed: handed ?? repeated,
            text: isLast ? "" : text.slice(utf8: start..<text.utf8.count),
            isShown: !isLast && (isShown || lastSent != nil),
            isComplete: !isOpen
        )
    }
}

// MARK: Events

extension StreamMachine {
    /// The handler adds text. Costs as much as `delta` is long, whatever is there already.
    package mutating func append(_ delta: String) -> Effect {
        guard isOpen else { return .ignored }
        guard !delta.isEmpty else { return .none }
        text += delta
        return changed()
    }

    /// The handler replaces the whole text.
    ///
    /// What is final stays. If the new text starts with it, the rest of the new text continues the answer; if not, all of
    /// the new text does, in the current bubble.
    package mutating func replace(_ newText: String) -> Effect {
        guard isOpen else { return .ignored }
        if start > 0, !newText.utf8.starts(with: text.utf8.prefix(start)) { start = 0 }
        text = newText
        return changed()
    }

    /// The answer is complete.
    package mutating func finish() -> Effect {
        end(emptyReason: "the answer is empty: nothing was sent")
    }

    /// The handler failed: the answer ends with `apology`, after what was written so far if that is not blank.
    package mutating func fail(apology: String) -> Effect {
        guard isOpen else { return .ignored }
        if text.firstVisible(in: start..<text.utf8.count) != nil { text += "\n\n" }
        text += apology
        return end(emptyReason: "the answer failed: nothing was sent")
    }

    /// The turn was cancelled: the answer ends with what was written so far, or with `notice` if that is nothing.
    package mutating func cancelled(notice: String = "") -> Effect {
        if isOpen, bubble == 0, !isShown, text.firstVisible(in: 0..<text.utf8.count) == nil { text += notice }
        return end(emptyReason: "the answer was cancelled before it had any text: nothing was sent")
    }

    /// The fate of the outstanding update is known.
    package mutating func settled(_ delivery: Delivery) {
        switch outstanding {
        case .none:
            return
        case .intermediate:
            // Not the answer's outcome: a later update carries the same text.
            if case .refused = delivery {
                refusals += 1
                if !isShown { openTime = nil }
            } else {
                refusals = 0
                isShown = true
            }
        case .final:
            if delivery.isDelivered { refusals = 0 }
            worst = worst?.worse(delivery) ?? delivery
        case .lastFinal:
            if case .refused(let reason) = delivery { wasNeverSent = reason.code == nil }
            phase = .done(worst?.worse(delivery) ?? delivery)
        }
        if outstanding != .lastFinal { handed = nil }
        outstanding = .none
    }

    private mutating func end(emptyReason: String) -> Effect {
        guard isOpen else { return .ignored }
        phase = .finishing(emptyReason: emptyReason)
        return outstanding == .none ? .attention : .none
    }

    private func changed() -> Effect {
        let needsAttention = isIdle || text.utf8.count - start > splitter.limit
        return capabilities.streams && outstanding == .none && needsAttention ? .attention : .none
    }
}

// MARK: Decision

extension StreamMachine {
    /// What to do now. Ask after each step, and after each event with the effect ``Effect/attention``.
    package mutating func next(now: ContinuousClock.Instant) -> Step {
        isIdle = true
        return decide(now: now)
    }

    private mutating func decide(now: ContinuousClock.Instant) -> Step {
        if case .done(let outcome) = phase { return .done(outcome) }
        guard outstanding == .none else { return .idle }
        if let repeated {
            self.repeated = nil
            let isLast = !isOpen && text.firstVisible(in: 0..<text.utf8.count) == nil
            let update = update(repeated, isLast ? .lastFinal : .final, now: now)
            if !isLast { bubble += 1 }
            return .send(update)
        }
        guard capabilities.streams || !isOpen else { return .idle }

        if let update = overflow(now: now) { return .send(update) }

        let range = start..<splitter.fittingEnd(text, from: start)
        switch phase {
        case .open:
            return continued(range, now: now)
        case .finishing(let emptyReason):
            guard text.firstVisible(in: range) == nil else {
                return .send(update(text.slice(utf8: range), .lastFinal, now: now))
            }
            if isShown { return .send(update(configuration.closingText, .lastFinal, now: now)) }
            let outcome = worst ?? .refused(Delivery.Reason(emptyReason))
            phase = .done(outcome)
            return .done(outcome)
        case .done(let outcome):
            return .done(outcome)
        }
    }

    /// The update that finishes a bubble which the text has outgrown.
    private mutating func overflow(now: ContinuousClock.Instant) -> BubbleUpdate? {
        while text.utf8.count - start > splitter.limit {
            switch splitter.cut(text, from: start) {
            case .blankRest:
                return nil
            case .skip(let offset):
                start = offset
            case .at(let offset):
                return finishBubble(text.slice(utf8: start..<offset), before: offset, now: now)
            }
        }
        return nil
    }

    /// Finishes the current bubble; what is from `offset` on is for the next.
    private mutating func finishBubble(
        _ content: String,
        before offset: Int,
        now: ContinuousClock.Instant
    ) -> BubbleUpdate {
        let update = update(content, .final, now: now)
        start = offset
        bubble += 1
        lastSent = nil
        isShown = false
        openTime = nil
        return update
    }

    private mutating func update(_ text: String, _ kind: Outstanding, now: ContinuousClock.Instant) -> BubbleUpdate {
        outstanding = kind
        handed = kind == .intermediate ? nil : text
        lastSendTime = now
        return BubbleUpdate(bubble: bubble, text: text, isFinal: kind != .intermediate)
    }
}

// MARK: An answer that goes on

extension StreamMachine {
    /// The next step of an answer whose current bubble holds `range`.
    private mutating func continued(_ range: Range<Int>, now: ContinuousClock.Instant) -> Step {
        let isBlank = text.firstVisible(in: range) == nil
        let windowEnd = isShown ? bubbleEnd : nil
        if let windowEnd, windowEnd <= now {
            guard !isBlank else { return .send(finishBubble(configuration.closingText, before: start, now: now)) }
            let end = hasPaused(range, now: now) ? range.upperBound : splitter.end(of: text, in: range)
            return .send(finishBubble(text.slice(utf8: start..<end), before: end, now: now))
        }

        let textDue = isBlank ? nil : newTextDue(range, now: now)
        if let textDue, textDue <= now { return .send(intermediate(text.slice(utf8: range), now: now)) }
        let keepAliveDue = isShown ? after(capabilities.keepAlive) : nil
        if let keepAliveDue, keepAliveDue <= now, let lastSent {
            return .send(intermediate(isBlank ? lastSent : text.slice(utf8: range), now: now))
        }
        isIdle = textDue == nil
        return [textDue, keepAliveDue, windowEnd].compactMap(\.self).min().map { .wait(until: $0) } ?? .idle
    }

    private var bubbleEnd: ContinuousClock.Instant? {
        let ends = [
            capabilities.bubbleWindow.flatMap { window in openTime.map { $0 + window } },
            bubble == 0 ? capabilities.firstBubbleEnd : nil,
        ]
        return ends.compactMap(\.self).min()
    }

    /// When the text may be sent; `nil` if it was already.
    private func newTextDue(_ range: Range<Int>, now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        let due = after(StreamConfiguration.interval(bytes: range.count, refusals: refusals)) ?? now
        // Of another length, so it is another text: no need to look at it before its time.
        if now < due, lastSent?.utf8.count != range.count { return due }
        return isSent(range) ? nil : due
    }

    private func isSent(_ range: Range<Int>) -> Bool {
        lastSent?.isIdentical(to: text.slice(utf8: range)) ?? false
    }

    private func hasPaused(_ range: Range<Int>, now: ContinuousClock.Instant) -> Bool {
        guard let since = after(StreamConfiguration.pause), since <= now else { return false }
        return isSent(range)
    }

    /// So long after the last update was sent.
    private func after(_ time: Duration?) -> ContinuousClock.Instant? {
        time.flatMap { time in lastSendTime.map { $0 + time } }
    }

    private mutating func intermediate(_ content: String, now: ContinuousClock.Instant) -> BubbleUpdate {
        lastSent = content
        if openTime == nil { openTime = now }
        return update(content, .intermediate, now: now)
    }
}
