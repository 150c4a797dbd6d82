internal import BotFoundation

/// The address at which the platform takes one message that answers another, when it does not ask (official doc 101138).
struct ResponseURL: Sendable {
    /// How long after the message it is valid.
    static let lifetime = Duration.seconds(3_600)

    private let url: Secret?
    private let expiry: ContinuousClock.Instant
    private var isUsed = false

    /// - Parameter received: When the message came.
    init(_ url: Secret?, received: ContinuousClock.Instant) {
        self.url = url
        expiry = received + Self.lifetime
    }

    /// What using it comes to.
    enum Use {
        case post(Secret)
        case impossible(reason: String)
    }

    /// Uses it: a second message is reported as taken, and not shown.
    mutating func use(now: ContinuousClock.Instant) -> Use {
        guard let url, !url.isEmpty else { return .impossible(reason: "the message came without a response_url") }
        guard !isUsed else { return .impossible(reason: "its response_url was used already") }
        guard now < expiry else { return .impossible(reason: "its response_url has expired") }
        isUsed = true
        return .post(url)
    }
}
