internal import BotFoundation

extension Dispatcher {
    /// Takes over what another process left: it is answered or finished as soon as ``run()`` is called, and ids that it has seen
    /// count as seen. Call it before the first message.
    ///
    /// A message whose handler was never started is handled as if it had just come. A handler that was started is not started
    /// again: an answer that was complete is sent (again), one that was not ends with
    /// ``DispatcherConfiguration/interruptedText``.
    ///
    /// A store that cannot be opened, because the other process has not ended yet for instance, is tried again while ``run()`` runs,
    /// every ``Ledger/retryInterval``; what is in it is taken over then. A disk that does not answer does not hold this up for longer
    /// than ``Ledger/patience``.
    ///
    /// - Parameter restored: Gives a turn whose message has again what the store does not keep, such as its attachments.
    /// - Parameter resend: Takes the messages that were left and are no answers. It must not block.
    /// - Parameter resume: Gives the way back to the user, if the channel knows it. Final texts that
    ///   ``SavedAnswer/Final/mayHaveArrived`` may have been seen: the channel must not send them in another way than before.
    @concurrent package func recover(
        restored: @escaping @Sendable (SavedTurn) -> SavedTurn = { $0 },
        resend: @escaping @Sendable ([SavedPush]) -> Void = { _ in },
        resume: @escaping @Sendable (SavedTurn) async -> (any ReplyChannel)?
    ) async {
        guard let ledger else { return }
        let resume: State.Resume = { turn in await resume(turn).map { (restored(turn), $0) } }
        state.withLock { ($0.resume, $0.resend) = (resume, resend) }
        if let saved = await ledger.recover() { await takeOver(saved, resume) }
    }

    /// Opens a store that could not be opened in ``recover(restored:resend:resume:)``, however often that takes.
    func recoverLater() async {
        guard let ledger else { return }
        while ledger.isToBeOpened {
            // It is cancelled when everything has ended.
            do { try await timeline.sleep(until: timeline.now + Ledger.retryInterval) } catch { return }
            guard let resume = state.withLock({ $0.resume }) else { continue }
            if let saved = await ledger.recover() { await takeOver(saved, resume) }
        }
    }

    private func takeOver(_ saved: SavedState, _ resume: State.Resume) async {
        guard let ledger else { return }
        let resend = state.withLock { $0.resend }
        if !saved.pushes.isEmpty { resend?(saved.pushes) }
        let (now, unixNow) = (timeline.now, ledger.now)
        let age = { Self.age(of: $0, at: unixNow) }
        let turns = saved.turns.filter { SavedTurn.numbers.contains($0.number) }.sorted { $0.number < $1.number }
        let known = state.withLock { state in
            defer { state.machine.remember(saved.seen.map { (id: $0.id, seen: now - age($0.at)) }) }
            return Set(turns.map(\.message.id).filter(state.machine.knows))
        }
        for turn in turns {
            let record = TurnRecord(turn, in: ledger, isRecovered: true)
            if known.contains(turn.message.id) {
                // It was delivered again before this could be known, and is answered as a new one.
                record.close()
            } else if age(turn.receivedAt) >= configuration.replyWindow {
                giveUp(record, turn, "it is too old")
            } else if let (turn, channel) = await resume(turn) {
                readmit(turn, record, channel, arrived: now - age(turn.receivedAt))
            } else {
                giveUp(record, turn, "the way to answer it is not known")
            }
        }
        if !turns.isEmpty {
            log(.info, "taking over what was left before the start", [.count: String(turns.count)])
        }
    }

    private func readmit(
        _ saved: SavedTurn,
        _ record: TurnRecord,
        _ channel: any ReplyChannel,
        arrived: ContinuousClock.Instant
    ) {
        let kind = saved.answer.map { Turn.Kind.resumed($0) } ?? .handled
        let repeated = saved.answer?.repeatedBubbles ?? []
        let turn = Turn(
            message: saved.message,
            channel: repeated.isEmpty ? channel : RepeatingChannel(channel, bubbles: repeated),
            kind: kind,
            record: record,
            isRecovered: true,
            arrived: arrived
        )
        switch state.withLock({ $0.machine.readmit(turn) }) {
        case .start(let turn): start(turn)
        // Refused, it stays where it is: this process ends.
        case .queued, .duplicate, .kept, .refused: break
        case .rejected: giveUp(record, saved, "too many messages wait")
        }
    }

    /// How long ago a time was, both in milliseconds since 1970. A clock that was set back would make it negative.
    private static func age(of time: Int64, at now: Int64) -> Duration {
        guard time < now else { return .zero }
        let milliseconds = UInt64(bitPattern: now &- time)
        return min(.milliseconds(Int64(clamping: milliseconds)), Backoff.longest)
    }

    private func giveUp(_ record: TurnRecord, _ turn: SavedTurn, _ reason: String) {
        record.close()
        log(.warning, "a message from before the start is not answered: \(reason)", Self.facts(turn.message))
    }
}
