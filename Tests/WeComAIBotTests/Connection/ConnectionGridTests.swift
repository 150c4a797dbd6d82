import BotCore
import Testing

@testable import WeComAIBot

/// Every state × every event. A cell that is missing does not compile: the switches below have no default.
struct ConnectionGridTests {
    enum State: CaseIterable {
        case idle, connecting, subscribing, ready, waiting, displaced, credentialsRejected, closing, stopped
        /// Of which the state says `connecting`.
        case replacing
    }

    enum Event: CaseIterable {
        case start, opened, subscribed, credentialsRefused, subscribeThrottled, requestAcknowledged, requestThrottled
        case notSubscribed
        case disconnected, alive, closed, staleClosed, written, send, cancel, deadline, early, stop, change, move,
            networkUp
    }

    static let cells = State.allCases.flatMap { state in Event.allCases.map { (state, $0) } }

    /// A machine in that state with request 1 of `a`: queued, or handed over when ready.
    func rig(_ state: State, _ policy: DisplacementPolicy = .yield) throws -> Rig {
        var configuration = ConnectionConfiguration()
        configuration.displacementPolicy = policy
        var rig = try Rig(configuration)
        rig.send(1)
        if state == .idle { return rig }
        rig.start()
        if state == .connecting { return rig }
        if state == .waiting {
            rig.closed()
            return rig
        }
        rig.opened()
        switch state {
        case .idle, .connecting, .waiting, .subscribing: break
        case .displaced:
            rig.displaced()
            if policy == .stop { rig.closed() }
        case .credentialsRejected: rig.ack(rig.subscribeID, 853_000)
        case .ready, .closing, .stopped, .replacing:
            rig.ack(rig.subscribeID)
            if state == .replacing { rig.change(moves: true) }
            if state == .closing || state == .stopped { rig.stop() }
            if state == .stopped { rig.closed() }
        }
        return rig
    }

    func expected(_ state: State, _ event: Event) -> [String] {
        switch event {
        case .start:
            switch state {
            case .idle: ["state connecting", "connect 1"]
            case .connecting, .subscribing, .ready, .waiting, .displaced, .credentialsRejected, .closing, .stopped,
                .replacing:
                []
            }
        case .opened:
            switch state {
            case .connecting: ["state subscribing", "write subscribe"]
            case .idle, .subscribing, .ready, .waiting, .displaced, .credentialsRejected, .closing, .stopped,
                .replacing:
                []
            }
        case .subscribed:
            switch state {
            case .subscribing: ["state ready", "write a1"]
            case .idle, .connecting, .ready, .waiting, .displaced, .credentialsRejected, .closing, .stopped, .replacing:
                []
            }
        case .credentialsRefused:
            switch state {
            case .subscribing: ["close 1000", "state credentialsRejected"]
            case .idle, .connecting, .ready, .waiting, .displaced, .credentialsRejected, .closing, .stopped, .replacing:
                []
            }
        case .subscribeThrottled:
            switch state {
            case .subscribing: ["close 1000", "state waiting"]
            case .idle, .connecting, .ready, .waiting, .displaced, .credentialsRejected, .closing, .stopped, .replacing:
                []
            }
        case .requestAcknowledged:
            switch state {
            case .ready, .replacing: ["1 delivered"]
            case .idle, .connecting, .subscribing, .waiting, .displaced, .credentialsRejected, .closing, .stopped: []
            }
        case .requestThrottled:
            switch state {
            case .idle, .connecting, .subscribing, .ready, .waiting, .displaced, .credentialsRejected, .closing,
                .stopped, .replacing:
                []
            }
        case .notSubscribed:
            switch state {
            case .ready: ["abort", "state waiting"]
            case .idle, .connecting, .subscribing, .waiting, .displaced, .credentialsRejected, .closing, .stopped,
                .replacing:
                []
            }
        case .disconnected:
            switch state {
            case .subscribing, .ready: ["close 1000", "state displaced"]
            case .idle, .connecting, .waiting, .displaced, .credentialsRejected, .closing, .stopped, .replacing: []
            }
        case .alive, .staleClosed, .written, .early:
            switch state {
            case .idle, .connecting, .subscribing, .ready, .waiting, .displaced, .credentialsRejected, .closing,
                .stopped, .replacing:
                []
            }
        case .closed:
            switch state {
            case .connecting, .subscribing, .ready: ["state waiting"]
            case .closing: ["state stopped"]
            // The attempt before began at the same moment; this one has to wait for a second.
            case .replacing: []
            case .idle, .waiting, .displaced, .credentialsRejected, .stopped: []
            }
        case .send:
            switch state {
            case .ready: ["write b2"]
            case .closing, .stopped: ["2 refused"]
            case .idle, .connecting, .subscribing, .waiting, .displaced, .credentialsRejected, .replacing: []
            }
        case .cancel:
            switch state {
            case .ready: ["1 unknown"]
            case .closing, .stopped: []
            case .idle, .connecting, .subscribing, .waiting, .displaced, .credentialsRejected: ["1 refused"]
            case .replacing: ["1 unknown"]
            }
        case .deadline:
            switch state {
            case .idle: ["1 refused"]
            case .connecting, .subscribing: ["abort", "state waiting"]
            case .ready: ["write ping"]
            case .waiting, .displaced, .credentialsRejected: ["state connecting", "connect 2"]
            case .closing: ["abort", "state stopped"]
            case .replacing: ["abort", "connect 2"]
            case .stopped: []
            }
        case .stop:
            switch state {
            case .idle, .waiting, .displaced, .credentialsRejected: ["1 refused", "state stopped"]
            case .connecting: ["1 refused", "abort", "state stopped"]
            case .subscribing: ["1 refused", "close 1000", "state closing"]
            case .ready: ["1 unknown", "close 1000", "state closing"]
            case .replacing: ["1 unknown", "state closing"]
            case .closing, .stopped: []
            }
        case .change:
            []
        case .networkUp:
            switch state {
            case .waiting: ["state waiting"]
            case .idle, .connecting, .subscribing, .ready, .displaced, .credentialsRejected, .closing, .stopped,
                .replacing:
                []
            }
        case .move:
            switch state {
            case .connecting: ["abort"]
            case .subscribing, .ready: ["close 1000", "state connecting"]
            case .displaced, .credentialsRejected, .waiting: ["state connecting"]
            case .idle, .closing, .stopped, .replacing: []
            }
        }
    }

