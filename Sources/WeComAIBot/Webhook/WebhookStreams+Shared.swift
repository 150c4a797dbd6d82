internal import BotCore

/// Streams that the platform may ask other processes about: what those are told, and what is learnt from them.
///
/// * Whoever has claimed a message owns its stream, and says in the store what it shows. The others repeat that.
/// * What others were asked counts as asked, and an end that they have told counts as told.
/// * An end that another process was given is never said another way, whether it has left or not. One that nobody was given is taken
///   back first.
extension WebhookStreams {
    /// What other processes do not know yet.
    struct Unshared: Sendable {
        /// Streams that show something else by now.
        var contents: Set<String> = []
        /// Streams whose end was told here.
        var ends: Set<String> = []

        mutating func remove(_ id: String) {
            contents.remove(id)
            ends.remove(id)
        }
    }

    /// From now on other processes are told.
    mutating func beginSharing() {
        unshared = unshared ?? Unshared()
        shareAgain()
    }

    /// Whether there is something to tell.
    var hasUnshared: Bool { unshared.map { !$0.contents.isEmpty || !$0.ends.isEmpty } ?? false }

    mutating func changed(_ id: String) { unshared?.contents.insert(id) }

    /// Everything is to be told once more: the store may have forgotten it.
    mutating func shareAgain() {
        unshared?.contents.formUnion(entries.keys)
        unshared?.ends.formUnion(entries.lazy.filter(\.value.hasEnded).map(\.key))
    }

    /// What is to be told; it counts as told then.
    ///
    /// - Parameter asking: Whether to ask about every other stream whose end is still to be told.
    mutating func takeUpdates(asking: Bool, now: ContinuousClock.Instant) -> [SharedStreamUpdate] {
        guard let unshared else { return [] }
        self.unshared = Unshared()
        var updates: [SharedStreamUpdate] = []
        for id in unshared.contents {
            if let entry = entries[id] {
                updates.append(SharedStreamUpdate(id, .show(content(of: entry, id, now: now))))
            }
        }
        for id in unshared.ends where entries[id] != nil { updates.append(SharedStreamUpdate(id, .end)) }
        guard asking else { return updates }
        for (id, entry) in entries where !entry.hasEnded && !unshared.contents.contains(id) && now < end(of: entry) {
            updates.append(SharedStreamUpdate(id, .none))
        }
        return updates
    }

    private func content(
        of entry: Entry,
        _ id: String,
        now: ContinuousClock.Instant
    ) -> SharedStreamUpdate.Content {
        var stream = SharedStream(.open, text: entry.isHeld ? entry.shown : entry.text)
        if !entry.isHeld, entry.phase != .open {
            stream.phase = entry.phase == .complete ? .complete : .cut
            stream.images = images[id].map { SharedStream.Image(base64: $0.base64, md5: $0.md5) }
        }
        return SharedStreamUpdate.Content(
            stream,
            claim: entry.messageID.isEmpty ? nil : SharedStreams.claim(ofMessage: entry.messageID),
            age: now - entry.opened,
            lasting: entry.opened + configuration.retention - now
        )
    }

    /// This is where a stream stands with all the processes; `nil` if the store has forgotten it.
    ///
    /// - Returns: Who waits for its end, if that was told and nobody knew it yet.
    mutating func learn(
        _ status: SharedStreamStatus?,
        of id: String,
        now: ContinuousClock.Instant
    ) -> Waiter? {
        guard var entry = entries[id] else { return nil }
        guard let status else {
            changed(id)
            return nil
        }
        defer { entries[id] = entry }
        if let since = status.sinceAsked {
            entry.lastAsked = max(entry.lastAsked, now - since)
            if let shown = status.shown, now - since >= entry.lastAskedHere { entry.shown = shown }
        }
        entry.isTold = status.phase == .complete
        guard !entry.hasEnded, status.phase != .open else { return nil }
        if status.phase == .over {
            // Somebody was asked for it after its time; there, it ends with what there was.
            if entry.phase == .open { entry.text = unfinished(entry.text) }
            // The whole goes another way: here, only what was shown is said.
            if entry.phase == .complete {
                entry.text = unfinished(entry.shown == configuration.firstText ? nil : entry.shown)
            }
            entry.phase = .cut
        }
        if status.isHanded, status.phase == .complete { entry.isHanded = true }
        guard status.hasEnded else { return nil }
        entry.hasEnded = true
        if let text = entry.text { entry.shown = text }
        if status.phase == .complete, !images[id].isEmpty { entry.hasShownImages = true }
        return entry.waiter
    }

    /// For how long nobody must have asked for a complete text that is to go another way.
    func patience(with id: String, now: ContinuousClock.Instant) -> Duration {
        guard !isOver, let entry = entries[id], now < end(of: entry) else { return .zero }
        return configuration.silence
    }

    /// The complete text is to go another way, unless it stands otherwise: then this process does not give it out any more, until
    /// ``release(_:)``.
    mutating func hold(_ id: String, now: ContinuousClock.Instant) -> Standing {
        guard let entry = entries[id], entry.phase != .cut else { return .unwatched(Self.over) }
        let standing = standing(of: id, now: now)
        guard case .unwatched = standing else {
            release(id)
            return standing
        }
        entries[id]?.isHeld = true
        changed(id)
        return standing
    }

    /// What became of it is known.
    mutating func release(_ id: String) {
        guard entries[id]?.isHeld == true else { return }
        entries[id]?.isHeld = false
        changed(id)
    }

    /// What a stream of another process shows.
    ///
    /// - Parameter isAsked: Whether the platform asks for it; otherwise a message was delivered again, which never ends a bubble.
    func frame(of stream: SharedStream, id: String, isAsked: Bool) -> StreamFrame {
        let isFinal = isAsked ? stream.phase != .open : stream.hasEnded
        var text = stream.phase == .over ? unfinished(stream.text) : stream.text ?? configuration.firstText
        // Whatever stands in the store, the platform takes it.
        text = text.prefix(maximumBytes: StreamFrame.maximumContentBytes)
        if text.allSatisfy(\.isWhitespace) { text = isFinal ? configuration.closingText : configuration.firstText }
        let images = isFinal ? stream.images.map { StreamImage(base64: $0.base64, md5: $0.md5) } : []
        return StreamFrame(id: id, isFinal: isFinal, content: text, images: images)
    }

    /// The store does not say whether another process was given the complete text.
    mutating func untaken(_ id: String, _ standing: Standing) -> Standing {
        guard entries[id]?.isTold == true else { return standing }
        release(id)
        return .unclosed(Self.perhapsHanded)
    }

    static var perhapsHanded: Delivery.Reason {
        Delivery.Reason("another process may have been asked for the end of the answer; the shared state fails")
    }

    static var handed: Delivery.Reason {
        Delivery.Reason("another process was asked for the end of the answer, and did not say that it has left")
    }
}
