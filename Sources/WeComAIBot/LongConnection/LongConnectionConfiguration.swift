package import BotFoundation
package import LWSTransport

/// What a long connection has to know.
package struct LongConnectionConfiguration: Sendable {
    /// The official address (official doc 101463). Private deployments have another.
    package static let officialURL = "wss://openws.work.weixin.qq.com"

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
    /// The limits of the socket.
    package var limits = WebSocketConfiguration()
    /// The other times and bounds.
    var machine = ConnectionConfiguration()

    /// Whether it means the same connection: as the same bot, with the same secret, to the same place by the same way.
    func leadsToTheSamePlace(as other: LongConnectionConfiguration) -> Bool {
        botID == other.botID && secret == other.secret && endpoint == other.endpoint && trust == other.trust
            && proxy == other.proxy && limits == other.limits
    }

    package init(botID: String, secret: Secret, endpoint: WebSocketEndpoint) {
        self.botID = botID
        self.secret = secret
        self.endpoint = endpoint
    }
}
