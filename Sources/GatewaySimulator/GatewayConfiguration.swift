package import BotFoundation

/// How the simulated service behaves while no fault is injected.
package struct GatewayConfiguration: Sendable {
    /// How long an acknowledgement takes.
    package enum Latency: Sendable, Hashable {
        /// Always as long. Zero: sent before anything else happens.
        case fixed(Duration)
        /// Drawn anew for each frame, from zero to the given length.
        case upTo(Duration)
    }

    /// The bots that exist: bot id and long-connection secret.
    package var credentials: [String: Secret]
    /// How long acknowledgements take. A frame's effect is immediate; only its acknowledgement waits.
    package var acknowledgementLatency: Latency = .fixed(.zero)
    /// From `disconnected_event` to the end of a displaced connection; `nil`: it is left open. 2.2 s and 313 s were
    /// measured on the live service.
    package var displacedCloseDelay: Duration? = .milliseconds(2_200)
    /// How a displaced connection ends. 1006, as the live service does it: without a close frame.
    package var displacedCloseCode: UInt16 = 1_006
    /// How long a stream may be updated, from its first frame (official doc 101463: 6 minutes).
    package var streamLifetime: Duration = .seconds(6 * 60)
    /// How long a message callback may be answered (official doc 101463: 24 hours).
    package var replyWindow: Duration = .seconds(24 * 3_600)
    /// How long an event may be answered (official doc 101463: 5 seconds).
    package var eventReplyWindow: Duration = .seconds(5)
    /// The longest content of one bubble, in UTF-8 bytes (official doc 101463).
    package var maximumContentBytes = 20_480
    /// Whether a callback may still be answered on a later connection. Both were seen in the field.
    package var requestsSurviveReconnect = true
    /// Whether an upload may go on on a later connection (official doc 101463: it may).
    package var uploadsSurviveReconnect = true
    /// How long after its init an upload must have ended (official doc 101463: 30 minutes).
    package var uploadLife: Duration = .seconds(30 * 60)
    /// How long uploaded media may be sent (official doc 101463: 3 days).
    package var mediaLife: Duration = .seconds(3 * 86_400)
    /// How many callbacks are remembered; the oldest are forgotten, and answering them gives 846605.
    package var rememberedCallbacks = 10_000
    /// What ids of messages and requests begin with. Two gateways that one client may meet need different ones, or the
    /// client takes the second gateway's messages for repetitions.
    package var idPrefix = "sim"
    /// Where latencies and junk come from.
    package var seed: UInt64 = 0

    /// A service that knows these bots.
    package init(credentials: [String: Secret]) {
        self.credentials = credentials
    }

    /// A service that knows one bot.
    package init(botID: String, secret: Secret) {
        self.init(credentials: [botID: secret])
    }
}
