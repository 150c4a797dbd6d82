import GatewaySimulator
import LWSTransport
import TestSupport

@testable import WeComAIBot

/// What a scenario is played over.
enum Transport: Sendable, CaseIterable {
    /// The simulated gateway as a value, with a clock that the scenario moves: seven seconds cost nothing.
    case inMemory
    /// The simulated gateway on a real socket with TLS, in real time, with shorter waits.
    case gateway
}

/// The far side of a scenario, whatever is between.
protocol FarSide: Sendable {
    /// Everything it observes.
    var observed: EventRecorder<Observation.Event> { get }
    /// Returns when ``observed`` has all that has happened.
    func catchUp() async
    /// The clock on which time passes.
    var clock: any Clock<Duration> { get }
    /// A user says something.
    func push(_ text: String, from user: String, in group: String?) async -> PushedMessage
    /// Something happens that is no message.
    func push(_ event: SimulatedEvent, from user: String, in group: String?) async -> PushedMessage
    /// What an event was answered with.
    func answer(toEvent event: PushedMessage) async -> JSONValue?
    /// Something goes wrong.
    func inject(_ fault: Fault) async
    /// Time passes; by itself, where it is real.
    func pass(_ duration: Duration) async
    /// Time passes up to then; by itself, where it is real.
    func pass(until instant: ContinuousClock.Instant) async
}

extension InMemoryWorld: FarSide {
    func catchUp() {}

    func push(_ text: String, from user: String, in group: String?) -> PushedMessage {
        let pushed = withGateway { gateway, now in
            let (message, actions) = gateway.pushText(from: user, in: group, text, now: now)
            return (message, actions)
        }
        guard let pushed else { fatalError("there is no gateway in this world") }
        return pushed
    }

    func push(_ event: SimulatedEvent, from user: String, in group: String?) -> PushedMessage {
        let pushed = withGateway { gateway, now in
            let (message, actions) = gateway.pushEvent(event, from: user, in: group, now: now)
            return (message, actions)
        }
        guard let pushed else { fatalError("there is no gateway in this world") }
        return pushed
    }

    func answer(toEvent event: PushedMessage) -> JSONValue? {
        withGateway { gateway, _ in (gateway.answer(toEvent: event.messageID), []) } ?? nil
    }

    func inject(_ fault: Fault) {
        withGateway { ((), $0.inject(fault, now: $1)) }
    }

    func pass(_ duration: Duration) { advance(by: duration) }

    func pass(until instant: ContinuousClock.Instant) { advance(to: instant) }
}

/// A gateway on a real socket.
struct RealFarSide: FarSide {
    let gateway: Gateway
    let observed = EventRecorder<Observation.Event>()

    var clock: any Clock<Duration> { ContinuousClock() }

    func catchUp() async {
        let count = await gateway.observationCount
        await observed.wait { $0.count >= count }
    }

    func push(_ text: String, from user: String, in group: String?) async -> PushedMessage {
        await gateway.pushText(from: user, in: group, text)
    }

    func push(_ event: SimulatedEvent, from user: String, in group: String?) async -> PushedMessage {
        await gateway.pushEvent(event, from: user, in: group)
    }

    func answer(toEvent event: PushedMessage) async -> JSONValue? { await gateway.answer(toEvent: event) }

    func inject(_ fault: Fault) async { await gateway.inject(fault) }

    func pass(_ duration: Duration) {}

    func pass(until instant: ContinuousClock.Instant) {}
}
