import BotFoundation

/// One turn at a time per conversation, in the order of arrival.
///
/// Conversations do not wait for each other, whatever they do. What waits is bounded, per conversation so that one cannot
/// take all the room, and in total, in number and in bytes. A conversation in which nothing happens takes no memory.
package struct Lanes<Element> {
    /// What became of a message.
    package enum Admission {
        /// Nothing is going on in its conversation: start it.
        case start
        /// It starts when ``Lanes/finished(_:)`` gives it out.
        case queued
        /// There is no room for it.
        case rejected(Bound)
    }

    /// Which limit was reached.
    package enum Bound: Hashable, Sendable {
        case conversation, total, bytes
    }

    private let maximumWaitingPerConversation: Int
    private let maximumTotal: Int
    private let maximumWaitingBytes: Int
    private var waiting: [Conversation: Queue<(element: Element, bytes: Int)>] = [:]

    /// How many messages wait.
    package private(set) var waitingCount = 0
    /// How many bytes those have.
    package private(set) var waitingBytes = 0
    /// How many turns run, which is how many conversations are busy.
    package var activeCount: Int { waiting.count }

    /// - Parameters:
    ///   - maximumWaitingPerConversation: How many messages of one conversation may wait; the running one is not counted.
    ///   - maximumTotal: How many messages may wait or run in all conversations together.
    ///   - maximumWaitingBytes: How many bytes those that wait may have together.
    package init(maximumWaitingPerConversation: Int, maximumTotal: Int, maximumWaitingBytes: Int) {
        self.maximumWaitingPerConversation = maximumWaitingPerConversation
        self.maximumTotal = maximumTotal
        self.maximumWaitingBytes = maximumWaitingBytes
    }

    /// Lets a message in, if there is room.
    package mutating func add(_ element: Element, bytes: Int, to conversation: Conversation) -> Admission {
        guard activeCount + waitingCount < maximumTotal else { return .rejected(.total) }
        guard let count = waiting[conversation]?.count else {
            waiting[conversation] = Queue()
            return .start
        }
        guard count < maximumWaitingPerConversation else { return .rejected(.conversation) }
        guard bytes <= maximumWaitingBytes - waitingBytes else { return .rejected(.bytes) }
        waiting[conversation]?.append((element, bytes))
        waitingCount += 1
        waitingBytes += bytes
        return .queued
    }

    /// The running turn of a conversation has ended.
    ///
    /// - Returns: The next to start there, if one waits.
    package mutating func finished(_ conversation: Conversation) -> Element? {
        guard waiting[conversation] != nil else { return nil }
        guard let next = waiting[conversation]?.popFirst() else {
            waiting[conversation] = nil
            return nil
        }
        waitingCount -= 1
        waitingBytes -= next.bytes
        return next.element
    }

    /// Whether something waits in a conversation.
    package func hasWaiting(in conversation: Conversation) -> Bool { waiting[conversation]?.isEmpty == false }

    /// Takes out what waits longest in a conversation, if it is wanted. What runs there goes on.
    package mutating func takeNext(of conversation: Conversation, if isWanted: (Element) -> Bool) -> Element? {
        guard let next = waiting[conversation]?.first, isWanted(next.element) else { return nil }
        _ = waiting[conversation]?.popFirst()
        waitingCount -= 1
        waitingBytes -= next.bytes
        return next.element
    }

    /// Takes out everything that waits. What runs stays.
    package mutating func removeAllWaiting() -> [Element] {
        var removed: [Element] = []
        for conversation in Array(waiting.keys) {
            while let next = waiting[conversation]?.popFirst() { removed.append(next.element) }
        }
        waitingCount = 0
        waitingBytes = 0
        return removed
    }
}

extension Lanes: Sendable where Element: Sendable {}
extension Lanes.Admission: Sendable {}
extension Lanes.Admission: Equatable {}
