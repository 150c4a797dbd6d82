import Glibc

/// An elastic pool of threads for code that may block.
///
/// It grows when work arrives and no thread is idle, up to a maximum; then work waits its turn. A thread that has had nothing
/// to do for a while ends; one stays for as long as the pool lives, so that work is always run. Threads of a released pool
/// finish what is queued and end.
///
/// As a `TaskExecutor` it runs the handlers of a bot: one that blocks its thread takes nothing away from the event loop or
/// from Swift's cooperative pool.
package final class ThreadPool: TaskExecutor {
    private let shared: Shared

    /// Starts the pool with one thread, if the system has one.
    ///
    /// - Parameters:
    ///   - name: How its threads are called in a debugger; the kernel keeps the first 15 bytes.
    ///   - maximumThreads: At least 1. Far above the number of cores, because these threads are there to block; the limit
    ///     contains handlers that never return.
    ///   - idleTime: How long a thread waits for more work before it ends.
    package init(name: String, maximumThreads: Int = 256, idleTime: Duration = .seconds(5)) {
        shared = Shared(name: name, maximumThreads: max(1, maximumThreads), idleTime: idleTime)
        // If the system is out of threads, the first work that finds one again starts it.
        if shared.startThread(isResident: true) != 0 { shared.state.withLock { $0.threads = 0 } }
    }

    deinit {
        shared.state.withLock { $0.isStopping = true }
        shared.condition.broadcast()
    }

    /// How many threads there can be.
    package var maximumThreads: Int { shared.maximumThreads }

    /// Whether all the threads that there can be are busy, or will be with what is queued.
    package var isExhausted: Bool {
        shared.state.withLock { $0.threads >= shared.maximumThreads && $0.idle <= $0.queue.count }
    }

    /// How many threads there are.
    package var threadCount: Int { shared.state.withLock { $0.threads } }

    /// Runs `work` on one of the threads. May be called on any thread and never blocks.
    package func execute(_ work: @escaping @Sendable () -> Void) {
        let (grows, isFirst) = shared.state.withLock { state in
            state.queue.append(work)
            guard state.queue.count > state.idle, state.threads < shared.maximumThreads else { return (false, false) }
            state.threads += 1
            return (true, state.threads == 1)
        }
        guard grows else { return shared.condition.signal() }
        // The system is out of threads: the ones that exist will get to it, or else the next one that can be started.
        if shared.startThread(isResident: isFirst) != 0 { shared.state.withLock { $0.threads -= 1 } }
    }

    /// Runs a part of a task on one of the threads.
    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

/// What the threads hold on to: not the pool itself, so that releasing it ends them.
private final class Shared: Sendable {
    struct State {
        var queue = Queue<@Sendable () -> Void>()
        var threads = 1
        var idle = 0
        var isStopping = false
    }

    let name: String
    let maximumThreads: Int
    let idleTime: Duration
    let condition = Condition()
    let state = Locked(State())

    init(name: String, maximumThreads: Int, idleTime: Duration) {
        self.name = name
        self.maximumThreads = maximumThreads
        self.idleTime = idleTime
    }

    /// The code of `pthread_create`; the caller has counted the thread already.
    func startThread(isResident: Bool) -> Int32 {
        var thread = pthread_t()
        let worker = Unmanaged.passRetained(Worker(shared: self, isResident: isResident))
        let result = pthread_create(
            &thread,
            nil,
            { argument in
                if let argument { Unmanaged<Worker>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            },
            worker.toOpaque()
        )
        guard result == 0 else {
            worker.release()
            return result
        }
        pthread_detach(thread)
        return 0
    }
}

/// One thread. A resident one never ends for want of work.
private final class Worker {
    private let shared: Shared
    private let patience: Duration
    private let isResident: Bool

    init(shared: Shared, isResident: Bool) {
        self.shared = shared
        self.isResident = isResident
        patience = isResident ? .seconds(86_400) : shared.idleTime
    }

    func run() {
        setName()
        while let work = next() { work() }
    }

    /// `pthread_setname_np` is not visible to Swift; this file is what it writes to. A thread without a name works as well.
    private func setName() {
        guard let file = fopen("/proc/thread-self/comm", "w") else { return }
        fputs(shared.name, file)
        fclose(file)
    }

    /// The next work; `nil` when the thread is to end, and is no longer counted.
    private func next() -> (@Sendable () -> Void)? {
        var isIdle = false
        let step: Optional<(@Sendable () -> Void)?> = shared.state.wait(
            for: shared.condition,
            atMost: patience
        ) { [isResident] state, isLastTry in
            let work = state.queue.popFirst()
            let ends = work == nil && (state.isStopping || (isLastTry && !isResident))
            let settles = work != nil || ends || isLastTry
            if isIdle != !settles {
                isIdle = !settles
                state.idle += isIdle ? 1 : -1
            }
            if ends { state.threads -= 1 }
            if let work { return .some(work) }
            if ends { return .some(nil) }
            return isLastTry ? .some({}) : nil
        }
        return step ?? nil
    }
}
