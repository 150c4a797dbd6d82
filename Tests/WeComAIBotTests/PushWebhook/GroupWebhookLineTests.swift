import BotCore
import Testing

@testable import WeComAIBot

struct GroupWebhookLineTests {
    private let start = ContinuousClock.now

    private func isFull(_ entry: GroupWebhookLine.Entry) -> Bool {
        if case .refused(let reason) = entry { reason.message.contains("20 a minute") } else { false }
    }

    @Test func oneAfterAnotherInOrder() {
        var line = GroupWebhookLine()
        #expect(line.enter(1, messages: 1) == .itsTurn)
        #expect(line.enter(2, messages: 1) == .waits)
        #expect(line.enter(3, messages: 1) == .waits)
        #expect(line.enter(4, messages: 1) == .waits)
        #expect(line.leave(3) == nil, "it gave up")
        #expect(line.leave(1) == 2)
        #expect(line.leave(2) == 4)
        #expect(line.leave(4) == nil)
        #expect(line.messages == 0)
        #expect(line.enter(5, messages: 1) == .itsTurn)
    }

    @Test func twentyInAnyMinute() {
        var line = GroupWebhookLine()
        for second in 0..<20 { #expect(line.spend(now: start + .seconds(second)) == nil) }
        let due = start + RateBudget.minute
        #expect(line.spend(now: start + .seconds(20)) == due)
        #expect(line.spend(now: due - .nanoseconds(1)) == due)
        #expect(line.spend(now: due) == nil)
        #expect(line.spend(now: due) == due + .seconds(1), "that is when the second was sent")
    }

    @Test func aDayAtFullSpeed() {
        var line = GroupWebhookLine()
        var (now, sent) = (start, [ContinuousClock.Instant]())
        while now < start + .seconds(4 * 3_600) {
            if let due = line.spend(now: now) { now = due } else { sent.append(now) }
        }
        for index in 20..<sent.count { #expect(sent[index] - sent[index - 20] >= .seconds(60)) }
        #expect(sent.count > 20 * 4 * 58, "nothing but the minute holds it up")
    }

    @Test func whatWasNotSentDoesNotCount() {
        var line = GroupWebhookLine()
        for _ in 0..<20 { #expect(line.spend(now: start) == nil) }
        line.takeBack(spentAt: start)
        #expect(line.spend(now: start) == nil)
        #expect(line.spend(now: start) != nil)
        line.changePlace()
        #expect(line.spend(now: start) == nil)
    }

    @Test func aServerThatHasEnoughGetsNothingForAMinute() {
        var line = GroupWebhookLine()
        line.throttle(now: start)
        #expect(line.spend(now: start + .seconds(60)) == start + RateBudget.minute)
        #expect(line.spend(now: start + RateBudget.minute) == nil)
    }

    @Test func aHundredMessagesAndNotOneMore() {
        var line = GroupWebhookLine()
        #expect(line.enter(1, messages: 60) == .itsTurn)
        #expect(isFull(line.enter(2, messages: 41)))
        #expect(line.enter(3, messages: 40) == .waits)
        #expect(line.messages == 100)
        #expect(isFull(line.enter(4, messages: 1)))
        #expect(line.leave(1) == 3)
        #expect(line.enter(5, messages: 60) == .waits)
        #expect(isFull(line.enter(6, messages: 1)))
        var other = GroupWebhookLine()
        #expect(isFull(other.enter(1, messages: 101)))
        #expect(other.enter(2, messages: 100) == .itsTurn)
    }

    @Test func theEndRefusesWhatWaits() {
        var line = GroupWebhookLine()
        for id in UInt64(1)...3 { _ = line.enter(id, messages: 1) }
        #expect(line.end() == [2, 3])
        #expect(line.leave(1) == nil)
        #expect(line.enter(4, messages: 1) == .refused(GroupWebhookLine.ending))
        #expect(line.end() == [])
    }
}
