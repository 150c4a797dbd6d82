import BotFoundation
import Testing

@Suite("Locked", .timeLimit(.minutes(10)))
struct LockedTests {
    @Test("increments from many tasks are all kept")
    func incrementsAreAllKept() async {
        let counter = Locked(0)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { for _ in 0..<1_000 { counter.withLock { $0 += 1 } } }
            }
        }
        #expect(counter.withLock { $0 } == 8_000)
    }

    @Test("an error leaves it unlocked")
    func errorLeavesItUnlocked() {
        struct Failure: Error {}
        let value = Locked(1)
        #expect(throws: Failure.self) { try value.withLock { _ in throw Failure() } }
        #expect(value.withLock { $0 } == 1)
    }

    @Test("a wait without a signal ends with a last try")
    func waitEndsWithLastTry() {
        let value = Locked(0)
        let result = value.wait(for: Condition(), atMost: .milliseconds(1)) { value, isLastTry -> Int? in
            value += 1
            return isLastTry ? value : nil
        }
        #expect((result ?? 0) >= 2)
    }

    @Test("a signal wakes a waiting thread")
    func signalWakesWaitingThread() async {
        let value = Locked(0)
        let condition = Condition()
        let pool = ThreadPool(name: "locked-test")
        let seen = await withCheckedContinuation { continuation in
            pool.execute {
                let seen = value.wait(for: condition, atMost: .seconds(60)) { value, _ in value > 0 ? value : nil }
                continuation.resume(returning: seen)
            }
            value.withLock { $0 = 7 }
            condition.signal()
        }
        #expect(seen == 7)
    }
}
