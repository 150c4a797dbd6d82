internal import BotFoundation
internal import CLibwebsockets
internal import Glibc
internal import Synchronization

/// The thread behind an ``EventLoop``: it serves one libwebsockets context and runs jobs between two rounds of service.
///
/// The thread refers only to this object, never to the executor or the loop, so that releasing those can end it.
final class LoopThread: Sendable {
    private enum Work {
        case job(UnownedJob)
        case block(@Sendable () -> Void)
    }

    private struct State {
        var work: [Work] = []
        /// Present while the context exists: `clws_wake` is called under the lock, so that it cannot vanish meanwhile.
        var context: LibraryPointer?
        var wakePending = false
        /// Whether the thread is inside libwebsockets, where it may be about to wait: its timers call back before it polls.
        var isServing = true
        var stopping = false
        var exiting = false
        var shutdownWaiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Locked<State>
    private let threadID = Atomic<UInt>(0)
    /// Wakes the thread when there is no context any more.
    private let parking = Condition()

    init(context: LibraryPointer) {
        state = Locked(State(context: context))
    }

    var isCurrent: Bool { threadID.load(ordering: .relaxed) == UInt(pthread_self()) }

    func enqueue(_ job: UnownedJob) { submit(.job(job)) }

    func execute(_ block: @escaping @Sendable () -> Void) { submit(.block(block)) }

    private func submit(_ work: Work) {
        let onLoop = isCurrent
        state.withLock { state in
            state.work.append(work)
            if !onLoop || state.isServing { wake(&state) }
        }
    }

    private func wake(_ state: inout State) {
        guard !state.wakePending else { return }
        state.wakePending = true
        if let context = state.context {
            clws_wake(context.pointer)
        } else {
            parking.signal()
        }
    }

    /// Ends every connection and destroys the context; jobs still run afterwards.
    func shutdown() async {
        await withCheckedContinuation { continuation in
            let done = state.withLock { state -> Bool in
                if state.context == nil { return true }
                state.shutdownWaiters.append(continuation)
                state.stopping = true
                wake(&state)
                return false
            }
            if done { continuation.resume() }
        }
    }

    /// Lets the thread end once its work is done.
    func exit() {
        state.withLock { state in
            state.stopping = true
            state.exiting = true
            state.wakePending = false
            wake(&state)
        }
    }

    // MARK: - On the thread

    /// The thread's main function.
    func run(as executor: UnownedSerialExecutor) {
        threadID.store(UInt(pthread_self()), ordering: .relaxed)
        serve(executor)
        destroyContext()
        while runBatch(executor) || !state.withLock({ $0.exiting }) { park() }
    }

    /// Waits for work where there are no sockets to wait for.
    private func park() {
        _ = state.wait(for: parking, atMost: .seconds(3_600)) { state, isLastTry in
            isLastTry || state.exiting || !state.work.isEmpty ? true : nil
        }
    }

    private func serve(_ executor: UnownedSerialExecutor) {
        guard let context = state.withLock({ $0.context }) else { return }
        while true {
            _ = runBatch(executor)
            let (stopping, more) = state.withLock { state in
                state.isServing = true
                return (state.stopping, !state.work.isEmpty)
            }
            if stopping { return }
            clws_service(context.pointer, more ? 1 : 0)
        }
    }

    /// Runs what was submitted so far. What arrives meanwhile waits for the next round, so that sockets are not starved.
    private func runBatch(_ executor: UnownedSerialExecutor) -> Bool {
        let batch = state.withLock { state in
            state.wakePending = false
            state.isServing = false
            let batch = state.work
            state.work.removeAll(keepingCapacity: batch.count <= 1_024)
            return batch
        }
        for work in batch {
            switch work {
            case .job(let job): job.runSynchronously(on: executor)
            case .block(let block): block()
            }
        }
        return !batch.isEmpty
    }

    func destroyContext() {
        let context = state.withLock { state in
            defer { state.context = nil }
            return state.context
        }
        if let context { clws_context_destroy(context.pointer) }
        let waiters = state.withLock { state in
            defer { state.shutdownWaiters = [] }
            return state.shutdownWaiters
        }
        for waiter in waiters { waiter.resume() }
    }
}
