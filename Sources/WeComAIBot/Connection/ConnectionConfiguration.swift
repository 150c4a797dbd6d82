/// The times and bounds of a long connection. The defaults are meant to be right; tests use others.
package struct ConnectionConfiguration: Sendable, Hashable {
    /// The whole way to an open socket. The transport has shorter deadlines for each step; this one is for the case that it
    /// reports nothing.
    package var connectDeadline: Duration = .seconds(45)
    /// From the open socket to the answer to the subscribe, which usually takes 0.2 s.
    package var subscribeDeadline: Duration = .seconds(10)
    /// From the subscribe to the first ping, and from one ping to the next (official doc 101463 recommends 30 s). Half of
    /// it is the time for a sign of life after a ping, so that a dead connection is noticed within 1.5 intervals; one on which
    /// things arrive but nothing is answered, within 3.
    package var heartbeatInterval: Duration = .seconds(30)
    /// From the close frame to the end of the connection when it is stopped.
    package var closeDeadline: Duration = .seconds(5)

    /// From a frame's last byte to its acknowledgement, which usually takes 0.2 to 0.5 s; after it the outcome is unknown.
    package var acknowledgementDeadline: Duration = .seconds(5)
    /// From a frame's last byte until the next frame of its `req_id` no longer waits for its acknowledgement.
    /// Long enough that an acknowledgement after it is rare, short enough that a lost one does not leave a bubble unfinished
    /// for long; one that does come later is never taken for a newer frame's.
    package var slotExpiry: Duration = .seconds(10)
    /// The waits before a frame that was refused for a reason that passes (``ErrorCode/isPassing``) is sent again; after the last
    /// one it is refused.
    package var conflictDelays: [Duration] = [.milliseconds(200), .milliseconds(400), .milliseconds(800)]
    /// The waits before a final update or a push that the server throttled (45009, 45033) is sent again; after the last one it is
    /// refused. Intermediate updates are refused at once.
    package var throttleDelays: [Duration] = [.seconds(5), .seconds(15), .seconds(30), .seconds(60)]
    /// How often a conversation may be written to.
    package var rateLimits = RateLimits()
    /// How many conversations have a budget of their own; the rest share one.
    package var maximumConversations = 100_000
    /// How long after its first errcode 846609 a frame is sent again on the next connection before it is refused. It says each time
    /// that the frame was not delivered; a server that had just taken the subscribe was measured to go on with it for 57 to 79 s.
    package var notSubscribedPeriod: Duration = .seconds(120)
    /// How long an answer is accepted after the message it answers (official doc 101463: 24 h).
    package var replyWindow: Duration = .seconds(24 * 3600)
    /// How long an answer to an event is accepted after it (official doc 101463: 5 s).
    package var eventWindow: Duration = .seconds(5)
    /// How many requests may be unsettled at once: waiting, on their way, or holding a slot. More than twice what a dispatcher lets
    /// in, because the last update of each answer must find room even where an unanswered one before it still holds its slot.
    package var maximumRequests = 40_000
    /// How many bytes the socket is given before it has passed the earlier ones on; the last frame may exceed it. Far below the
    /// socket's own bound, and more than a fast network has under way.
    package var maximumHandedBytes = 4 * 1_024 * 1_024
    /// How many frames may stay without any acknowledgement on one connection before it is replaced.
    package var maximumUnanswered = 1024

    /// The bound of the first wait after an end nobody asked for; each further one is twice as long.
    package var reconnectBase: Duration = .seconds(1)
    /// The bound of the longest such wait.
    package var reconnectCap: Duration = .seconds(30)
    /// Two attempts never start closer together than this.
    package var minimumAttemptGap: Duration = .seconds(1)
    /// How often the bound has doubled at most for a connection that was ready but ended before ``stablePeriod``: with a
    /// base of 1 s and 2, the server that took us once is tried again within 4 s.
    package var unstableDoublings = 2
    /// How long a connection must have been ready for the waits to start from the first again.
    package var stablePeriod: Duration = .seconds(60)
    /// The longest first wait after the credentials were rejected; the shortest is half of it.
    package var credentialsRetryBase: Duration = .seconds(15)
    /// The longest wait after the credentials were rejected.
    package var credentialsRetryCap: Duration = .seconds(600)
    /// What is done about having been displaced.
    package var displacementPolicy = DisplacementPolicy.yield
    /// The longest first wait after having been displaced; the shortest is half of it. Each further one is four times as long, so
    /// that two processes that both give way take the place from each other five times in ten minutes at most.
    package var displacedRetryBase: Duration = .seconds(60)
    /// The longest wait after having been displaced. A place that was held for twice as long was not fought for: the waits start
    /// from the first again.
    package var displacedRetryCap: Duration = .seconds(600)
    /// The longest first wait of who takes over instead; the shortest is half of it, and each further one is twice as long.
    package var takeOverRetryBase: Duration = .seconds(2)
    /// The longest wait of who takes over.
    package var takeOverRetryCap: Duration = .seconds(30)
    /// So many displacements in a row, of a place that was never held for longer than anybody waits, are a fight.
    package var warDisplacements = 3

    /// No time may be longer than this: 30 days.
    static let longest = Duration.seconds(30 * 86_400)

    /// What is wrong with it, each with the name of the field; empty if nothing is.
    var problems: [String] {
        var problems: [String] = []
        let durations: [(String, Duration)] =
            [
                ("connectDeadline", connectDeadline), ("subscribeDeadline", subscribeDeadline),
                ("heartbeatInterval", heartbeatInterval), ("closeDeadline", closeDeadline),
                ("acknowledgementDeadline", acknowledgementDeadline), ("slotExpiry", slotExpiry),
                ("notSubscribedPeriod", notSubscribedPeriod), ("replyWindow", replyWindow),
                ("eventWindow", eventWindow), ("reconnectBase", reconnectBase),
                ("reconnectCap", reconnectCap),
                ("minimumAttemptGap", minimumAttemptGap), ("stablePeriod", stablePeriod),
                ("credentialsRetryBase", credentialsRetryBase), ("credentialsRetryCap", credentialsRetryCap),
                ("displacedRetryBase", displacedRetryBase), ("displacedRetryCap", displacedRetryCap),
                ("takeOverRetryBase", takeOverRetryBase), ("takeOverRetryCap", takeOverRetryCap),
            ] + conflictDelays.enumerated().map { ("conflictDelays[\($0.offset)]", $0.element) }
            + throttleDelays.enumerated().map { ("throttleDelays[\($0.offset)]", $0.element) }
        for (name, value) in durations where value < .milliseconds(1) || value > Self.longest {
            problems.append("\(name) is \(value); it must be between 1 millisecond and 30 days")
        }
        let ordered: [(String, Duration, String, Duration)] = [
            ("acknowledgementDeadline", acknowledgementDeadline, "slotExpiry", slotExpiry),
            ("reconnectBase", reconnectBase, "reconnectCap", reconnectCap),
            ("credentialsRetryBase", credentialsRetryBase, "credentialsRetryCap", credentialsRetryCap),
            ("displacedRetryBase", displacedRetryBase, "displacedRetryCap", displacedRetryCap),
            ("takeOverRetryBase", takeOverRetryBase, "takeOverRetryCap", takeOverRetryCap),
        ]
        for (shorter, short, longer, long) in ordered where short > long {
            problems.append("\(shorter) is longer than \(longer)")
        }
        for (name, value) in [
            ("maximumRequests", maximumRequests), ("maximumHandedBytes", maximumHandedBytes),
            ("maximumUnanswered", maximumUnanswered), ("warDisplacements", warDisplacements),
            ("maximumUnanswered", maximumUnanswered), ("maximumConversations", maximumConversations),
            ("rateLimits.perMinute", rateLimits.perMinute), ("rateLimits.perHour", rateLimits.perHour),
        ] where value < 1 {
            problems.append("\(name) is \(value); it must be at least 1")
        }
        if unstableDoublings < 0 {
            problems.append("unstableDoublings is \(unstableDoublings); it must not be negative")
        }
        return problems
    }
}

/// Why a machine cannot be made with a configuration.
struct ConnectionConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Every problem, with the name of its field.
    let problems: [String]

    var description: String { problems.joined(separator: "; ") }
}
