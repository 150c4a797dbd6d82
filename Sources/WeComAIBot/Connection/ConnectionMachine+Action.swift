import BotCore

extension ConnectionMachine {
    /// What the driver has to do, in order, after the call that returned it.
    enum Action: Sendable {
        /// Open a connection. Every event of it carries `epoch`.
        case connect(epoch: UInt64)
        /// Hand a frame to the socket, and report `written` with its ticket when its last byte is with the kernel.
        case write(FrameWrite)
        /// Send what the socket has, then close with a handshake. Unless the machine is closing or makes another connection in place
        /// of this one, it has already forgotten it.
        case close(epoch: UInt64, code: UInt16, reason: String)
        /// Drop the connection at once. The machine has already forgotten it.
        case abort(epoch: UInt64)
        /// Tell a waiter how its send ended.
        case resolve(Waiter, Delivery)
        /// Write down where a recorded request stands.
        case record(SendID, Standing)
        /// The state has changed.
        case state(ConnectionState)
        /// Log and count it.
        case report(Incident)
    }
}

/// Where a recorded request stands.
enum Standing: Sendable, Hashable {
    /// It could go: call ``ConnectionMachine/depart(_:epoch:now:)`` when that is written down.
    case departing
    /// Nobody can have seen it, and it waits again.
    case waiting
    /// Nobody can have seen it, and nothing is sent any more. Its waiter is told next.
    case left
}

extension ConnectionMachine.Action: Equatable where Waiter: Equatable {}
