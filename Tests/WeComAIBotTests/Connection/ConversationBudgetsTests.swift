import BotCore
import Testing

@testable import WeComAIBot

struct ConversationBudgetsTests {
    let now = Instant.now

    private func conversation(_ id: String) -> Conversation { Conversation(kind: .single, id: id) }
    private func push(_ id: String) -> Charge { Charge(conversation: conversation(id), item: .push) }
    private func stream(_ id: String, _ stream: String) -> Charge {
        Charge(conversation: conversation(id), item: .stream(stream))
    }

    @Test func repliesAndPushesOfAConversationShareABudgetAndOthersHaveTheirOwn() {
        var budgets = ConversationBudgets(limits: RateLimits(), maximum: 10)
        for number in 0..<15 {
            budgets.spend(push("张三"), now: now)
            budgets.spend(stream("张三", "s\(number)"), now: now)
        }
        let wait = ConversationBudgets.Verdict.wait(until: now + RateBudget.minute)
        #expect(budgets.verdict(push("张三"), .once, isRepeat: false, now: now) == wait)
        #expect(budgets.verdict(stream("张三", "new"), .finalUpdate, isRepeat: false, now: now) == wait)
        #expect(budgets.verdict(stream("张三", "new"), .intermediateUpdate, isRepeat: false, now: now) == .refuse)
        let group = Charge(conversation: Conversation(kind: .group, id: "张三"), item: .push)
        #expect(budgets.verdict(group, .once, isRepeat: false, now: now) == .go, "a group is another conversation")
        #expect(
            budgets.remaining(conversation("张三"), now: now)
                == SendBudget(leftThisMinute: 0, leftThisHour: 970, wait: RateBudget.minute)
        )
        #expect(
            budgets.remaining(conversation("李四"), now: now) == SendBudget(leftThisMinute: 30, leftThisHour: 1_000)
        )
    }

    @Test func anIntermediateUpdateThatOpensABubbleLeavesTheReserve() {
        var budgets = ConversationBudgets(limits: RateLimits(), maximum: 10)
        for number in 0..<25 {
            let charge = stream("u", "s\(number)")
            #expect(budgets.verdict(charge, .intermediateUpdate, isRepeat: false, now: now) == .go, "\(number)")
            budgets.spend(charge, now: now)
        }
        #expect(budgets.verdict(stream("u", "x"), .intermediateUpdate, isRepeat: false, now: now) == .refuse)
        for number in 25..<30 {
            #expect(budgets.verdict(push("u"), .finalUpdate, isRepeat: false, now: now) == .go, "\(number)")
            budgets.spend(push("u"), now: now)
        }
        guard case .wait = budgets.verdict(push("u"), .finalUpdate, isRepeat: false, now: now) else {
            Issue.record("31 in a minute")
            return
        }
    }

    @Test func aBubbleThatIsOpenIsUpdatedForNothingUntilItEnds() {
        var budgets = ConversationBudgets(limits: RateLimits(perMinute: 1), maximum: 10)
        let charge = stream("u", "s")
        #expect(budgets.costs(charge))
        budgets.spend(charge, now: now)
        #expect(!budgets.costs(charge))
        #expect(budgets.verdict(charge, .intermediateUpdate, isRepeat: false, now: now) == .go)
        #expect(budgets.verdict(charge, .finalUpdate, isRepeat: false, now: now) == .go)
        budgets.throttle(charge.conversation, now: now)
        #expect(budgets.verdict(charge, .intermediateUpdate, isRepeat: false, now: now) == .refuse)
        #expect(budgets.verdict(charge, .finalUpdate, isRepeat: false, now: now) == .go)
        budgets.forgetStream(of: charge)
        #expect(budgets.costs(charge))
    }

    @Test func whereRefreshesCostEachUpdateDoes() {
        var budgets = ConversationBudgets(limits: RateLimits(perMinute: 6, refreshesCost: true), maximum: 10)
        let charge = stream("u", "s")
        for _ in 0..<5 {
            #expect(budgets.verdict(charge, .intermediateUpdate, isRepeat: false, now: now) == .go)
            budgets.spend(charge, now: now)
        }
        #expect(budgets.verdict(charge, .intermediateUpdate, isRepeat: false, now: now) == .refuse)
        #expect(budgets.verdict(charge, .finalUpdate, isRepeat: false, now: now) == .go)
    }

    @Test func aConversationIsForgottenWhenNothingOfItCounts() {
        var budgets = ConversationBudgets(limits: RateLimits(), maximum: 10)
        budgets.spend(push("a"), now: now)
        budgets.spend(push("b"), now: now + .seconds(1))
        _ = budgets.remaining(conversation("c"), now: now + RateBudget.hour - .nanoseconds(1))
        #expect(budgets.count == 2)
        _ = budgets.remaining(conversation("c"), now: now + RateBudget.hour)
        #expect(budgets.count == 1)
        _ = budgets.remaining(conversation("c"), now: now + RateBudget.hour + .seconds(1))
        #expect(budgets.count == 0)
    }

    @Test func tooManyConversationsShareOneBudgetUntilNothingOfItCounts() {
        var budgets = ConversationBudgets(limits: RateLimits(perMinute: 3), maximum: 2)
        for id in ["a", "b"] { budgets.spend(push(id), now: now) }
        #expect(!budgets.areShared)
        for id in ["c", "d", "e"] { budgets.spend(push(id), now: now + .seconds(1)) }
        #expect(budgets.areShared && budgets.count == 2)
        guard case .wait = budgets.verdict(push("f"), .once, isRepeat: false, now: now + .seconds(1)) else {
            Issue.record("none is counted too low")
            return
        }
        #expect(budgets.verdict(push("a"), .once, isRepeat: false, now: now + .seconds(1)) == .go)
        // Room is there again, and still "c" is counted where it was.
        budgets.spend(push("c"), now: now + RateBudget.hour)
        #expect(budgets.count == 0 && budgets.areShared)
        budgets.spend(push("c"), now: now + RateBudget.hour * 2)
        #expect(budgets.count == 1 && !budgets.areShared)
    }

    @Test func streamsThatNeverEndTakeNoMoreThanTheirBound() {
        var budgets = ConversationBudgets(limits: RateLimits(perHour: 4), maximum: 2)
        for number in 0..<5 { budgets.spend(stream("u", "s\(number)"), now: now) }
        #expect(budgets.costs(stream("u", "s0")) && !budgets.costs(stream("u", "s4")))
    }
}
