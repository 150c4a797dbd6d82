/// Limits of an ``EventDispatcher``.
package struct EventDispatcherConfiguration: Sendable {
    /// How many events of one conversation may wait while the handler of another runs.
    package var maximumWaitingPerConversation = 256
    /// How many events may wait or run in all conversations together.
    package var maximumTotal = 4_096
    /// How many bytes those that wait may have together, as they were received.
    package var maximumWaitingBytes = 16 * 1_024 * 1_024
    /// How many ids of events are remembered to recognise repeated ones.
    package var duplicateCapacity = DuplicateFilter.defaultCapacity
    /// For how long they are.
    package var duplicateTimeToLive = DuplicateFilter.defaultTimeToLive
    /// How many threads handlers of events may block at the same time. More wait for one of them to be free.
    package var maximumHandlerThreads = 64
    /// How long the next event of a conversation waits for the handler of the one before. Less than half of the 5 s in which an
    /// event may be answered (official doc 101463).
    package var patience = Duration.seconds(2)

    /// The defaults.
    package init() {}
}
