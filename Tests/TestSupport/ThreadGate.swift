internal import BotFoundation

/// Holds threads back until it is opened: for tests of code that blocks.
package final class ThreadGate: Sendable {
    private let isOpen = Locked(false)
    private let condition = Condition()

    package init() {}

    /// Blocks the calling thread until the gate is open.
    package func pass() {
        while isOpen.wait(for: condition, atMost: .seconds(60), { isOpen, _ in isOpen ? true : nil }) == nil {}
    }

    /// Lets everybody through.
    package func open() {
        isOpen.withLock { $0 = true }
        condition.broadcast()
    }
}
