import BotCore
import Testing

@testable import WeComAIBot

/// Random events against a model of the server and the network.
///
/// `TEST_SEED=<n>` repeats a run.
struct ConnectionModelTests {
    @Test func randomEventsKeepEveryPromise() throws {
        let seed = testSeed()
        var statistics = ConnectionModel.Statistics()
        let policies: [DisplacementPolicy] = [.yield, .yield, .takeOver, .takeOver, .stop]
        for run in 0..<400 {
            if run >= 40, Self.floors.allSatisfy({ statistics[keyPath: $0] > $1 }) { break }
            var model = try ConnectionModel(seed: seed &+ UInt64(run), policy: policies[run % policies.count])
            for _ in 0..<3000 where model.failure == nil { model.step() }
            if model.failure == nil { model.calmDown() }
            if model.failure == nil { model.stop() }
            if let failure = model.failure {
                Issue.record("TEST_SEED=\(seed) run \(run) step \(model.steps): \(failure)")
                return
            }
            statistics.add(model.statistics)
        }
        print("model: \(statistics)")
        // A model in which nothing happens proves nothing.
        for (event, floor) in Self.floors { #expect(statistics[keyPath: event] > floor, "\(event) in \(statistics)") }
    }

    /// What has to have happened more often than that; what is rare is waited for.
    private static var floors: [(KeyPath<ConnectionModel.Statistics, Int>, Int)] {
        [
            (\.delivered, 100), (\.refused, 20), (\.unknown, 20), (\.connects, 100), (\.debtsPaid, 5),
            (\.repeatedFinals, 5), (\.repeatedDoubts, 5), (\.duplicates, 20), (\.pings, 20), (\.moves, 50),
            (\.wars, 0), (\.ends, 2), (\.paced, 20), (\.throttled, 20), (\.refusedPings, 0),
            (\.deadWriteHalves, 0), (\.lateAnswers, 5), (\.calledBack, 20), (\.left, 2),
        ]
    }
}
