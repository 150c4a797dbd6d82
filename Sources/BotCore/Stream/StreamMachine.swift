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
///   texts of all bubbles are together the whole text, but for what is ``added`` where a code block or a table is cut.
/// * A bubble whose ``ReplyCapabilities/bubbleWindow`` or ``ReplyCapabilities/firstBubbleEnd`` comes is finished the same way: after a
///   paragraph, line or sentence if one ends near its end and the answer has not paused, else with all text so far. The next bubble
///   opens with the next text; white space alone opens none.
/// * Thinking is shown above the text of the bubble in which it came, and is no text: at most half of the bubble is for it, and of
///   more than that the newest part is shown. It is never cut into the next bubble.
/// * A blank text is not sent. If the answer ends that way, nothing is sent and it counts as refused, or as the messages that were sent
///   beside it; if the bubble has
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

    let capabilities: ReplyCapabilities
    private let configuration: StreamConfiguration
    /// For what thinking leaves of a bubble.
    private var splitter: TextSplitter { TextSplitter(limit: capabilities.maximumBytes - thinkingBytes) }

    private var phase = Phase.open
    /// The whole text. The one growing buffer: updates copy a part of it, at most one bubble long.
    private var text = ""
    /// Where the current bubble starts in `text`; what is before it is final.
    private var start = 0
    /// What of the text's Markdown is open there.
    private var context = MarkdownContext()
    /// How many bytes at the beginning and the end of the last update are not the answer's: the opening of a code block, or the header
    /// of a table, that is repeated, and the end of a code block.
    package private(set) var added = (before: 0, after: 0)
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
    /// The final text that has no verdict yet.
    private var handed: SavedAnswer.Final?
    /// Final texts that had one, but none of the server's: turned away on this side, or lost.
    private var owed: [SavedAnswer.Final] = []
    /// Final texts that another process owed; they go first.
    private var inherited: ArraySlice<SavedAnswer.Final> = []
    /// The way back, once it was told.
    private var route: String?
    /// What is shown as thinking in the current bubble, and whether it has changed since it was sent.
    private var thinking: String?
    private var isThinkingNew = false
    /// The worst outcome of the messages that were sent beside it.
    private var beside: Delivery?
    /// Whether the answer has ended without text, and without messages beside it: then the outcome only says that.
    private(set) var isEmpty = false
    /// Goes with every update: the channel knows which of them opens a bubble.
    var feedbackID: String?

    /// An answer without text.
    package init(capabilities: ReplyCapabilities, configuration: StreamConfiguration = .init()) {
        self.capabilities = capabilities
        self.configuration = configuration
    }

    /// An answer that another process has begun.
    package init(
        resuming answer: SavedAnswer,
        capabilities: ReplyCapabilities,
        configuration: StreamConfiguration = .init()
    ) {
        self.init(capabilities: capabilities, configuration: configuration)
        bubble = answer.bubble
        inherited = answer.finals[...]
        text = answer.text
        context = MarkdownContext(opening: answer.opening, isMidLine: answer.isMidLine)
        isShown = answer.isShown
        route = answer.route
    }

    /// The outcome, once there is one: delivered if the final update of each bubble was, else the worst of them.
    package var outcome: Delivery? {
        guard case .done(let outcome) = phase else { return nil }
        return outcome
    }

    /// Whether text is still accepted.
    package var isOpen: Bool { phase == .open }

    /// Whether the answer has ended, and the server said nothing about the final text of a bubble.
    package var isOwed: Bool { outcome != nil && !owed.isEmpty }

    /// How far the answer has come. Copies the text of the present bubble and what follows it.
    package var saved: SavedAnswer {
        let isLast = outstanding == .lastFinal || outcome != nil
        return SavedAnswer(
            finals: owed + [handed].compactMap(\.self) + inherited,
            bubble: bubble,
            text: isLast ? "" : text.slice(utf8: start..<text.utf8.count),
            opening: isLast ? "" : context.opening,
            isMidLine: !isLast && context.isMidLine,
            isShown: !isLast && (isShown || lastSent != nil),
            isComplete: !isOpen,
            route: route
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

    /// The handler adds to what it thinks. Costs as much as a bubble is long, at most.
    package mutating func think(_ delta: String) -> Effect {
        guard isOpen else { return .ignored }
        guard let maximumThinkingBytes else { return .none }
        thinking = ((thinking ?? "") + delta).newest(maximumBytes: maximumThinkingBytes)
        isThinkingNew = true
        return changed()
    }

    /// How many bytes of thinking a bubble takes; `nil` if it takes none.
    private var maximumThinkingBytes: Int? {
        guard let markup = capabilities.thinkingMarkupBytes else { return nil }
        let maximum = capabilities.maximumBytes / 2 - markup
        return maximum >= String.omission.utf8.count ? maximum : nil
    }

    /// How many bytes of the current bubble are not for text.
    private var thinkingBytes: Int {
        thinking.map { $0.utf8.count + (capabilities.thinkingMarkupBytes ?? 0) } ?? 0
    }

    /// A message of its own was sent beside the answer: one without text has the outcome of those.
    package mutating func sentBeside(_ delivery: Delivery) {
        beside = beside?.worse(delivery) ?? delivery
    }

    /// The handler replaces the whole text.
    ///
    /// What is final stays. If the new text starts with it, the rest of the new text continues the answer; if not, all of
    /// the new text does, in the current bubble.
    package mutating func replace(_ newText: String) -> Effect {
        guard isOpen else { return .ignored }
        if start > 0, !newText.utf8.starts(with: text.utf8.prefix(start)) {
            start = 0
            context = MarkdownContext()
        }
        text = newText
        return changed()
    }

    /// The answer is complete.
    package mutating func finish() -> Effect {
        end(emptyReason: "the answer is empty: nothing was sent")
    }

    /// The handler failed: the answer ends with `apology`, after what was written so far if that is not blank. A code block that is
    /// open ends before it.
    package mutating func fail(apology: String) -> Effect {
        guard isOpen else { return .ignored }
        let rest = start..<text.utf8.count
        if text.firstVisible(in: rest) != nil {
            text += splitter.closing(in: context(behind: rest)) + "\n\n"
        } else {
            // It was closed with the bubble before, and is not opened again.
            context = MarkdownContext()
        }
        text += apology
        return end(emptyReason: "the answer failed: nothing was sent")
    }

    /// The turn was cancelled: the answer ends with what was written so far, or with `notice` if that is nothing.
    package mutating func cancelled(notice: String = "") -> Effect {
        let isUnsaid = bubble == 0 && (!isShown || thinking != nil) && text.firstVisible(in: 0..<text.utf8.count) == nil
        if isOpen, isUnsaid { text += notice }
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
            phase = .done(worst?.worse(delivery) ?? delivery)
        }
        note(delivery)
        outstanding = .none
    }

    /// The outstanding final update may leave from now on.
    ///
    /// - Parameter route: The way back to the user, as it is now.
    package mutating func departs(by route: String?) {
        handed?.mayHaveArrived = true
        self.route = route
    }

    /// Keeps the final text whose fate this is, unless the server has judged it.
    private mutating func note(_ delivery: Delivery) {
        guard var final = handed else { return }
        handed = nil
        switch delivery {
        case .unknown(let reason) where reason.code == nil: final.mayHaveArrived = true
        case .refused(let reason) where reason.code == nil: final.mayHaveArrived = false
        case .delivered, .redirected, .refused, .unknown: return
        }
        owed.append(final)
    }

    private mutating func end(emptyReason: String) -> Effect {
        guard isOpen else { return .ignored }
        phase = .finishing(emptyReason: emptyReason)
        return outstanding == .none ? .attention : .none
    }

    private func changed() -> Effect {
        let needsAttention = isIdle || text.utf8.count - start > splitter.limit - context.maximumAddition
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
        if let final = inherited.popFirst() {
            added = (0, 0)
            return .send(update(final, .final, now: now))
        }
        guard capabilities.streams || !isOpen else { return .idle }

        if let update = overflow(now: now) { return .send(update) }

        let range = start..<splitter.fittingEnd(text, from: start, in: context)
        switch phase {
        case .open:
            return continued(range, now: now)
        case .finishing(let emptyReason):
            guard text.firstVisible(in: range) == nil else {
                return .send(update(shown(range), .lastFinal, now: now))
            }
            added = (0, 0)
            if isShown { return .send(update(configuration.closingText, .lastFinal, now: now)) }
            isEmpty = worst == nil && beside == nil
            let outcome = worst ?? beside ?? .refused(Delivery.Reason(emptyReason))
            phase = .done(outcome)
            return .done(outcome)
        case .done(let outcome):
            return .done(outcome)
        }
    }

    /// The update that finishes a bubble which the text has outgrown.
    private mutating func overflow(now: ContinuousClock.Instant) -> BubbleUpdate? {
        while text.utf8.count - start > splitter.room(for: text, from: start, in: context) {
            switch splitter.cut(text, from: start, in: context) {
            case .blankRest:
                return nil
            case .skip(let offset):
                context.read(text.slice(utf8: start..<offset).utf8)
                start = offset
            case .at(let offset):
                return finishBubble(before: offset, now: now)
            }
        }
        return nil
    }

    /// What of the text's Markdown is open at the end of a part of it that begins with the current bubble.
    private func context(behind range: Range<Int>) -> MarkdownContext {
        var context = context
        context.read(text.slice(utf8: range).utf8)
        return context
    }

    /// Finishes the current bubble with the text before `offset`; what is from there on is for the next.
    private mutating func finishBubble(before offset: Int, now: ContinuousClock.Instant) -> BubbleUpdate {
        var content = shown(start..<offset)
        context = context(behind: start..<offset)
        let closing = splitter.closing(in: context)
        if content.utf8.count + closing.utf8.count <= splitter.limit {
            content += closing
            added.after = closing.utf8.count
        }
        return finishBubble(content, before: offset, now: now)
    }

    /// A part of the text as the current bubble shows it.
    private func content(_ range: Range<Int>) -> String {
        splitter.opening(of: text, from: start, in: context) + text.slice(utf8: range)
    }

    /// The same, to be sent.
    private mutating func shown(_ range: Range<Int>) -> String {
        let content = content(range)
        added = (before: content.utf8.count - range.count, after: 0)
        return content
    }

    private mutating func finishBubble(
        _ content: String,
        before offset: Int,
        now: ContinuousClock.Instant
    ) -> BubbleUpdate {
        let update = update(content, .final, now: now)
        thinking = nil
        start = offset
        bubble += 1
        lastSent = nil
        isShown = false
        openTime = nil
        return update
    }

    /// An update of the current bubble.
    private mutating func update(_ text: String, _ kind: Outstanding, now: ContinuousClock.Instant) -> BubbleUpdate {
        guard kind == .intermediate else {
            return update(SavedAnswer.Final(bubble: bubble, text: text, mayHaveArrived: false), kind, now: now)
        }
        outstanding = kind
        lastSendTime = now
        return update(text, of: bubble, isFinal: false)
    }

    private mutating func update(
        _ final: SavedAnswer.Final,
        _ kind: Outstanding,
        now: ContinuousClock.Instant
    ) -> BubbleUpdate {
        outstanding = kind
        handed = final
        lastSendTime = now
        return update(final.text, of: final.bubble, isFinal: true)
    }

    private mutating func update(_ text: String, of bubble: Int, isFinal: Bool) -> BubbleUpdate {
        isThinkingNew = false
        // That the bot thinks is not shown any longer than until there is something to read.
        let isReadable = text.firstVisible(in: 0..<text.utf8.count) != nil
        return BubbleUpdate(
            bubble: bubble,
            text: text,
            isFinal: isFinal,
            thinking: thinking?.isEmpty == true && isReadable ? nil : thinking,
            feedbackID: feedbackID
        )
    }
}

