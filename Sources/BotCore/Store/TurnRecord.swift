internal import BotFoundation

/// One turn as it is to be written down.
///
/// It does not queue changes: it knows what is in the store already, and when the ledger writes, it is asked for the difference.
package final class TurnRecord: LedgerRecord {
    private enum Written {
        case nothing, open, closed
    }

    private struct State {
        var written: Written
        var answer: SavedAnswer?
        /// While the answer is being made, it is asked how far it has come.
        var stream: ReplyStream?
        var isClosed = false
    }

    private let ledger: Ledger
    private let turn: SavedTurn
    private let isRecovered: Bool
    private let state: Locked<State>

    /// - Parameter isRecovered: Whether the turn comes from the store.
    package init(_ turn: SavedTurn, in ledger: Ledger, isRecovered: Bool = false) {
        self.turn = turn
        self.ledger = ledger
        self.isRecovered = isRecovered
        state = Locked(State(written: isRecovered ? .open : .nothing, answer: turn.answer))
    }

    func number(after base: Int64) -> Int64 {
        isRecovered ? turn.number : turn.number.addingReportingOverflow(base).partialValue
    }

    // MARK: - What happens. Any thread; never blocks.

    /// The message was taken.
    package func open() {
        ledger.touch(self)
    }

    /// The answer begins. Returns when that can no longer be forgotten.
    package func start(_ stream: ReplyStream) async {
        state.withLock { $0.stream = stream }
        await settle()
    }

    /// The handler was not started after all: the message waits, as it did.
    package func waitAgain() {
        state.withLock { state in
            state.stream = nil
            state.answer = nil
            // Opening it anew takes the answer away.
            if state.written == .open { state.written = .nothing }
        }
        ledger.touch(self)
    }

    /// The answer has come further.
    package func advance() {
        ledger.touch(self)
    }

    /// The answer has come further. Returns when that can no longer be forgotten, or when the store has failed.
    package func settle() async {
        ledger.touch(self)
        await ledger.barrier()
    }

    /// Nothing is owed any more.
    package func close() {
        state.withLock { state in
            state.isClosed = true
            state.stream = nil
        }
        ledger.touch(self)
    }

    /// What is owed stays in the store for another process.
    package func leave() {
        let stream = state.withLock { $0.stream }
        let answer = stream?.saved
        state.withLock { state in
            state.answer = answer ?? state.answer
            state.stream = nil
        }
        ledger.touch(self)
    }
}

// MARK: - The ledger's side

extension TurnRecord {
    func change(after base: Int64) -> StateChange? {
        let number = number(after: base)
        let stream = state.withLock { $0.stream }
        let current = stream?.saved
        return state.withLock { state in
            let answer = current ?? state.answer
            switch (state.written, state.isClosed) {
            case (.nothing, false):
                return .opened(
                    SavedTurn(
                        number: number,
                        message: turn.message,
                        route: turn.route,
                        receivedAt: turn.receivedAt,
                        answer: answer
                    )
                )
            case (.nothing, true): return sighting.map { .seen(id: $0.id, at: $0.at) }
            case (.open, false): return answer.map { .answered(turn: number, $0) }
            case (.open, true): return .closed(turn: number)
            case (.closed, _): return nil
            }
        }
    }

    func wrote(_ change: StateChange) {
        state.withLock { state in
            switch change {
            case .opened: state.written = .open
            case .closed, .seen: state.written = .closed
            case .answered, .forget, .posted, .marked, .settled: break
            }
        }
    }

    /// Whether the turn has ended and is not in the store at all: then only its message's id is left to write.
    var isGone: Bool { state.withLock { $0.isClosed && $0.written == .nothing } }

    /// The message's id, and when it was taken; `nil` if it has none.
    var sighting: SavedState.Sighting? {
        turn.message.id.isEmpty ? nil : SavedState.Sighting(id: turn.message.id, at: turn.receivedAt)
    }
}
