import GatewaySimulator
import Testing

@testable import WeComAIBot

/// A story that has to end the same way over every transport.
struct Scenario: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// What goes wrong from the beginning.
    let faults: [Fault]
    /// Whether the story makes the client break a rule of the gateway's.
    let provokesViolations: Bool
    /// Where it is played.
    let transports: [Transport]
    let prepare: @Sendable (inout GatewayConfiguration) -> Void
    let tune: @Sendable (inout ConnectionConfiguration, Transport) -> Void
    /// After how long a bubble is finished, if not after the usual time.
    let window: @Sendable (Transport) -> Duration?
    let play: @Sendable (Stage) async throws -> Void

    init(
        _ name: String,
        faults: [Fault] = [],
        provokesViolations: Bool = false,
        transports: [Transport] = Transport.allCases,
        prepare: @escaping @Sendable (inout GatewayConfiguration) -> Void = { _ in },
        tune: @escaping @Sendable (inout ConnectionConfiguration, Transport) -> Void = { _, _ in },
        window: @escaping @Sendable (Transport) -> Duration? = { _ in nil },
        play: @escaping @Sendable (Stage) async throws -> Void
    ) {
        testDescription = name
        self.faults = faults
        self.provokesViolations = provokesViolations
        self.transports = transports
        self.prepare = prepare
        self.tune = tune
        self.window = window
        self.play = play
    }
}

/// Rings 2 and 3: every scenario, over every transport.
@Suite(.timeLimit(.minutes(10)))
struct ScenarioTests {
    /// A scenario and what it is played over.
    struct Performance: Sendable, CustomTestStringConvertible {
        let scenario: Scenario
        let transport: Transport

        var testDescription: String { "\(scenario.testDescription), \(transport)" }
    }

    static let performances = (Scenario.ordinary + Scenario.faulty + Scenario.otherWays + Scenario.replies).flatMap {
        scenario in
        scenario.transports.map { Performance(scenario: scenario, transport: $0) }
    }

    @Test(arguments: performances)
    func plays(_ performance: Performance) async throws {
        try await Stage.play(performance.scenario, over: performance.transport)
    }
}
