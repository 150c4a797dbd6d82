import BotCore
import BotFoundation
import TestSupport
import Testing

@testable import WeComAIBot

struct RateBudgetTests {
    static let nanosecond = Duration.nanoseconds(1)
    let start = Instant.now

    /// The rule as it is written down: every moment is kept, and counted each time.
    private struct Shadow {
        let limits: RateLimits
        var sent: [Instant] = []

        func left(now: Instant) -> (minute: Int, hour: Int) {
            (
                max(0, limits.perMinute - sent.count { now < $0 + RateBudget.minute }),
                max(0, limits.perHour - sent.count { now < $0 + RateBudget.hour })
            )
        }
    }

    @Test func theDefaultsAreThoseOfThePlatform() {
        var budget = RateBudget(RateLimits())
        #expect(budget.left(now: start) == (30, 1_000))
        #expect(RateLimits().reserve == 5)
    }

    @Test func theWindowsAreALittleLongerThanTheServers() {
        #expect(RateBudget.minute == .seconds(61))
        #expect(RateBudget.hour == .seconds(3_601))
    }

    @Test func thirtyGoAndTheNextWaitsForTheFirstToBeAMinuteOld() {
        var budget = RateBudget(RateLimits())
        for number in 0..<30 {
            #expect(budget.freeAt(now: start + .seconds(number)) == nil)
            budget.spend(now: start + .seconds(number))
        }
        let free = start + RateBudget.minute
        #expect(budget.left(now: start + .seconds(30)) == (0, 970))
        #expect(budget.freeAt(now: start + .seconds(30)) == free)
        #expect(budget.left(now: free - Self.nanosecond).minute == 0)
        #expect(budget.freeAt(now: free - Self.nanosecond) == free)
        #expect(budget.left(now: free).minute == 1)
        #expect(budget.freeAt(now: free) == nil)
        budget.spend(now: free)
        #expect(budget.freeAt(now: free) == free + .seconds(1), "the second is a second younger")
    }

    @Test func aThousandGoInAnHourAndTheNextWaits() {
        var budget = RateBudget(RateLimits())
        for number in 0..<1_000 { budget.spend(now: start + .seconds(3) * number) }
        let free = start + RateBudget.hour
        #expect(budget.left(now: free - Self.nanosecond).hour == 0)
        #expect(budget.freeAt(now: free - Self.nanosecond) == free)
        #expect(budget.freeAt(now: free) == nil)
    }

    @Test func whatIsCountedBeyondTheLimitMakesTheNextWaitLonger() {
        var budget = RateBudget(RateLimits(perMinute: 2, perHour: 10))
        for second in 0..<4 { budget.spend(now: start + .seconds(second)) }
        #expect(budget.left(now: start + .seconds(3)).minute == 0)
        #expect(budget.freeAt(now: start + .seconds(3)) == start + .seconds(2) + RateBudget.minute)
    }

    @Test func whatIsCountedBeyondTheLimitAndTakenBackLeavesTheRestCounted() {
        var budget = RateBudget(RateLimits(perMinute: 2, perHour: 10))
        for second in 0..<3 { budget.spend(now: start + .seconds(second)) }
        budget.takeBack(spentAt: start + .seconds(2))
        #expect(budget.left(now: start + .seconds(3)) == (0, 8))
        #expect(budget.freeAt(now: start + .seconds(3)) == start + RateBudget.minute)
        #expect(budget.left(now: start + RateBudget.minute).minute == 1)
    }

    @Test func whatIsCountedBeyondTheLimitCountsUnderAHigherOne() {
        var budget = RateBudget(RateLimits(perMinute: 2, perHour: 10))
        for second in 0..<4 { budget.spend(now: start + .seconds(second)) }
        budget.change(RateLimits(perMinute: 5, perHour: 10))
        #expect(budget.left(now: start + .seconds(4)) == (1, 6))
    }

    @Test func aThrottledMinuteIsUsedUpExceptForWhatWasThrottled() {
        var budget = RateBudget(RateLimits())
        budget.spend(now: start)
        budget.throttle(now: start)
        #expect(budget.left(now: start).minute == 0)
        #expect(budget.freeAt(now: start) == start + RateBudget.minute)
        #expect(budget.freeAt(isRepeat: true, now: start) == nil)
        let end = start + RateBudget.minute
        #expect(budget.isThrottled(now: end - Self.nanosecond) && !budget.isThrottled(now: end))
        #expect(budget.freeAt(now: end) == nil)
    }

    @Test func randomSendsNeverExceedAnyWindow() {
        let seed = testSeed()
        var generator = SplitMix64(seed: seed)
        for _ in 0..<10 {
            let limits = RateLimits(
                perMinute: Int.random(in: 1...30, using: &generator),
                perHour: Int.random(in: 1...200, using: &generator)
            )
            var budget = RateBudget(limits)
            var shadow = Shadow(limits: limits)
            var now = start
            for step in 0..<800 {
                let left = budget.left(now: now)
                #expect(left == shadow.left(now: now), "TEST_SEED=\(seed) step \(step)")
                if let free = budget.freeAt(now: now) {
                    #expect(min(left.minute, left.hour) == 0 && free > now)
                    let early = shadow.left(now: free - Self.nanosecond)
                    #expect(min(early.minute, early.hour) == 0, "it could have gone earlier")
                    let then = shadow.left(now: free)
                    #expect(min(then.minute, then.hour) > 0, "it went too early")
                    if Int.random(in: 0..<4, using: &generator) == 0 { now = free }
                } else {
                    #expect(min(left.minute, left.hour) > 0)
                    budget.spend(now: now)
                    shadow.sent.append(now)
                }
                now += .milliseconds(Int.random(in: 0..<5_000, using: &generator))
            }
        }
    }

    /// Frames that were counted before go again without having to wait, and some of those turn out not to have left.
    @Test func randomRepeatsAreNeverCountedTooLow() {
        let seed = testSeed()
        var generator = SplitMix64(seed: seed)
        for _ in 0..<10 {
            var limits = RateLimits(perMinute: 12, perHour: 60)
            var budget = RateBudget(limits)
            var shadow = Shadow(limits: limits)
            var now = start
            for step in 0..<800 {
                switch Int.random(in: 0..<10, using: &generator) {
                case 0..<6:
                    guard budget.freeAt(now: now) == nil || Int.random(in: 0..<8, using: &generator) == 0 else { break }
                    budget.spend(now: now)
                    shadow.sent.append(now)
                case 6..<9:
                    guard let index = shadow.sent.indices.suffix(20).randomElement(using: &generator) else { break }
                    budget.takeBack(spentAt: shadow.sent.remove(at: index))
                default:
                    guard Int.random(in: 0..<10, using: &generator) == 0 else { break }
                    limits = RateLimits(perMinute: Int.random(in: 5...15, using: &generator), perHour: 60)
                    budget.change(limits)
                    shadow = Shadow(limits: limits, sent: shadow.sent)
                }
                let (left, truth) = (budget.left(now: now), shadow.left(now: now))
                guard left.minute <= truth.minute, left.hour <= truth.hour else {
                    Issue.record("TEST_SEED=\(seed) step \(step): \(left) left, in truth \(truth)")
                    return
                }
                now += .milliseconds(Int.random(in: 0..<5_000, using: &generator))
            }
            #expect(budget.left(now: now + RateBudget.minute).minute == limits.perMinute, "it counts for ever")
            #expect(budget.left(now: now + RateBudget.hour).hour == limits.perHour, "it counts for ever")
        }
    }
}
