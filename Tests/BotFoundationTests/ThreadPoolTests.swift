import BotFoundation
import Glibc
import TestSupport
import Testing

@Suite("ThreadPool", .timeLimit(.minutes(10)))
struct ThreadPoolTests {
    /// Blocks threads until it is opened.
    private final class Gate: Sendable {
        private let isOpen = Locked(false)
        private let condition = Condition()

        func pass() {
            _ = isOpen.wait(for: condition, atMost: .seconds(60)) { isOpen, _ in isOpen ? true : nil }
        }

        func open() {
            isOpen.withLock { $0 = true }
            condition.broadcast()
        }
    }

    @Test("it grows while threads are blocked, up to its maximum", arguments: [1, 2, 8])
    func growsToMaximum(maximum: Int) async {
        let pool = ThreadPool(name: "grow", maximumThreads: maximum)
        let gate = Gate()
        let entered = Mailbox<Void>()
        let ended = Mailbox<Void>()
        for _ in 0..<maximum + 1 {
            pool.execute {
                entered.put(())
                gate.pass()
                ended.put(())
            }
        }
        _ = await entered.next(maximum)
        #expect(pool.threadCount == maximum)
        gate.open()
        _ = await ended.next(maximum + 1)
    }

    @Test("work that is not blocked reuses a thread")
    func reusesThread() async {
        let pool = ThreadPool(name: "reuse")
        for _ in 0..<50 {
            await withCheckedContinuation { continuation in pool.execute { continuation.resume() } }
        }
        // The thread that resumed us may not be idle again yet when the next work arrives; on a busy machine that is so several times.
        #expect(pool.threadCount < 25)
    }

    @Test("an idle thread ends, and work is still run after that")
    func idleThreadEnds() async {
        let pool = ThreadPool(name: "idle", maximumThreads: 2, idleTime: .milliseconds(1))
        let gate = Gate()
        let entered = Mailbox<Void>()
        let ended = Mailbox<Void>()
        let key = ThreadEndKey { ended.put(()) }
        for _ in 0..<2 {
            pool.execute {
                key.watchThread()
                entered.put(())
                gate.pass()
            }
        }
        _ = await entered.next(2)
        gate.open()
        // Of two threads one is resident, so exactly one ends.
        await ended.next()
        #expect(pool.threadCount == 1)
        await withCheckedContinuation { continuation in pool.execute { continuation.resume() } }
    }

    @Test("a released pool runs what is queued and ends its threads")
    func releasedPoolEnds() async {
        let ended = Mailbox<Void>()
        let ran = Mailbox<Int>()
        let key = ThreadEndKey { ended.put(()) }
        do {
            let pool = ThreadPool(name: "release", maximumThreads: 1)
            pool.execute { key.watchThread() }
            for number in 0..<10 { pool.execute { ran.put(number) } }
        }
        #expect(await ran.next(10) == Array(0..<10))
        await ended.next()
    }

    @Test("a task prefers its threads, also after it has been suspended")
    func taskPrefersItsThreads() async {
        let pool = ThreadPool(name: "prefers", maximumThreads: 1)
        let thread = Locked<pthread_t?>(nil)
        await withCheckedContinuation { continuation in
            pool.execute {
                thread.withLock { $0 = pthread_self() }
                continuation.resume()
            }
        }
        await withTaskGroup(of: Void.self) { group in
            group.addTask(executorPreference: pool) {
                #expect(currentThread() == thread.withLock { $0 })
                await Task.yield()
                #expect(currentThread() == thread.withLock { $0 })
            }
        }
    }
}

private func currentThread() -> pthread_t { pthread_self() }

/// Tells when a thread ends: a thread-specific value whose destructor calls back.
private final class ThreadEndKey: Sendable {
    private let key: pthread_key_t
    private let callback: @Sendable () -> Void

    init(_ callback: @escaping @Sendable () -> Void) {
        self.callback = callback
        var key = pthread_key_t()
        pthread_key_create(&key) { value in
            if let value { Unmanaged<ThreadEndKey>.fromOpaque(value).takeRetainedValue().callback() }
        }
        self.key = key
    }

    func watchThread() {
        pthread_setspecific(key, Unmanaged.passRetained(self).toOpaque())
    }
}
