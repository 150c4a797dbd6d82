import Testing

@testable import GatewaySimulator

@Suite("Schedule")
struct ScheduleTests {
    let start = ContinuousClock.now

    @Test("items come in order of time, equal times in order of entry, and only when due")
    func order() {
        var schedule = Schedule<Int>()
        #expect(schedule.next == nil)
        for (item, delay) in [(1, 3), (2, 1), (3, 2), (4, 1), (5, 3)] {
            schedule.add(item, at: start + .seconds(delay))
        }
        #expect(schedule.next == start + .seconds(1))
        #expect(schedule.take(until: start + .milliseconds(999)) == [])
        #expect(schedule.take(until: start + .seconds(2)) == [2, 4, 3])
        schedule.remove { $0 == 1 }
        #expect(schedule.take(until: start + .seconds(9)) == [5])
        #expect(schedule.next == nil)
    }
}
