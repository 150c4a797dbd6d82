import BotCore
import BotFoundation
import TestSupport

/// A store in memory that shows what it was asked to write, and fails or blocks when a test says so.
final class RecordingStore: StateStore {
    struct Failure: Error, CustomStringConvertible {
        var description: String { "no room" }
    }

    private struct State {
        var batches: [[StateChange]] = []
        var saved: SavedState
        var failures = 0
        var gate: ThreadGate?
        var openingGate: ThreadGate?
        var openings = 0
        var isClosed = false

        mutating func fail() throws(Failure) {
            guard failures > 0 else { return }
            failures -= 1
            throw Failure()
        }
    }

    /// Each batch, when it was asked for; before it blocks or fails.
    let asked = Mailbox<[String]>()
    private let state: Locked<State>
    private let onChange: @Sendable (StateChange) -> Void

    init(_ saved: SavedState = .init(), onChange: @escaping @Sendable (StateChange) -> Void = { _ in }) {
        state = Locked(State(saved: saved))
        self.onChange = onChange
    }

    /// What was written, batch by batch.
    var batches: [[String]] { state.withLock { $0.batches.map { $0.map(\.summary) } } }
    /// What was written.
    var changes: [StateChange] { state.withLock { $0.batches.flatMap(\.self) } }
    var isClosed: Bool { state.withLock { $0.isClosed } }
    /// How many of the next calls fail.
    var failures: Int {
        get { state.withLock { $0.failures } }
        set { state.withLock { $0.failures = newValue } }
    }
    /// Holds the writer back.
    var gate: ThreadGate? {
        get { state.withLock { $0.gate } }
        set { state.withLock { $0.gate = newValue } }
    }

    /// Holds back who opens it.
    var openingGate: ThreadGate? {
        get { state.withLock { $0.openingGate } }
        set { state.withLock { $0.openingGate = newValue } }
    }
    /// How often it was opened, or was to be.
    var openings: Int { state.withLock { $0.openings } }

    func recover() throws -> SavedState {
        state.withLock { $0.openings += 1 }
        openingGate?.pass()
        return try state.withLock { state in
            try state.fail()
            return state.saved
        }
    }

    func record(_ changes: [StateChange]) throws {
        asked.put(changes.map(\.summary))
        gate?.pass()
        try state.withLock { state in
            try state.fail()
            state.batches.append(changes)
        }
        for change in changes { onChange(change) }
    }

    func close() {
        state.withLock { $0.isClosed = true }
    }
}

extension StateChange {
    /// Without the bookkeeping of ids.
    var isAboutATurn: Bool {
        switch self {
        case .opened, .answered, .closed: true
        case .seen, .forget, .posted, .marked, .settled: false
        }
    }

    var summary: String {
        switch self {
        case .opened(let turn): "open \(turn.number) \(turn.message.id)\(turn.answer.map { " \($0.summary)" } ?? "")"
        case .answered(let number, let answer): "answer \(number) \(answer.summary)"
        case .closed(let number): "close \(number)"
        case .seen(let id, let time): "seen \(id) \(time)"
        case .posted(let push): "post \(push.number)\(push.mayHaveArrived ? "?" : "")"
        case .marked(let number, let mayHaveArrived): "mark \(number)\(mayHaveArrived ? "?" : "")"
        case .settled(let number): "settle \(number)"
        case .forget(let time, let count): "forget \(time) \(count)"
        }
    }
}

extension SavedAnswer {
    fileprivate var summary: String {
        let finals = finals.map { " final \($0.bubble)\($0.mayHaveArrived ? "?" : "") \($0.text)" }.joined()
        let flags = "\(isShown ? " shown" : "")\(isComplete ? " complete" : "")\(route.map { " by \($0)" } ?? "")"
        return "[\(bubble)\(finals) \"\(text)\"\(flags)]"
    }
}

extension SavedState {
    /// What a store holds after these changes.
    init(after changes: [StateChange]) {
        var turns: [Int64: SavedTurn] = [:]
        var seen: [String: Int64] = [:]
        var pushes: [Int64: SavedPush] = [:]
        for change in changes {
            switch change {
            case .opened(let turn):
                turns[turn.number] = turn
                seen[turn.message.id] = turn.receivedAt
            case .answered(let number, let answer): turns[number]?.answer = answer
            case .closed(let number): turns[number] = nil
            case .seen(let id, let time): seen[id] = time
            case .posted(let push): pushes[push.number] = push
            case .marked(let number, let mayHaveArrived): pushes[number]?.mayHaveArrived = mayHaveArrived
            case .settled(let number): pushes[number] = nil
            case .forget(let time, _): seen = seen.filter { $0.value >= time }
            }
        }
        self.init(
            turns: Array(turns.values),
            seen: seen.map { Sighting(id: $0.key, at: $0.value) },
            pushes: Array(pushes.values)
        )
    }
}
