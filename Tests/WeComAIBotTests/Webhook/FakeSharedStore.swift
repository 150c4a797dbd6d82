import BotCore
import BotFoundation
import TestSupport

/// What several processes share, in memory, under a clock that the test moves.
final class FakeSharedStore: SharedStreamStore {
    struct Down: Error {}

    struct Entry {
        var stream: SharedStream
        let opened: ManualClock.Instant
        var expires: ManualClock.Instant
        var isHanded = false
        var asked: ManualClock.Instant?
        var shown: String?
    }

    struct State {
        var claims: [String: (owner: String, expires: ManualClock.Instant)] = [:]
        var streams: [String: Entry] = [:]
        var isDown = false
        var calls = 0
    }

    let name = "fake"
    let updates = EventRecorder<SharedStreamUpdate>()
    let state = Locked(State())
    private let clock: ManualClock

    init(_ clock: ManualClock) { self.clock = clock }

    /// From now on everything fails, or works again.
    func setDown(_ isDown: Bool) { state.withLock { $0.isDown = isDown } }

    /// It is started again, and was not told to keep anything.
    func forget() {
        state.withLock { state in
            state.claims = [:]
            state.streams = [:]
        }
    }

    /// What stands there, as nobody's question.
    func stream(_ id: String) -> SharedStream? { state.withLock { $0.streams[id]?.stream } }

    func put(_ stream: SharedStream, as id: String) {
        let now = clock.now
        let expires = now.advanced(by: .seconds(600))
        state.withLock { $0.streams[id] = Entry(stream: stream, opened: now, expires: expires) }
    }

    var calls: Int { state.withLock { $0.calls } }

    private func with<Result: Sendable>(
        _ body: @Sendable (inout State, ManualClock.Instant) -> Result
    ) throws -> Result {
        let now = clock.now
        return try state.withLock { state in
            state.calls += 1
            if state.isDown { throw Down() }
            state.claims = state.claims.filter { now < $0.value.expires }
            state.streams = state.streams.filter { now < $0.value.expires }
            return body(&state, now)
        }
    }

    func claim(_ name: String, for owner: String, isStream: Bool, lasting: Duration) throws -> String {
        try with { state, now in
            if let claim = state.claims[name] { return claim.owner }
            let expires = now.advanced(by: lasting)
            state.claims[name] = (owner, expires)
            if isStream {
                state.streams[owner] = Entry(stream: SharedStream(.open, text: nil), opened: now, expires: expires)
            }
            return owner
        }
    }

    func release(_ name: String, of owner: String) throws {
        try with { state, _ in
            guard state.claims[name]?.owner == owner else { return }
            state.claims[name] = nil
            state.streams[owner] = nil
        }
    }

    func read(_ stream: String, window: Duration?) throws -> SharedStream? {
        try with { state, now in
            guard var entry = state.streams[stream] else { return nil }
            entry.asked = now
            if let window {
                if entry.stream.phase == .open, entry.opened.duration(to: now) >= window { entry.stream.phase = .over }
                if entry.stream.phase == .open { entry.shown = entry.stream.text ?? entry.shown }
                if entry.stream.phase != .open { entry.isHanded = true }
            }
            state.streams[stream] = entry
            return entry.stream
        }
    }

    func update(_ updates: [SharedStreamUpdate]) throws -> [SharedStreamStatus?] {
        let statuses = try with { state, now in updates.map { Self.apply($0, to: &state, now) } }
        for update in updates { self.updates.record(update) }
        return statuses
    }

    private static func apply(
        _ update: SharedStreamUpdate,
        to state: inout State,
        _ now: ManualClock.Instant
    ) -> SharedStreamStatus? {
        var shown: String?
        switch update.change {
        case .none: break
        case .end:
            if state.streams[update.id]?.stream.phase != .open { state.streams[update.id]?.stream.hasEnded = true }
        case .hold(let time):
            guard var entry = state.streams[update.id] else { return nil }
            let isAsked = entry.asked.map { $0.duration(to: now) < time } ?? false
            if entry.stream.phase == .complete, !entry.stream.hasEnded, !entry.isHanded, !isAsked {
                entry.stream.phase = .open
                entry.stream.text = entry.shown
            }
            shown = entry.shown
            state.streams[update.id] = entry
        case .show(let content):
            let expires = now.advanced(by: content.lasting)
            var entry =
                state.streams[update.id]
                ?? Entry(stream: content.stream, opened: now.advanced(by: .zero - content.age), expires: expires)
            if entry.stream.phase != .over, !entry.stream.hasEnded, !entry.isHanded { entry.stream = content.stream }
            entry.expires = expires
            state.streams[update.id] = entry
            if let claim = content.claim, state.claims[claim].map({ $0.owner == update.id }) ?? true {
                state.claims[claim] = (update.id, expires)
            }
        }
        guard let entry = state.streams[update.id] else { return nil }
        return SharedStreamStatus(
            entry.stream.phase,
            hasEnded: entry.stream.hasEnded,
            isHanded: entry.isHanded,
            sinceAsked: entry.asked.map { $0.duration(to: now) },
            shown: shown
        )
    }

    func close() {}
}
