internal import BotFoundation

/// How urgent a message is. A more urgent one overtakes all that wait; among equals the order of sending holds.
package enum SendPriority: Int, Sendable, Comparable, CaseIterable {
    /// Bulk: upload chunks.
    case low
    /// Ordinary.
    case normal
    /// Control: subscribe, heartbeats, and what has a deadline of seconds.
    case high

    package static func < (left: SendPriority, right: SendPriority) -> Bool { left.rawValue < right.rawValue }
}

/// Messages that wait for the socket, most urgent first, bounded in bytes.
struct SendQueue {
    struct Message {
        let bytes: [UInt8]
        let isText: Bool
        let ticket: UInt64
    }

    /// How many bytes may wait.
    let maximumBytes: Int
    private var lanes = [Queue<Message>](repeating: Queue(), count: SendPriority.allCases.count)
    private(set) var bytes = 0
    private(set) var wasFull = false

    init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
    }

    var isEmpty: Bool { lanes.allSatisfy(\.isEmpty) }

    /// Adds a message, or returns false if it has no room. An empty queue takes a message of any size.
    mutating func append(_ message: Message, priority: SendPriority) -> Bool {
        guard bytes == 0 || message.bytes.count <= maximumBytes - bytes else {
            wasFull = true
            return false
        }
        bytes += message.bytes.count
        lanes[priority.rawValue].append(message)
        return true
    }

    mutating func popFirst() -> Message? {
        for priority in SendPriority.allCases.reversed() {
            if let message = lanes[priority.rawValue].popFirst() {
                bytes -= message.bytes.count
                return message
            }
        }
        return nil
    }

    /// Whether a sender that was refused may be told to try again: once, when half of the room is free.
    mutating func takeDrained() -> Bool {
        guard wasFull, bytes <= maximumBytes / 2 else { return false }
        wasFull = false
        return true
    }
}
