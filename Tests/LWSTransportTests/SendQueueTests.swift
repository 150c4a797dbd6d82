import Testing

@testable import LWSTransport

@Suite struct SendQueueTests {
    @Test func theMostUrgentGoesFirstAndEqualOnesInTheOrderOfSending() {
        let queue = Sender(maximumBytes: 100)
        let priorities: [SendPriority] = [.low, .normal, .high, .low, .normal, .high, .normal]
        for (ticket, priority) in priorities.enumerated() {
            #expect(queue.append(UInt64(ticket), priority: priority))
        }
        #expect(!queue.isEmpty && queue.bytes == 7)
        #expect(queue.drain() == [2, 5, 1, 4, 6, 0, 3])
        #expect(queue.isEmpty && queue.bytes == 0)
    }

    @Test func anUrgentMessageOvertakesWhatAlreadyWaits() {
        let queue = Sender(maximumBytes: 100)
        #expect(queue.append(1, priority: .normal) && queue.append(2, priority: .normal))
        #expect(queue.popFirst()?.ticket == 1)
        #expect(queue.append(3, priority: .high))
        #expect(queue.drain() == [3, 2])
    }

    @Test func theBoundIsInBytesOfAllPriorities() {
        let queue = Sender(maximumBytes: 10)
        #expect(queue.append(1, bytes: 4, priority: .low))
        #expect(!queue.append(2, bytes: 7, priority: .high))
        #expect(queue.append(3, bytes: 6, priority: .high))
        #expect(queue.append(4, bytes: 0, priority: .high))
        #expect(!queue.append(5, bytes: 1, priority: .normal))
        #expect(queue.bytes == 10)
        #expect(queue.drain() == [3, 4, 1])
    }

    @Test func anEmptyQueueTakesAnySizeAndThenNothing() {
        let queue = Sender(maximumBytes: 10)
        #expect(queue.append(1, bytes: 1_000, priority: .normal))
        #expect(!queue.append(2, bytes: 1, priority: .high))
        #expect(!queue.append(3, bytes: 1_000_000, priority: .high))
        #expect(queue.drain() == [1])
        #expect(queue.append(4, bytes: 1_000, priority: .normal))
    }

    @Test func drainedIsToldOnceWhenHalfIsFreeAndOnlyAfterARefusal() {
        let queue = Sender(maximumBytes: 10)
        for ticket in 0..<10 { #expect(queue.append(UInt64(ticket), priority: .normal)) }
        #expect(!queue.takeDrained())
        while queue.bytes > 3 { _ = queue.popFirst() }
        #expect(!queue.takeDrained(), "nobody was refused")

        while queue.append(99, priority: .normal) {}
        for bytes in [9, 8, 7, 6] {
            _ = queue.popFirst()
            #expect(queue.bytes == bytes && !queue.takeDrained())
        }
        _ = queue.popFirst()
        #expect(queue.bytes == 5 && queue.takeDrained())
        #expect(!queue.takeDrained())
        _ = queue.drain()
        #expect(!queue.takeDrained())
    }
}

/// A queue of messages of which only ticket and size matter.
private final class Sender {
    private var queue: SendQueue

    init(maximumBytes: Int) {
        queue = SendQueue(maximumBytes: maximumBytes)
    }

    var isEmpty: Bool { queue.isEmpty }
    var bytes: Int { queue.bytes }

    func append(_ ticket: UInt64, bytes: Int = 1, priority: SendPriority) -> Bool {
        queue.append(
            .init(bytes: [UInt8](repeating: 0, count: bytes), isText: true, ticket: ticket),
            priority: priority
        )
    }

    func popFirst() -> SendQueue.Message? { queue.popFirst() }

    func takeDrained() -> Bool { queue.takeDrained() }

    func drain() -> [UInt64] {
        var tickets: [UInt64] = []
        while let message = queue.popFirst() { tickets.append(message.ticket) }
        return tickets
    }
}
