import Glibc
import Synchronization

/// Who listens for signals in this process, and what the signals did before.
struct SignalsRegistry {
    typealias Continuation = AsyncStream<Signals.Signal>.Continuation

    /// The end of the pipe that the handler writes to. Once opened it stays open: a handler may be about to write to it on any
    /// thread, and the number of a closed descriptor may by then belong to something else.
    static let writeEnd = Atomic<Int32>(-1)

    /// Whoever runs a bot in a terminal and closes it means the bot to end.
    private static let signals = [SIGTERM, SIGINT] + (isatty(STDIN_FILENO) == 1 ? [] : [SIGHUP])

    private var readEnd: Int32 = -1
    private var listeners: [UInt64: Continuation] = [:]
    private var lastListener: UInt64 = 0
    private var previousActions: [sigaction] = []

    /// Everyone who listens.
    var continuations: [Continuation] { Array(listeners.values) }

    /// The end of the pipe to read from, non-blocking.
    mutating func pipe() throws(SignalsError) -> Int32 {
        guard readEnd < 0 else { return readEnd }
        let pipe = try SignalsPipe()
        readEnd = pipe.readEnd
        SignalsRegistry.writeEnd.store(pipe.writeEnd, ordering: .releasing)
        return readEnd
    }

    /// Adds a listener; the first one takes the signals over.
    mutating func add(_ continuation: Continuation) -> UInt64 {
        if listeners.isEmpty {
            // What was left unread was meant for listeners that have ended.
            var stale: UInt8 = 0
            while read(readEnd, &stale, 1) == 1 {}
            install()
        }
        lastListener += 1
        listeners[lastListener] = continuation
        return lastListener
    }

    /// Removes a listener; the last one gives the signals back.
    mutating func remove(_ listener: UInt64) -> Continuation? {
        guard let continuation = listeners.removeValue(forKey: listener) else { return nil }
        if listeners.isEmpty { restore() }
        return continuation
    }

    private mutating func install() {
        var action = sigaction()
        // Runs between any two instructions of any thread: nothing but async-signal-safe calls, and errno as it was.
        action.__sigaction_handler.sa_handler = { number in
            let error = errno
            var byte = UInt8(truncatingIfNeeded: number)
            _ = write(SignalsRegistry.writeEnd.load(ordering: .acquiring), &byte, 1)
            errno = error
        }
        action.sa_flags = SA_RESTART
        sigemptyset(&action.sa_mask)
        previousActions = SignalsRegistry.signals.map { signal in
            var previous = sigaction()
            sigaction(signal, &action, &previous)
            return previous
        }
    }

    private mutating func restore() {
        for (signal, var previous) in zip(SignalsRegistry.signals, previousActions) {
            sigaction(signal, &previous, nil)
        }
        previousActions = []
    }
}
