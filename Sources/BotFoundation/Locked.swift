import Glibc

/// A value behind a lock: the only lock in this package.
///
/// It is a `pthread_mutex_t` rather than `Synchronization.Mutex` because the thread sanitizer does not understand the
/// latter on Linux and reports correctly locked code.
///
/// Invariant behind `@unchecked Sendable`: `value` is touched only between `pthread_mutex_lock` and
/// `pthread_mutex_unlock` on `mutex`.
package final class Locked<Value>: @unchecked Sendable {
    fileprivate var value: Value
    fileprivate let mutex: UnsafeMutablePointer<pthread_mutex_t>

    /// Puts `value` behind a lock of its own.
    package init(_ value: sending Value) {
        self.value = value
        mutex = .allocate(capacity: 1)
        let result = pthread_mutex_init(mutex, nil)
        precondition(result == 0, "pthread_mutex_init failed: \(result)")
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// Runs `body` alone. `body` must not suspend, block, or take another lock.
    package func withLock<Result, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value)
    }
}

/// What a thread that holds a ``Locked`` value can wait for: a condition variable on the monotonic clock.
///
/// Invariant behind `@unchecked Sendable`: `raw` is set in `init` and destroyed in `deinit`; in between only the thread-safe
/// `pthread_cond_*` functions touch it.
package final class Condition: @unchecked Sendable {
    fileprivate let raw: UnsafeMutablePointer<pthread_cond_t>

    /// Nobody waits yet.
    package init() {
        raw = .allocate(capacity: 1)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        let result = pthread_cond_init(raw, &attributes)
        pthread_condattr_destroy(&attributes)
        precondition(result == 0, "pthread_cond_init failed: \(result)")
    }

    deinit {
        pthread_cond_destroy(raw)
        raw.deallocate()
    }

    /// Wakes one waiting thread, if there is one.
    package func signal() { pthread_cond_signal(raw) }

    /// Wakes every waiting thread.
    package func broadcast() { pthread_cond_broadcast(raw) }
}

extension Locked {
    /// Runs `body` alone, and again after every signal, until it returns a result.
    ///
    /// Blocks the calling thread: never call it on the event loop or from a task. When `timeout` has passed, `body` runs once
    /// more, with `isLastTry` set, and its result is returned whatever it is.
    package func wait<Result>(
        for condition: Condition,
        atMost timeout: Duration,
        _ body: (inout sending Value, _ isLastTry: Bool) -> sending Result?
    ) -> sending Result? {
        var deadline = timespec()
        clock_gettime(CLOCK_MONOTONIC, &deadline)
        let parts = (timeout + .nanoseconds(deadline.tv_nsec)).components
        deadline.tv_sec += Int(parts.seconds)
        deadline.tv_nsec = Int(parts.attoseconds / 1_000_000_000)

        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let result = body(&value, false) { return result }
            let code = pthread_cond_timedwait(condition.raw, mutex, &deadline)
            if code != 0 { return body(&value, true) }
        }
    }
}
