internal import BotCore

/// The bubbles that the platform asks for, until it stops asking (official doc 100719).
///
/// A message opens a stream. The platform then asks again and again what it shows, and is always answered at once with all of
/// the text so far, until an answer says that this was the last. The rules:
///
/// * A message that is delivered again gets its stream again. That answer never ends the bubble, unless the end was told
///   before: whether the platform reads it is not known, and then the end would be lost.
/// * What was told last is repeated for as long as the stream is kept.
/// * A stream is watched until its time is over or the platform falls silent. A bubble that is asked for after its time, or
///   whose answer will never come, is closed with the text it has.
/// * Images are told with the end of a bubble, and only with it, every time that the end is told. They are kept until nobody is
///   expected to fetch the end any more.
/// * At most so many are kept. Those that have ended, and those that are whole and that nobody asks for, make room, the oldest first.
///
/// States of a stream: open → complete, or open → cut.
struct WebhookStreams<Waiter: Sendable>: Sendable {
    /// What became of a message.
    enum Opening {
        case opened(StreamFrame)
        /// It was delivered before.
        case again(StreamFrame)
        /// There is no room for another stream.
        case full
        /// No new messages are taken.
        case ending
    }

    /// What became of a text.
    enum Placing: Hashable {
        /// The next question gets it.
        case kept
        /// Nobody is expected to ask for it.
        case unwatched(Delivery.Reason)
    }

    /// Where a complete answer stands.
    enum Standing: Hashable {
        /// It was fetched.
        case fetched
        /// It may be fetched until then; a question may move that.
        case waiting(until: ContinuousClock.Instant)
        /// Nobody is expected to fetch it.
        case unwatched(Delivery.Reason)
        /// The same, but the user has all of the text already; only the bubble was not closed.
        case unclosed(Delivery.Reason)
    }

    enum Phase {
        /// More text may come.
        case open
        /// The text is whole.
        case complete
        /// The bubble was closed before the text was whole.
        case cut
    }

    struct Entry {
        let messageID: String
        let waiter: Waiter
        let opened: ContinuousClock.Instant
        /// By whichever process.
        var lastAsked: ContinuousClock.Instant
        /// By this one.
        var lastAskedHere: ContinuousClock.Instant
        var phase = Phase.open
        /// All of the text so far; `nil` before there is any.
        var text: String?
        /// What the platform was told last.
        var shown: String
        /// Whether the platform was told the end.
        var hasEnded = false
        /// Whether the platform was told images.
        var hasShownImages = false
        /// Whether another process was given the end, and may tell it.
        var isHanded = false
        /// Whether the store has the complete text, so that another process may give it out at any time.
        var isTold = false
        /// The complete text may be on another way: until that is known, the bubble shows what it has shown.
        var isHeld = false
    }

    /// What changes counts for the streams that there are, too.
    var configuration: WebhookStreamConfiguration
    /// Whether no new messages are taken.
    private(set) var isEnding = false
    /// Whether nobody will ask any more.
    private(set) var isOver = false
    var entries: [String: Entry] = [:]
    private(set) var images = WebhookImages()
    private var idOfMessage: [String: String] = [:]
    /// The ids of all entries, the oldest first.
    private var order: [String] = []
    /// What other processes do not know yet, if the platform may ask them.
    var unshared: Unshared?

    init(_ configuration: WebhookStreamConfiguration = .init()) {
        self.configuration = configuration
    }

    /// How many streams are kept.
    var count: Int { entries.count }

    /// How much memory images take.
    var imageBytes: Int { images.byteCount }

    /// How many of them the platform was not told the end of.
    var openCount: Int { entries.values.count { !$0.hasEnded } }

    /// When the bubble of a message that came then should be finished.
    func closing(received: ContinuousClock.Instant) -> ContinuousClock.Instant {
        received + configuration.window - configuration.leave
    }
}

// MARK: The platform's side

extension WebhookStreams {
    /// A message came.
    ///
    /// - Parameters:
    ///   - messageID: By which a second delivery is recognised; empty if it has none.
    ///   - id: The id of its stream, never used before.
    ///   - waiter: What is given back when its complete answer is fetched.
    mutating func open(
        _ messageID: String,
        as id: String,
        waiter: Waiter,
        now: ContinuousClock.Instant
    ) -> Opening {
        expire(now: now)
        if let frame = again(messageID, now: now) { return .again(frame) }
        guard !isEnding else { return .ending }
        guard entries.count < configuration.capacity || makeRoom(now: now) else { return .full }
        let entry = Entry(
            messageID: messageID,
            waiter: waiter,
            opened: now,
            lastAsked: now,
            lastAskedHere: now,
            shown: configuration.firstText
        )
        entries[id] = entry
        order.append(id)
        if !messageID.isEmpty { idOfMessage[messageID] = id }
        changed(id)
        return .opened(frame(of: entry, id: id, isFinal: false))
    }

    /// What the stream of a message shows; `nil` unless it has one.
    mutating func again(_ messageID: String, now: ContinuousClock.Instant) -> StreamFrame? {
        guard let id = idOfMessage[messageID], let entry = entries[id] else { return nil }
        entries[id]?.lastAsked = now
        return frame(of: entry, id: id, isFinal: entry.hasEnded)
    }

