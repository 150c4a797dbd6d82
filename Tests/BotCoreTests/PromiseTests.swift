import BotCore
import BotFoundation
import TestSupport
import Testing

@Suite("Promise", .timeLimit(.minutes(10)))
struct PromiseTests {
    @Test("every waiter gets the first value, before and after it is set")
    func firstValue() async {
        let promise = Promise<Int>()
        await withTaskGroup(of: Int?.self) { group in
            for _ in 0..<20 { group.addTask { await promise.value() } }
            promise.fulfill(1)
            promise.fulfill(2)
            for await value in group { #expect(value == 1) }
        }
        #expect(await promise.value() == 1)
        #expect(promise.current == 1)
    }

    @Test("a cancelled waiter gets nothing, the others still get the value")
    func cancelledWaiter() async {
        let promise = Promise<Int>()
        let cancelled = Task { await promise.value() }
        cancelled.cancel()
        #expect(await cancelled.value == nil)
        let other = Task { await promise.value() }
        promise.fulfill(1)
        #expect(await other.value == 1)
    }

    @Test("whoever wins, cancellation or value, a waiter is resumed exactly once")
    func race() async {
        // A second resume traps, a missing one hangs: the continuation is checked.
        for _ in 0..<2_000 {
            let promise = Promise<Int>()
            let waiter = Task { await promise.value() }
            async let setter: Void = promise.fulfill(1)
            waiter.cancel()
            await setter
            #expect([nil, 1].contains(await waiter.value))
        }
    }
}
