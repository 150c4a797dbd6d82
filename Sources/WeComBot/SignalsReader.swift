import BotFoundation
import Glibc

/// The thread that carries deliveries from the handler's pipe to the listeners.
final class SignalsReader: Sendable {
    private let deliveries: Int32
    private let stop: Int32

    /// - Parameters:
    ///   - deliveries: Where the handler's bytes arrive.
    ///   - stop: Ends the thread when its other end is closed.
    init(deliveries: Int32, stop: Int32) {
        self.deliveries = deliveries
        self.stop = stop
    }

    /// The thread's entry; takes over the reader behind `context`.
    static func main(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        guard let context else { return nil }
        Unmanaged<SignalsReader>.fromOpaque(context).takeRetainedValue().run()
        return nil
    }

    private func run() {
        var entries = [stop, deliveries].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        while entries[0].revents == 0 {
            guard poll(&entries, nfds_t(entries.count), -1) > 0 else { continue }
            // Its listener has ended: what is in the pipe is not for whoever listens next.
            guard entries[0].revents == 0 else { return }
            var number: UInt8 = 0
            // Every listener has a thread on the same pipe; the one that gets the byte delivers it to all.
            guard read(deliveries, &number, 1) == 1 else { continue }
            guard let signal = Signals.Signal(rawValue: Int32(number)) else { continue }
            for continuation in Signals.registry.withLock({ $0.continuations }) { continuation.yield(signal) }
        }
    }
}
