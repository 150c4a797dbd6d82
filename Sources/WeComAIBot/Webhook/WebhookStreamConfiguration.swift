/// Times, bounds and texts of ``WebhookStreams``.
struct WebhookStreamConfiguration: Sendable, Hashable {
    /// What a bubble shows until the answer has text. The default is what shows as a thinking animation.
    var firstText = "<think></think>"
    /// What closes a bubble that has shown nothing, because the answer is empty: a blank text would not close it.
    var closingText = "✅"
    /// What stands below an answer whose bubble had to be closed before it was complete.
    var unfinishedText = """
        ⏳ 回答还没有完成，这里不再更新。
        The answer is not complete, but this message can no longer be updated.
        """
    /// What closes a bubble that nothing is known about, because the bot was restarted.
    var lostText = """
        抱歉，这条回答中断了，请再问一次。
        Sorry, this answer was interrupted. Please ask again.
        """

    /// How long after the message an answer may go on in its bubble. The platform asks for 6 minutes (official doc 100719); the
    /// last half minute is left for closing the bubble.
    var window = Duration.seconds(330)
    /// An answer that is not complete so long before the end of the window leaves the bubble, so that it can still be closed.
    var leave: Duration { min(.seconds(5), window / 4) }
    /// How much longer a complete answer waits for being fetched.
    var grace = Duration.seconds(15)
    /// After so long without a question the platform is believed to have stopped asking. It asks about once a second.
    var silence = Duration.seconds(30)
    /// For how long a stream is kept, so that a message that is delivered again, or a late question, gets the same answer again.
    /// As long as the dispatcher remembers a message.
    var retention = Duration.seconds(600)
    /// How much memory the images of all streams take at most, in Base64 (our choice).
    var maximumImageBytes = 64 << 20
    /// How many streams are kept, each with at most one bubble of text.
    var capacity = 4_096
}
