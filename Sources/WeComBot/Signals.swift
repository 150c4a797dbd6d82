import BotFoundation
import Glibc

/// The SIGTERM, SIGINT and SIGHUP that this process is sent, for as long as it exists.
///
/// Of the first two the first delivery asks for a drain, the second for an immediate end. While at least one `Signals` exists the
/// signals do not end the process; afterwards they do again what they did before.
///
/// A handler writes the number to a pipe and a thread reads it from there. `signalfd` would need the signals blocked in every
/// thread, which a library that is not first in `main` cannot do: threads of Swift's pool already exist. Dispatch's signal
/// source gets around that by leaving handlers and blocked signals behind for good.
package final class Signals: Sendable {
    /// A request to end, or to read the configuration again.
    package enum Signal: Int32, Sendable {
        /// SIGTERM: sent by service managers.
        case terminate = 15
        /// SIGINT: Ctrl-C.
        case interrupt = 2
        /// SIGHUP: read the configuration again. Only where it does not mean that the terminal is gone.
        case hangup = 1
    }

    /// Every delivery from now on, in order. Ends after ``end()``. For one consumer.
    package let deliveries: AsyncStream<Signal>
    private let listener: UInt64
    private let stop: SignalsPipe
    private let thread: pthread_t

    /// Takes the signals over.
    ///
    /// - Throws: ``SignalsError`` if the system has no descriptors or threads left; nothing is changed then.
    package init() throws(SignalsError) {
        let (stream, continuation) = AsyncStream.makeStream(of: Signal.self, bufferingPolicy: .bufferingOldest(16))
        let pipe = try Signals.registry.withLock { registry throws(SignalsError) in try registry.pipe() }

        let stop = try SignalsPipe()
        // Before there is a thread that reads: what is left in the pipe is for nobody.
        let listener = Signals.registry.withLock { $0.add(continuation) }
        let context = Unmanaged.passRetained(SignalsReader(deliveries: pipe, stop: stop.readEnd))
        var thread = pthread_t()
        let result = pthread_create(&thread, nil, { SignalsReader.main($0) }, context.toOpaque())
        guard result == 0 else {
            context.release()
            _ = Signals.registry.withLock { $0.remove(listener) }
            close(stop.writeEnd)
            close(stop.readEnd)
            throw SignalsError(doing: "pthread_create", result)
        }
        self.stop = stop
        self.thread = thread
        deliveries = stream
        self.listener = listener
    }

    deinit {
        end()
    }

    /// Gives the signals back and ends ``deliveries``. When it returns, the thread is gone. May be called again.
    package func end() {
        guard let continuation = Signals.registry.withLock({ $0.remove(listener) }) else { return }
        close(stop.writeEnd)
        pthread_join(thread, nil)
        close(stop.readEnd)
        continuation.finish()
    }

    /// Everyone who listens in this process.
    static let registry = Locked(SignalsRegistry())
}

/// Why the signals could not be taken over.
package struct SignalsError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What failed, and the system's reason.
    package let description: String

    init(doing call: String, _ code: Int32) {
        description = "\(call): \(String(cString: strerror(code)))"
    }
}