    @Test(arguments: cells)
    func everyEventInEveryState(state: State, event: Event) throws {
        var rig = try rig(state)
        #expect(rig.stateName == (state == .replacing ? "connecting" : "\(state)"))
        let actual: [String]
        switch event {
        case .start: actual = rig.start()
        case .opened: actual = rig.opened()
        case .subscribed: actual = rig.ack(rig.subscribeID)
        case .credentialsRefused: actual = rig.ack(rig.subscribeID, 853_000)
        case .subscribeThrottled: actual = rig.ack(rig.subscribeID, 45_009)
        case .requestAcknowledged:
            rig.written("a1")
            actual = rig.ack("a")
        case .requestThrottled:
            rig.written("a1")
            actual = rig.ack("a", 45_009)
        case .notSubscribed:
            rig.written("a1")
            actual = rig.ack("a", 846_609)
        case .disconnected: actual = rig.displaced()
        case .alive: actual = rig.alive()
        case .closed: actual = rig.closed()
        case .staleClosed: actual = rig.closed(epoch: rig.epoch &- 1)
        case .written: actual = rig.written("a1")
        case .send: actual = rig.send(2, "b")
        case .cancel: actual = rig.cancel(1)
        case .deadline:
            if let deadline = rig.machine.nextDeadline { rig.now = deadline }
            actual = rig.tick()
        case .early:
            if let deadline = rig.machine.nextDeadline { rig.now = max(rig.now, deadline - .nanoseconds(1)) }
            actual = deadlineHasCome(rig) ? [] : rig.tick()
        case .stop: actual = rig.stop()
        case .change: actual = rig.change(moves: false)
        case .move: actual = rig.change(moves: true)
        case .networkUp:
            // Only a long wait can be shortened: two attempts are at least a second apart.
            while state == .waiting, let retryAt = rig.retryAt, retryAt - rig.now < .seconds(2) {
                rig.now = retryAt
                rig.tick()
                rig.closed()
            }
            actual = rig.networkCameUp()
        }
        #expect(actual == expected(state, event), "\(event) in \(state)")
        #expect(
            actual.contains { $0.hasPrefix("state") }
                || rig.stateName == (state == .replacing ? "connecting" : "\(state)")
        )
    }

    /// The state that a `disconnected_event` leads to under each policy, and what it does to request 1.
    @Test(arguments: State.allCases, DisplacementPolicy.allCases)
    func displacedInEveryStateUnderEveryPolicy(state: State, policy: DisplacementPolicy) throws {
        var rig = try rig(state, policy)
        let actual = rig.displaced()
        switch (state, policy) {
        case (.subscribing, .stop): #expect(actual == ["close 1000", "1 refused", "state displaced"])
        case (.ready, .stop): #expect(actual == ["close 1000", "1 unknown", "state displaced"])
        case (.subscribing, .yield), (.subscribing, .takeOver), (.ready, .yield), (.ready, .takeOver):
            #expect(actual == ["close 1000", "state displaced"])
        case (.idle, _), (.connecting, _), (.waiting, _), (.displaced, _), (.credentialsRejected, _), (.closing, _),
            (.stopped, _), (.replacing, _):
            #expect(actual == [])
        }
        guard state == .ready || state == .subscribing else { return }
        let wait = rig.retryAt.map { $0 - rig.now }
        switch policy {
        case .yield: #expect((Duration.seconds(30)...(.seconds(60))).contains(try #require(wait)))
        case .takeOver: #expect((Duration.seconds(1)...(.seconds(2))).contains(try #require(wait)))
        case .stop: #expect(wait == nil)
        }
        guard policy == .stop else { return }
        #expect(rig.send(2, "b") == ["2 refused"])
        #expect(rig.stop() == [] && rig.alive() == [] && rig.displaced() == [])
        var silent = rig
        #expect(silent.after(.seconds(5)) == ["abort", "state stopped"])
        #expect(rig.closed() == ["state stopped"])
        #expect(rig.machine.endedDisplaced && rig.machine.nextDeadline == nil)
    }

    /// An attempt may be due at once, since full jitter may be nothing.
    private func deadlineHasCome(_ rig: Rig) -> Bool {
        rig.machine.nextDeadline.map { $0 <= rig.now } ?? false
    }

    @Test func theGridIsComplete() {
        #expect(Self.cells.count == 10 * 21)
    }
}
