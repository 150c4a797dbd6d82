import BotCore
import BotFoundation
import TestSupport
import Testing

@Suite("Backoff")
struct BackoffTests {
    /// Always the same number. 0 would be rejected for ever by `random(in:)`; 1 gives the smallest.
    private struct Constant: RandomNumberGenerator {
        let value: UInt64
        mutating func next() -> UInt64 { value }
    }

    private let backoff = Backoff(base: .seconds(1), cap: .seconds(60), floor: .milliseconds(200))

    @Test("the bound doubles and stops at the cap")
    func boundDoubles() {
        var largest = Constant(value: .max)
        let delays = (0...7).map { backoff.delay(attempt: $0, using: &largest) }
        #expect(delays == [1, 2, 4, 8, 16, 32, 60, 60].map { .seconds($0) })
    }

    @Test("a delay is never below the floor")
    func floorHolds() {
        var smallest = Constant(value: 1)
        #expect((0...10).allSatisfy { backoff.delay(attempt: $0, using: &smallest) == .milliseconds(200) })
    }

    @Test("any attempt and any durations are fine", arguments: [Int.min, -1, 0, 62, 63, 64, 1_000, .max])
    func extremesAreFine(attempt: Int) {
        var generator = SeededGenerator(seed: 1)
        let extreme = Backoff(base: .seconds(Int64.max), cap: .seconds(Int64.max), floor: .seconds(-1))
        #expect(extreme.delay(attempt: attempt, using: &generator) <= Backoff.longest)
        let tiny = Backoff(base: .zero, cap: .zero, floor: .seconds(5))
        #expect(tiny.delay(attempt: attempt, using: &generator) <= .nanoseconds(1))
    }

    @Test("delays fill the whole range: full jitter")
    func delaysFillTheRange() {
        var generator = SeededGenerator(seed: SeededGenerator.seed(for: "Backoff"))
        let delays = (0..<1_000).map { _ in backoff.delay(attempt: 6, using: &generator) }
        #expect(delays.allSatisfy { $0 >= .milliseconds(200) && $0 <= .seconds(60) })
        for quarter in 0..<4 {
            let range = Duration.seconds(15 * quarter)...Duration.seconds(15 * quarter + 15)
            #expect(delays.count { range.contains($0) } > 150)
        }
    }
}
