import BotFoundation
import Testing

struct RepetitionTests {
    private let start = ContinuousClock.now

    @Test func powersOfTwoAreWorthALine() {
        var repetition = Repetition()
        let said = (1...10_000).compactMap { repetition.next(now: start + .seconds($0)) }
        #expect(said == (0...13).map { 1 << $0 })
    }

    @Test(arguments: [(Duration.seconds(3600) - .nanoseconds(1), nil), (.seconds(3600), 1)])
    func afterAnHourWithoutItIsNewsAgain(pause: Duration, count: Int?) {
        var repetition = Repetition()
        for _ in 0..<2 { _ = repetition.next(now: start) }
        #expect(repetition.next(now: start + pause) == count)
    }
}
