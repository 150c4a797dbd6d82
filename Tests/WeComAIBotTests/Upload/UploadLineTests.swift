import TestSupport
import Testing

@testable import WeComAIBot

@Suite(.timeLimit(.minutes(10)))
struct UploadLineTests {
    /// Returns when so many wait in line.
    private func waiting(_ count: Int, in line: UploadLine) async {
        while line.figures.waiting != count { await Task.yield() }
    }

    @Test func oneChunkGoesAtATimeUntilOneWasFast() async {
        let line = UploadLine()
        #expect(await line.enter())
        #expect(line.figures.limit == 1)
        let second = Task { await line.enter() }
        await waiting(1, in: line)
        line.leave(after: UploadLine.fast)
        #expect(await second.value)
        #expect(await line.enter())
        #expect(line.figures == (2, 2, 0))
        // The next one waits, and a slow one takes the second place away again.
        let fourth = Task { await line.enter() }
        await waiting(1, in: line)
        line.leave(after: UploadLine.fast + .nanoseconds(1))
        #expect(line.figures == (1, 1, 1))
        line.leave(after: nil)
        #expect(await fourth.value)
        #expect(line.figures == (1, 1, 0))
    }

    @Test func theyGoInTheOrderInWhichTheyCame() async {
        let line = UploadLine()
        let order = EventRecorder<Int>()
        #expect(await line.enter())
        var tasks: [Task<Void, Never>] = []
        for number in 0..<5 {
            tasks.append(
                Task {
                    _ = await line.enter()
                    order.record(number)
                    line.leave(after: .seconds(1))
                }
            )
            await waiting(number + 1, in: line)
        }
        line.leave(after: .seconds(1))
        for task in tasks { await task.value }
        #expect(order.events == [0, 1, 2, 3, 4])
        #expect(line.figures == (1, 0, 0))
    }

    @Test func aThousandBeginWithinAnHourAndNotOneMore() {
        let line = UploadLine()
        let start = ContinuousClock.now
        var now = start
        for number in 0..<1_000 {
            while let due = line.begin(now: now) {
                #expect(number.isMultiple(of: 30), "only the minute is full")
                now = due
            }
        }
        #expect(now < start + .seconds(3_600 - 60))
        #expect(line.begin(now: now + RateBudget.minute) == start + RateBudget.hour)
        #expect(line.begin(now: start + RateBudget.hour) == nil)
    }

    @Test func whoeverGivesUpWaitingTakesNobodysPlace() async {
        let line = UploadLine()
        #expect(await line.enter())
        let given = Task { await line.enter() }
        await waiting(1, in: line)
        let patient = Task { await line.enter() }
        await waiting(2, in: line)
        given.cancel()
        #expect(await given.value == false)
        line.leave(after: nil)
        #expect(await patient.value)
        line.leave(after: nil)
        #expect(line.figures == (1, 0, 0))
    }

    @Test func aTurnIsNeverLostHoweverCancellationAndTurnsMeet() async {
        let line = UploadLine()
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<400 {
                group.addTask {
                    let task = Task {
                        guard await line.enter() else { return }
                        await Task.yield()
                        line.leave(after: number.isMultiple(of: 3) ? .zero : nil)
                    }
                    if number.isMultiple(of: 2) { task.cancel() }
                    await task.value
                }
            }
        }
        #expect(line.figures.underway == 0 && line.figures.waiting == 0)
    }
}
