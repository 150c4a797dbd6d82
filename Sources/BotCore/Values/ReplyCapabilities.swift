/// What a channel can do with the answer to one message.
public struct ReplyCapabilities: Sendable, Hashable {
    /// The most UTF-8 bytes of text in one bubble. Less than 4, the longest scalar, counts as 4.
    public var maximumBytes: Int
    /// Whether a bubble can be updated while the answer is being made. If not, only final updates are sent, all of them
    /// after the answer has ended.
    public var streams: Bool
    /// How long after its first update a bubble must be finished; `nil` for no limit. An answer that takes longer goes on in the
    /// next bubble.
    public var bubbleWindow: Duration?
    /// When the first bubble must be finished at the latest, because it was opened before there was an update; `nil` for no limit. A
    /// bubble whose updates are refused then is not: nobody looks at it, and all of the text goes where the last update goes.
    package var firstBubbleEnd: ContinuousClock.Instant?
    /// The time between two intermediate updates where one costs nothing, whether it is refused or not; `nil` for what the length of the
    /// text and refusals demand.
    package var updateInterval: Duration?
    /// The longest time between two updates of a bubble that is shown and not finished; `nil` for no limit. When there is no new
    /// text for so long, the text so far is sent again.
    public var keepAlive: Duration?

    /// How many bytes the channel adds to thinking to show it as such; they and the thinking count in ``maximumBytes``. `nil` if it
    /// shows none.
    public var thinkingMarkupBytes: Int?
    /// The most UTF-8 bytes of a feedback id; `nil` if an answer cannot be rated.
    public var maximumFeedbackIDBytes: Int?

    /// 20,480 bytes is the limit of `stream.content` for the AI Bot (official doc 101463).
    public init(
        maximumBytes: Int = 20_480,
        streams: Bool = true,
        bubbleWindow: Duration? = nil,
        keepAlive: Duration? = nil,
        thinkingMarkupBytes: Int? = nil,
        maximumFeedbackIDBytes: Int? = nil
    ) {
        self.maximumBytes = maximumBytes
        self.streams = streams
        self.bubbleWindow = bubbleWindow
        self.keepAlive = keepAlive
        self.thinkingMarkupBytes = thinkingMarkupBytes
        self.maximumFeedbackIDBytes = maximumFeedbackIDBytes
    }
}
