internal import BotFoundation
internal import CLibwebsockets
internal import Glibc

/// The executor of the actors that live on an ``EventLoop``: their code runs on its thread, in the order of arrival.
package final class LoopExecutor: SerialExecutor {
    private let thread: LoopThread
    private let handle = Locked<pthread_t?>(nil)

    init(thread: LoopThread) {
        self.thread = thread
    }

    /// Starts the thread. `hooks` live as long as it runs.
    func start(name: String, hooks: LoopHooks) throws(TransportError) {
        let start = LoopStart(name: name, thread: thread, executor: asUnownedSerialExecutor(), hooks: hooks)
        let argument = Unmanaged.passRetained(start)
        var created = pthread_t()
        let result = pthread_create(&created, nil, loopThreadMain, argument.toOpaque())
        guard result == 0 else {
            thread.destroyContext()
            argument.release()
            throw TransportError(.outOfResources, "no thread for the event loop: \(String(cString: strerror(result)))")
        }
        let id = created
        handle.withLock { $0 = id }
    }

    deinit {
        thread.exit()
        guard let handle = handle.withLock({ $0 }) else { return thread.destroyContext() }
        // The last reference may go in a job on the loop's own thread, which cannot wait for itself.
        if thread.isCurrent {
            pthread_detach(handle)
        } else {
            pthread_join(handle, nil)
        }
    }

    /// Whether the calling thread is the loop's.
    var isCurrent: Bool { thread.isCurrent }

    func execute(_ block: @escaping @Sendable () -> Void) { thread.execute(block) }

    func shutdown() async { await thread.shutdown() }

    package func enqueue(_ job: consuming ExecutorJob) { thread.enqueue(UnownedJob(job)) }

    package func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    package func isIsolatingCurrentContext() -> Bool? { thread.isCurrent }

    package func checkIsolated() {
        precondition(thread.isCurrent, "this must run on the event loop's thread")
    }
}

/// What the loop's thread needs to begin.
private final class LoopStart: Sendable {
    let name: String
    let thread: LoopThread
    let executor: UnownedSerialExecutor
    let hooks: LoopHooks

    init(name: String, thread: LoopThread, executor: UnownedSerialExecutor, hooks: LoopHooks) {
        self.name = name
        self.thread = thread
        self.executor = executor
        self.hooks = hooks
    }
}

private func loopThreadMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    let start = Unmanaged<LoopStart>.fromOpaque(argument).takeRetainedValue()
    clws_name_thread(start.name)
    withExtendedLifetime(start.hooks) { start.thread.run(as: start.executor) }
    return nil
}
