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
        for run in 0..<40 {
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
        #expect(statistics.delivered > 100, "\(statistics)")
        #expect(statistics.refused > 20, "\(statistics)")
        #expect(statistics.unknown > 20, "\(statistics)")
        #expect(statistics.connects > 100, "\(statistics)")
        #expect(statistics.debtsPaid > 5, "\(statistics)")
        #expect(statistics.repeatedFinals > 5, "\(statistics)")
        #expect(statistics.repeatedDoubts > 5, "\(statistics)")
        #expect(statistics.duplicates > 20, "\(statistics)")
        #expect(statistics.pings > 20, "\(statistics)")
        #expect(statistics.moves > 50, "\(statistics)")
        #expect(statistics.wars > 0, "\(statistics)")
        #expect(statistics.ends > 2, "\(statistics)")
        #expect(statistics.paced > 20, "\(statistics)")
        #expect(statistics.throttled > 20, "\(statistics)")
        #expect(statistics.refusedPings > 0, "\(statistics)")
        #expect(statistics.deadWriteHalves > 0, "\(statistics)")
        #expect(statistics.calledBack > 20, "\(statistics)")
        #expect(statistics.left > 2, "\(statistics)")
        #expect(statistics.lateAnswers > 5, "\(statistics)")
    }
}
