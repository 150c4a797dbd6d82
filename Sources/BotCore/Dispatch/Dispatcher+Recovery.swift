internal import BotFoundation

extension Dispatcher {
    /// Takes over what another process left: it is answered or finished as soon as ``run()`` is called, and ids that it has seen
    /// count as seen. Call it before the first message.
    ///
    /// A message whose handler was never started is handled as if it had just come. A handler that was started is not started
    /// again: an answer that was complete is sent (again), one that was not ends with
    /// ``DispatcherConfiguration/interruptedText``.
    ///
    /// - Parameter restored: Gives a turn whose message has again what the store does not keep, such as its attachments.
    /// - Parameter resume: Gives the way back to the user, if the channel knows it. Final texts that
    ///   ``SavedAnswer/Final/mayHaveArrived`` may have been seen: the channel must not send them in another way than before.
    @concurrent package func recover(
        restored: @Sendable (SavedTurn) -> SavedTurn = { $0 },
        resume: @Sendable (SavedTurn) async -> (any ReplyChannel)?
    ) async {
        guard let ledger, let saved = await ledger.recover() else { return }
        let (now, unixNow) = (timeline.now, ledger.now)
        let age = { Self.age(of: $0, at: unixNow) }
        let turns = saved.turns.filter { SavedTurn.numbers.contains($0.number) }.sorted { $0.number < $1.number }
            .map(restored)
        state.withLock { state in
            state.lastNumber = turns.last?.number ?? 0
            for sighting in saved.seen.sorted(by: { $0.at < $1.at }) {
                state.machine.remember(sighting.id, seen: now - age(sighting.at))
            }
        }
        for turn in turns {
            let record = TurnRecord(turn, in: ledger, isWritten: true)
            if age(turn.receivedAt) >= configuration.replyWindow {
                giveUp(record, turn, "it is too old")
            } else if let channel = await resume(turn) {
                readmit(turn, record, channel)
            } else {
                giveUp(record, turn, "the way to answer it is not known")
            }
        }
        if !turns.isEmpty {
            log(.info, "taking over what was left before the start", [.count: String(turns.count)])
        }
    }

    private func readmit(_ saved: SavedTurn, _ record: TurnRecord, _ channel: any ReplyChannel) {
        let kind = saved.answer.map { Turn.Kind.resumed($0) } ?? .handled
        let repeated = saved.answer?.repeatedBubbles ?? []
        let turn = Turn(
            message: saved.message,
            channel: repeated.isEmpty ? channel : RepeatingChannel(channel, bubbles: repeated),
            kind: kind,
            record: record,
            isRecovered: true
        )
        switch state.withLock({ $0.machine.readmit(turn) }) {
        case .start(let turn): start(turn)
        case .queued, .duplicate, .refused: break
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