    /// Another process opened a stream for a message that this one answers.
    ///
    /// - Returns: Whether there is room for it.
    mutating func reopen(
        _ messageID: String,
        as id: String,
        waiter: Waiter,
        received: ContinuousClock.Instant,
        now: ContinuousClock.Instant
    ) -> Bool {
        guard entries[id] == nil, entries.count < configuration.capacity else { return false }
        entries[id] = Entry(
            messageID: messageID,
            waiter: waiter,
            opened: received,
            lastAsked: now,
            lastAskedHere: now,
            shown: configuration.firstText
        )
        order.append(id)
        if !messageID.isEmpty { idOfMessage[messageID] = id }
        changed(id)
        return true
    }

    /// Whether there is such a stream.
    func knows(_ id: String) -> Bool { entries[id] != nil }

    /// Whether a message has a stream.
    func knows(message id: String) -> Bool { idOfMessage[id] != nil }

    /// The platform asks what a stream shows. Report with ``fetched(_:)`` when it was told.
    mutating func refresh(_ id: String, now: ContinuousClock.Instant) -> StreamFrame {
        freeImages(now: now)
        guard var entry = entries[id] else { return lost(id) }
        entry.lastAsked = now
        entry.lastAskedHere = now
        if entry.phase == .open, now >= entry.opened + configuration.window {
            entry.phase = .cut
            entry.text = unfinished(entry.text)
            changed(id)
        }
        entries[id] = entry
        return frame(of: entry, id: id, isFinal: entry.phase != .open)
    }

    /// What is said of a stream that nothing is known about.
    func lost(_ id: String) -> StreamFrame { StreamFrame(id: id, isFinal: true, content: configuration.lostText) }

    /// An answer to ``refresh(_:now:)`` is on its way.
    ///
    /// - Returns: Who waits for it, if this was the first to carry the complete text.
    mutating func fetched(_ frame: StreamFrame) -> Waiter? {
        guard let entry = entries[frame.id] else { return nil }
        entries[frame.id]?.shown = frame.content
        if !frame.images.isEmpty { entries[frame.id]?.hasShownImages = true }
        guard frame.isFinal, !entry.hasEnded else { return nil }
        entries[frame.id]?.hasEnded = true
        unshared?.ends.insert(frame.id)
        return entry.phase == .complete ? entry.waiter : nil
    }

    private func frame(of entry: Entry, id: String, isFinal: Bool) -> StreamFrame {
        guard !entry.isHeld else { return StreamFrame(id: id, isFinal: false, content: entry.shown) }
        return StreamFrame(
            id: id,
            isFinal: isFinal,
            content: entry.text ?? configuration.firstText,
            images: isFinal ? images[id] : []
        )
    }

    func unfinished(_ text: String?) -> String {
        guard let text else { return configuration.unfinishedText }
        var context = MarkdownContext()
        context.read(text.utf8)
        let whole = text + String(decoding: context.closing, as: UTF8.self) + "\n\n" + configuration.unfinishedText
        return whole.utf8.count <= StreamFrame.maximumContentBytes ? whole : text
    }
}

// MARK: The answer's side

extension WebhookStreams {
    /// The answer has all of this text by now.
    mutating func place(
        _ text: String,
        isFinal: Bool,
        in id: String,
        now: ContinuousClock.Instant
    ) -> Placing {
        freeImages(now: now)
        guard let entry = entries[id], entry.phase == .open else { return .unwatched(Self.over) }
        // Also when nobody is expected to ask: if somebody does, this is what there is to say.
        entries[id]?.text = text
        if isFinal { entries[id]?.phase = .complete }
        changed(id)
        if now >= entry.opened + configuration.window { return .unwatched(Self.over) }
        if now >= entry.lastAsked + configuration.silence { return .unwatched(Self.silent) }
        return .kept
    }

    /// Where a complete answer stands.
    func standing(of id: String, now: ContinuousClock.Instant) -> Standing {
        guard let entry = entries[id] else { return .unwatched(Self.over) }
        // Another process may have ended the bubble when its time was over.
        guard !entry.hasEnded else { return entry.phase == .cut ? .unwatched(Self.over) : .fetched }
        let end = end(of: entry)
        let deadline = min(end, entry.lastAsked + configuration.silence)
        guard isOver || now >= deadline else { return .waiting(until: deadline) }
        let reason = isOver ? Self.ending : deadline == end ? Self.over : Self.silent
        if entry.isHanded { return .unclosed(Self.handed) }
        return entry.text == entry.shown ? .unclosed(reason) : .unwatched(reason)
    }

    /// When nobody is expected to fetch the end of a bubble any more.
    func end(of entry: Entry) -> ContinuousClock.Instant {
        entry.opened + configuration.window + configuration.grace
    }

