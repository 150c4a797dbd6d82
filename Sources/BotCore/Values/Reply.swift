/// What a handler answers with. Safe to use from any task; calls take effect in the order in which they are made.
///
/// The answer ends with ``finish()``, or when the handler returns or throws. What is written after that is ignored, and the
/// first such call of an answer is logged.
public struct Reply: Sendable {
    let stream: ReplyStream
    let channel: (any ReplyChannel)?

    /// The handler's end of an answer that goes through `channel`.
    package init(_ stream: ReplyStream, through channel: (any ReplyChannel)? = nil) {
        self.stream = stream
        self.channel = channel
    }

    /// How much more may be sent to this conversation before the platform's rate limit is reached: 30 messages per minute and
    /// 1,000 per hour, answers and pushes together (official doc 101463). `nil` if the channel knows no limit.
    ///
    /// Nobody has to ask: updates that would exceed it are left out, and what must arrive waits until it may be sent.
    public var remainingSends: SendBudget? {
        get async { await channel?.remainingSends() }
    }

    /// Appends to the answer. Never waits for the network: what the user sees catches up by itself.
    public func write(_ delta: String) async {
        stream.append(delta)
    }

    /// Appends to what the bot thinks, which is shown above the answer, apart from it. Without a text it only shows that the bot thinks,
    /// until there is something to read.
    ///
    /// It is not part of the answer: an answer with nothing else is empty, thinking counts in the size of a bubble, where its newest part gets up
    /// to half of the room, and a restart forgets it. A channel that shows no thinking leaves it out.
    public func think(_ delta: String = "") async {
        stream.think(delta)
    }

    /// Lets the user rate the answer: what they say comes as an event with this id, at most 256 bytes (official doc 101463). Call it
    /// before the first text: only what opens a bubble can carry it. A channel where nothing is rated leaves it out.
    public func requestFeedback(id: String) async {
        stream.requestFeedback(id: id)
    }

    /// Replaces the whole text so far.
    ///
    /// Bubbles that are finished already, because the answer outgrew them or took too long, stay as they are. If `text` starts with what they
    /// show, the rest of it takes the place of the rest of the answer; if not, all of it does.
    public func replace(_ text: String) async {
        stream.replace(text)
    }

    /// Ends the answer, sends its last update at once, and waits for the verdict.
    ///
    /// Calling it again, or from several tasks, gives the same outcome. It is optional: returning from the handler does the
    /// same. The next message of the conversation still waits until the handler has returned.
    ///
    /// - Returns: ``Delivery/delivered`` if the last update of each bubble was; ``Delivery/redirected(_:)`` if all of the answer
    ///   came, but not all of it the way it was begun; otherwise the worst outcome among them, and among its images
    ///   (``attach(image:)``). An answer without text or image is refused, and nothing is sent, unless messages of their own were
    ///   (``send(_:)``). If the calling task is cancelled before the verdict, ``Delivery/unknown(_:)``; the
    ///   answer itself goes on to its end.
    @discardableResult
    public func finish() async -> Delivery {
        await stream.finish()
    }

    /// Replaces the whole text, ends the answer and waits for the verdict, as ``finish()`` does. An answer given only this way is
    /// one update.
    @discardableResult
    public func finish(_ text: String) async -> Delivery {
        stream.end(with: text)
        return await stream.finish()
    }

    /// Sends a message of its own beside the answer, and waits for the verdict. It does not end the answer, and an answer without text
    /// has its outcome. Where the bot keeps what it owes, it survives the process while it waits, as a push does; after a restart it is a
    /// message of its own that answers nothing.
    @discardableResult
    public func send(_ message: OutboundMessage) async -> Delivery {
        let delivery: Delivery
        if let problem = message.problem {
            delivery = .refused(.init(problem))
        } else if let channel {
            delivery = await channel.send(message)
        } else {
            delivery = .refused(.init("nothing is sent here"))
        }
        stream.sentBeside(delivery)
        return delivery
    }
}
