package import BotFoundation
internal import CLibwebsockets

/// One thread that serves one libwebsockets context and is the executor of the actors that live on it.
///
/// Actors name it as their executor:
///
///     nonisolated var unownedExecutor: UnownedSerialExecutor { loop.unownedExecutor }
///
/// Their code then runs on the loop's thread, and so do the callbacks of their connections: those enter with
/// `assumeIsolated`, without a hop. Nothing that can block may run here; many bots share one loop.
///
/// The loop lives until the last reference goes; actors that live on it must hold it. After ``shutdown()`` it has no
/// connections and no timers any more, but still runs jobs, so that no caller waits for ever.
package actor EventLoop {
    private nonisolated let executor: LoopExecutor
    private let context: LibraryPointer
    private var timers = TimerHeap()
    private let trusts = TrustCache()
    private var clientVhosts: [ClientHome: LibraryPointer] = [:]
    private var servers: [ObjectIdentifier: any Actor] = [:]
    /// Names are resolved off the loop.
    private(set) lazy var resolver = Resolver(lookUp: lookUp)
    private let lookUp: Resolver.LookUp
    private var shutdownHandlers: [ShutdownHandlerID: @Sendable () -> Void] = [:]
    private var nextShutdownHandler: UInt64 = 0
    private(set) var isShutDown = false

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Starts a loop.
    ///
    /// - Parameters:
    ///   - name: The thread's name; the system shows the first 15 bytes.
    ///   - log: Gets libwebsockets' own messages, at `debug` and `trace`.
    ///   - lookUp: How names are resolved; called on threads of its own.
    /// - Throws: ``TransportError`` with code `outOfResources`.
    package init(
        name: String = "event-loop",
        log: Log = .disabled,
        lookUp: @escaping Resolver.LookUp = Resolver.system
    ) throws(TransportError) {
        self.lookUp = lookUp
        guard let pointer = clws_context_create() else {
            throw TransportError(.outOfResources, "libwebsockets could not start: out of memory or file descriptors")
        }
        context = LibraryPointer(pointer)
        executor = LoopExecutor(thread: LoopThread(context: context))
        let hooks = LoopHooks(loop: self, log: log)
        hooks.install(in: context)
        try executor.start(name: name, hooks: hooks)
    }

    /// Whether the calling thread is the loop's.
    package nonisolated var isCurrent: Bool { executor.isCurrent }

    /// Runs `work` on the loop, after what was submitted before. Any thread; never blocks.
    package nonisolated func execute(_ work: @escaping @Sendable () -> Void) { executor.execute(work) }

    /// Ends every connection (each owner gets its `closed` event), every server and every timer, and frees the context.
    /// Any task; more than one call is harmless.
    package nonisolated func shutdown() async {
        await markShutDown()
        await executor.shutdown()
        await releaseServers()
    }

    private func markShutDown() {
        isShutDown = true
        let handlers = shutdownHandlers
        shutdownHandlers = [:]
        for handler in handlers.sorted(by: { $0.key.value < $1.key.value }) { handler.value() }
        timers.removeAll()
    }

    /// Not before the context is gone: until then a server may be called for a new connection.
    private func releaseServers() { servers = [:] }

    /// Runs `work` on the loop when it is shut down, before its connections and timers end; soon, if it already is. Only on the loop.
    ///
    /// For who waits without a connection: neither an event nor a timer tells them.
    package func onShutdown(_ work: @escaping @Sendable () -> Void) -> ShutdownHandlerID {
        let id = ShutdownHandlerID(value: nextShutdownHandler)
        nextShutdownHandler += 1
        if isShutDown { execute(work) } else { shutdownHandlers[id] = work }
        return id
    }

    /// Forgets what ``onShutdown(_:)`` was given. Only on the loop.
    package func forget(_ handler: ShutdownHandlerID) { shutdownHandlers[handler] = nil }

    // MARK: - Timers

    /// Runs `work` on the loop at `deadline`. Only on the loop. After ``shutdown()`` nothing is run.
    @discardableResult
    package func schedule(at deadline: ContinuousClock.Instant, _ work: @escaping @Sendable () -> Void) -> TimerID {
        let id = timers.insert(deadline: deadline, work: work)
        if isShutDown { timers.remove(id) }
        armTimer()
        return id
    }

    /// Forgets a timer. Only on the loop; a timer that fired or was cancelled is ignored.
    package func cancel(_ timer: TimerID) {
        timers.remove(timer)
        armTimer()
    }

    func timerFired() {
        let now = ContinuousClock.now
        while let work = timers.popDue(now: now) { work() }
        armTimer()
    }

    private func armTimer() {
        guard !isShutDown else { return }
        guard let deadline = timers.next else { return clws_timer_set(context.pointer, -1) }
        clws_timer_set(context.pointer, ContinuousClock.now.duration(to: deadline).roundedUpToMicroseconds)
    }

    // MARK: - For connections and servers

    /// The context, unless the loop is shut down.
    func openContext() -> Result<LibraryPointer, TransportError> {
        isShutDown ? .failure(TransportError(.loopShutDown, "the event loop was shut down")) : .success(context)
    }

    /// The vhost of client connections that trust and go through the same. Reading the system's certificates takes a while, so
    /// it is kept as long as the loop lives.
    func clientVhost(for home: ClientHome) -> Result<LibraryPointer, TransportError> {
        if let known = clientVhosts[home] { return .success(known) }
        return openContext().flatMap { home.makeVhost(in: $0) }.map { made in
            clientVhosts[home] = made
            return made
        }
    }

    /// The trust of client connections, for as long as nobody asks for others.
    func clientTrust(for roots: TrustRoots) -> Result<LibraryPointer, TransportError> { trusts.trust(for: roots) }

    func keep(_ server: any Actor) { servers[ObjectIdentifier(server)] = server }

    func release(_ server: any Actor) { servers[ObjectIdentifier(server)] = nil }
}

/// Names what an ``EventLoop`` runs when it is shut down.
package struct ShutdownHandlerID: Sendable, Hashable {
    fileprivate let value: UInt64
}

extension Duration {
    /// Whole microseconds, never before the duration has passed; at least 0, at most about 292,000 years' worth.
    var roundedUpToMicroseconds: Int64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (micros, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        return overflow ? .max / 2 : min(micros, .max / 2) + (attoseconds + 999_999_999_999) / 1_000_000_000_000
    }
}
