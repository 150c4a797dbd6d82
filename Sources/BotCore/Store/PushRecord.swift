internal import BotFoundation

/// One message that is complete when it is sent, as it is to be written down.
package final class PushRecord: LedgerRecord {
    private enum Written {
        case nothing
        case open(mayHaveArrived: Bool)
        case closed
    }

    private struct State {
        var written: Written
        var mayHaveArrived: Bool
        /// What the writer was given and has not reported of: it may stand in the store already.
        var underWay: Bool?
        var isClosed = false
        var left = Left.no
    }

    private enum Left { case no, perhaps, yes }

    private let ledger: Ledger
    private let push: SavedPush
    private let isRecovered: Bool
    /// Whether an answer waits until it is sent.
    package let isBesideAnswer: Bool
    private let state: Locked<State>

    /// - Parameter isRecovered: Whether the message comes from the store.
    package init(_ push: SavedPush, in ledger: Ledger, isRecovered: Bool = false, isBesideAnswer: Bool = false) {
        self.push = push
        self.isBesideAnswer = isBesideAnswer
        self.ledger = ledger
        self.isRecovered = isRecovered
        state = Locked(
            State(
                written: isRecovered ? .open(mayHaveArrived: push.mayHaveArrived) : .nothing,
                mayHaveArrived: push.mayHaveArrived
            )
        )
    }

    // MARK: - What happens. Any thread; never blocks.

    /// It waits, and nobody can have seen it.
    package func waits() { set(mayHaveArrived: false) }

    /// It is about to leave. It must not before ``Ledger/barrier(within:)`` has returned and ``mayLeave`` says so.
    package func departs() { set(mayHaveArrived: true) }

    /// Whether it can leave without being sent again by another process. What stands in the store as waiting cannot, for as long as the
    /// store does not take that it leaves; what is not in it can.
    package var mayLeave: Bool {
        state.withLock { state in
            if case .open(mayHaveArrived: false) = state.written { false } else { state.underWay != false }
        }
    }

    /// Whether it waits, and nobody can have seen it.
    package var isWaiting: Bool { state.withLock { !$0.mayHaveArrived } }

    /// It has its verdict.
    package func close() {
        state.withLock { $0.isClosed = true }
        ledger.touch(self)
    }

    /// Nobody can have seen it, and it stays in the store for another process, if that has it or will have it.
    package func leave() {
        waits()
        let isHealthy = ledger.isHealthy
        state.withLock { state in
            state.left =
                switch state.written {
                case .open(mayHaveArrived: false): .yes
                // A disk that does not answer may have taken what it was given.
                case .open(mayHaveArrived: true), .nothing:
                    isHealthy ? .yes : state.underWay == false ? .perhaps : .no
                case .closed: .no
                }
        }
    }

    /// Whether another process may send it.
    package var isLeft: Bool { state.withLock { $0.left != .no } }
    /// Whether another process will send it.
    package var isLeftForCertain: Bool { state.withLock { $0.left == .yes } }

    /// Whether it stands in the store as waiting, and the store fails.
    package var isStranded: Bool {
        let isHealthy = ledger.isHealthy
        return state.withLock { state in
            if case .open(mayHaveArrived: false) = state.written { !isHealthy } else { false }
        }
    }

    private func set(mayHaveArrived: Bool) {
        state.withLock { $0.mayHaveArrived = mayHaveArrived }
        ledger.touch(self)
    }
}

// MARK: - The ledger's side

extension PushRecord {
    func number(after base: Int64) -> Int64 {
        isRecovered ? push.number : push.number.addingReportingOverflow(base).partialValue
    }

    func change(after base: Int64) -> StateChange? {
        let number = number(after: base)
        return state.withLock { state in
            switch (state.written, state.isClosed) {
            case (.nothing, false):
                state.underWay = state.mayHaveArrived
                return .posted(
                    SavedPush(
                        number: number,
                        message: push.message,
                        conversation: push.conversation,
                        postedAt: push.postedAt,
                        mayHaveArrived: state.mayHaveArrived
                    )
                )
            case (.open(state.mayHaveArrived), false):
                return nil
            case (.open, false):
                state.underWay = state.mayHaveArrived
                return .marked(push: number, mayHaveArrived: state.mayHaveArrived)
            case (.open, true): return .settled(push: number)
            case (.nothing, true), (.closed, _): return nil
            }
        }
    }

    func wrote(_ change: StateChange) {
        state.withLock { state in
            state.underWay = nil
            switch change {
            case .posted(let push): state.written = .open(mayHaveArrived: push.mayHaveArrived)
            case .marked(_, let mayHaveArrived): state.written = .open(mayHaveArrived: mayHaveArrived)
            case .settled: state.written = .closed
            case .opened, .answered, .closed, .seen, .forget: break
            }
        }
    }

    func failed(_ change: StateChange) { state.withLock { $0.underWay = nil } }

    var isGone: Bool {
        state.withLock { state in
            if case .nothing = state.written { state.isClosed } else { false }
        }
    }

    var sighting: SavedState.Sighting? { nil }
}