// MARK: An answer that goes on

extension StreamMachine {
    /// The next step of an answer whose current bubble holds `range`.
    private mutating func continued(_ range: Range<Int>, now: ContinuousClock.Instant) -> Step {
        let isBlank = text.firstVisible(in: range) == nil
        let windowEnd = isShown ? bubbleEnd : nil
        if let windowEnd, windowEnd <= now {
            guard !isBlank else {
                added = (0, 0)
                return .send(finishBubble(configuration.closingText, before: start, now: now))
            }
            let end = splitter.end(of: text, in: range, hasPaused: hasPaused(range, now: now), context)
            return .send(finishBubble(before: end, now: now))
        }

        let textDue = isBlank && thinking == nil ? nil : newTextDue(range, now: now)
        if let textDue, textDue <= now { return .send(intermediate(shown(range), now: now)) }
        let keepAliveDue = isShown ? after(capabilities.keepAlive) : nil
        if let keepAliveDue, keepAliveDue <= now, let lastSent {
            return .send(intermediate(isBlank ? lastSent : shown(range), now: now))
        }
        isIdle = textDue == nil
        return [textDue, keepAliveDue, windowEnd].compactMap(\.self).min().map { .wait(until: $0) } ?? .idle
    }

    private var bubbleEnd: ContinuousClock.Instant? {
        let ends = [
            capabilities.bubbleWindow.flatMap { window in openTime.map { $0 + window } },
            bubble == 0 && refusals == 0 ? capabilities.firstBubbleEnd : nil,
        ]
        return ends.compactMap(\.self).min()
    }

    /// When the text may be sent; `nil` if it was already.
    private func newTextDue(_ range: Range<Int>, now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        let interval =
            capabilities.updateInterval
            ?? StreamConfiguration.interval(bytes: range.count + thinkingBytes, refusals: refusals)
        let due = after(interval) ?? now
        // Of another length, so it is another text: no need to look at it before its time.
        let opening = splitter.limit - splitter.room(for: text, from: start, in: context)
        if isThinkingNew || (now < due && lastSent?.utf8.count != opening + range.count) { return due }
        return isSent(range) ? nil : due
    }

    private func isSent(_ range: Range<Int>) -> Bool {
        lastSent?.isIdentical(to: content(range)) ?? false
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
