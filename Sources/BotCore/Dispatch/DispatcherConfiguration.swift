/// Limits and texts of a ``Dispatcher``.
package struct DispatcherConfiguration: Sendable {
    /// How many messages of one conversation may wait while a turn runs.
    package var maximumWaitingPerConversation = 1_024
    /// How many messages may wait or run in all conversations together.
    package var maximumTotal = 16_384
    /// How many bytes those that wait may have together, in the frame as it was received and in their text. Room for 16,384 of
    /// 4 KiB, and for 90 of the largest known, which has 700 KB.
    package var maximumWaitingBytes = 64 * 1_024 * 1_024
    /// How many ids of messages are remembered to recognise repeated ones.
    package var duplicateCapacity = DuplicateFilter.defaultCapacity
    /// For how long they are.
    package var duplicateTimeToLive = DuplicateFilter.defaultTimeToLive
    /// How many threads handlers may block at the same time. More wait for one of them to be free.
    package var maximumHandlerThreads = 256
    /// What an answer ends with when its handler fails.
    package var apology = """
        抱歉，处理这条消息时出错了，请稍后再试。
        Sorry, something went wrong while answering this message. Please try again later.
        """
    /// The answer to a message for which there is no room; `nil` for none.
    package var busyText: String? = """
        消息太多，暂时处理不过来，请稍后再发一次。
        Too many messages at once. Please send this one again in a moment.
        """
    /// How many such answers may be under way; beyond this a message without room is only counted and logged.
    package var maximumBusyReplies = 256
    /// How long after a message the next of the same person counts as its continuation: both are handled as one. Zero for never.
    package var mergeWindow = Duration.zero
    /// What the bubble of a message ends with that was handled as part of the next one, where it has a bubble already.
    package var mergedText = """
        （与下一条消息一并回答。）
        (Answered together with the next message.)
        """
    /// What an answer ends with that a restart has interrupted.
    package var interruptedText = """
        （服务重启，这条回答被中断了，请再发一次。）
        (This answer was interrupted by a restart. Please send your message again.)
        """
    /// How long after a message its answer is still accepted: a day after the callback (official doc 101463).
    package var replyWindow = Duration.seconds(86_400)
    /// How answers are sent.
    package var stream = StreamConfiguration()

    /// The defaults.
    package init() {}
}