    /// No more text will come. A bubble that is still open is closed with what it has; not when the bot is ending, because then the
    /// next process may go on with it.
    mutating func abandon(_ id: String) {
        guard !isEnding, let entry = entries[id], entry.phase == .open else { return }
        entries[id]?.phase = .cut
        if entry.text == nil { entries[id]?.text = configuration.closingText }
        changed(id)
    }

    /// The answer went another way: the bubble ends with what it has shown, or with the closing text.
    mutating func redirected(_ id: String) {
        guard let entry = entries[id], !entry.hasEnded else { return }
        entries[id]?.phase = .cut
        entries[id]?.text = entry.shown == configuration.firstText ? configuration.closingText : entry.shown
        changed(id)
    }

    /// Nothing will be answered to the message, so that its bubble ends: with `text`, or with what says that nothing is known about it.
    mutating func drop(_ id: String, saying text: String?) {
        guard let entry = entries[id], entry.phase == .open else { return }
        entries[id]?.phase = .cut
        entries[id]?.text = text ?? configuration.lostText
        changed(id)
    }

    static var over: Delivery.Reason {
        Delivery.Reason("the time in which the platform asks for an answer is over")
    }

    private static var ending: Delivery.Reason {
        Delivery.Reason("the bot ended before the platform asked for the answer")
    }

    private static var silent: Delivery.Reason {
        Delivery.Reason("the platform has stopped asking for the answer")
    }
}

// MARK: Images

extension WebhookStreams {
    /// The answer has one more image.
    ///
    /// - Returns: Why it is not taken; `nil` if it is.
    mutating func attach(_ image: StreamImage, to id: String, now: ContinuousClock.Instant) -> UploadError? {
        freeImages(now: now)
        guard let entry = entries[id], entry.phase == .open, now < entry.opened + configuration.window else {
            return UploadError(.ended, "the one bubble that can show images has ended")
        }
        let maximum = configuration.maximumImageBytes
        guard images.add(image, to: id, maximumBytes: maximum) else {
            let message =
                "the images of open answers take \(images.byteCount) of \(maximum) bytes; this one has \(image.byteCount)"
            return UploadError(.noRoom, message)
        }
        return nil
    }

    /// An answer without text has ended: its images need one.
    ///
    /// - Returns: Whether it had none, so that the end has still to be fetched.
    mutating func closeForImages(_ id: String, now: ContinuousClock.Instant) -> Bool {
        guard entries[id]?.phase == .open else { return false }
        _ = place(configuration.closingText, isFinal: true, in: id, now: now)
        return true
    }

    /// What became of the images of an answer that has ended. Those of which it says that they were not delivered are not shown any more.
    mutating func imageDelivery(of id: String, now: ContinuousClock.Instant) -> Delivery {
        guard let entry = entries[id] else {
            return .unknown(Delivery.Reason("whether its images were fetched is not known any more"))
        }
        guard !entry.hasShownImages else { return .delivered }
        guard !entry.isHanded || entry.hasEnded else { return .unknown(Self.handed) }
        guard !entry.isTold || entry.hasEnded else { return .unknown(Self.perhapsHanded) }
        switch standing(of: id, now: now) {
        case .waiting: return .unknown(Self.ending)
        case .fetched: return withoutImages(id, because: Self.over)
        case .unwatched(let reason), .unclosed(let reason): return withoutImages(id, because: reason)
        }
    }

    private mutating func withoutImages(_ id: String, because reason: Delivery.Reason) -> Delivery {
        images.remove(of: id)
        changed(id)
        return .refused(Delivery.Reason("its images were not delivered: \(reason.message)"))
    }

    private mutating func freeImages(now: ContinuousClock.Instant) {
        let over = images.streams.filter { id in entries[id].map { end(of: $0) <= now } ?? true }
        for id in over { images.remove(of: id) }
    }
}

// MARK: The end

extension WebhookStreams {
    /// No new messages are taken from now on.
    mutating func beginEnding() { isEnding = true }

    /// Nobody will ask any more.
    mutating func end() {
        isEnding = true
        isOver = true
    }
}

// MARK: Room

extension WebhookStreams {
    private mutating func expire(now: ContinuousClock.Instant) {
        freeImages(now: now)
        let expired = order.prefix { id in entries[id].map { $0.opened + configuration.retention <= now } ?? true }
        for id in expired { forget(id) }
        order.removeFirst(expired.count)
    }

    private mutating func makeRoom(now: ContinuousClock.Instant) -> Bool {
        guard let index = order.firstIndex(where: { entries[$0].map { isDispensable($0, now: now) } ?? true }) else {
            return false
        }
        forget(order.remove(at: index))
        return true
    }

    /// Whether nobody will miss it: the platform was told its end, or nothing more comes and nobody has asked for long.
    private func isDispensable(_ entry: Entry, now: ContinuousClock.Instant) -> Bool {
        entry.hasEnded || (entry.phase != .open && entry.lastAsked + configuration.silence + configuration.grace <= now)
    }

    private mutating func forget(_ id: String) {
        images.remove(of: id)
        unshared?.remove(id)
        guard let entry = entries.removeValue(forKey: id), !entry.messageID.isEmpty else { return }
        idOfMessage[entry.messageID] = nil
    }
}
