package import BotFoundation
package import LWSTransport

/// What a long connection has to know.
package struct LongConnectionConfiguration: Sendable {
    /// The official address (official doc 101463). Private deployments have another.
    package static let officialURL = "wss://openws.work.weixin.qq.com"

    static let defaultStreamWindow = Duration.seconds(330)

    /// The bot's id.
    package var botID: String
    /// The secret of the bot's long-connection mode.
    package var secret: Secret
    /// Where to connect.
    package var endpoint: WebSocketEndpoint
    /// Whose certificates are accepted.
    package var trust = TrustRoots.system
    /// The proxy to go through; nil connects directly.
    package var proxy: Proxy?
    /// The time between two pings (official doc 101463 recommends 30 s).
    package var heartbeatInterval: Duration {
        get { machine.heartbeatInterval }
        set { machine.heartbeatInterval = newValue }
    }
    /// What is done when another connection of the same bot takes the place.
    package var displacementPolicy: DisplacementPolicy {
        get { machine.displacementPolicy }
        set { machine.displacementPolicy = newValue }
    }

    /// How often a conversation may be written to.
    package var rateLimits: RateLimits {
        get { machine.rateLimits }
        set { machine.rateLimits = newValue }
    }

    /// How long after its first frame a stream is finished; what comes later opens another. Official doc 101463 gives a stream
    /// 6 minutes from its first frame; half a minute is left for the last frame's way.
    package var streamWindow = Self.defaultStreamWindow
    /// The name under which people mention the bot; empty if unknown.
    package var botName = ""
    /// Places that are exempt from the rule that media come by https from public addresses.
    package var mediaOrigins: [MediaOrigin] = []
    /// Through which proxies media come.
    package var mediaProxies = HTTPProxies()
    /// Where answers go that go no other way, or all of them; `nil` for nowhere.
    package var groupWebhook: GroupWebhookConfiguration?
    /// The limits of the socket.
    package var limits = WebSocketConfiguration()
    /// The other times and bounds.
    package var machine = ConnectionConfiguration()

    /// Whether it means the same connection: as the same bot, with the same secret, to the same place by the same way.
    func leadsToTheSamePlace(as other: LongConnectionConfiguration) -> Bool {
        botID == other.botID && secret == other.secret && endpoint == other.endpoint && trust == other.trust
            && proxy == other.proxy && limits == other.limits
    }

    /// How media are fetched: with the connection's trust, and by a way of their own.
    package var media: MediaConfiguration {
        var media = MediaConfiguration()
        media.allowedOrigins = mediaOrigins
        media.trust = trust
        media.proxies = mediaProxies
        return media
    }

    package init(botID: String, secret: Secret, endpoint: WebSocketEndpoint) {
        self.botID = botID
        self.secret = secret
        self.endpoint = endpoint
    }
}
