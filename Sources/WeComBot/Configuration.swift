public import BotFoundation
internal import LWSTransport
public import WeComAIBot

/// What a bot needs to know before it starts.
///
/// ``load(file:environment:)`` reads it from a JSON file and the environment; a program may also build it itself. Either
/// way it is checked whole before anything starts, and a ``ConfigurationError`` names every problem at once.
///
/// | field | key in the file | variable | default |
/// |---|---|---|---|
/// | ``mode`` | `wecom_ai_bot_connection_mode` | `WECOM_CONNECTION_MODE` | `long_connection` |
/// | ``botID`` | `wecomaibot_ws_bot_id`, then `long_connection_bot_id` | `WECOM_BOT_ID` | required for the long connection |
/// | ``secret`` | `wecomaibot_ws_secret`, then `long_connection_secret` | `WECOM_BOT_SECRET` | required for the long connection |
/// | ``token`` | `token`, then `wecomaibot_token` | `WECOM_TOKEN` | required in webhook mode |
/// | ``encodingAESKey`` | `encoding_aes_key`, then `wecomaibot_encoding_aes_key` | `WECOM_ENCODING_AES_KEY` | required in webhook mode |
/// | ``callbackHost`` | `callback_server_host` | `WECOM_CALLBACK_HOST` | `0.0.0.0` |
/// | ``callbackPort`` | `port` | `WECOM_CALLBACK_PORT` | 6198 in webhook mode |
/// | ``callbackCertificateFile`` | `wecomaibot_callback_certificate_file` | `WECOM_CALLBACK_CERTIFICATE_FILE` | none: plain HTTP |
/// | ``callbackKeyFile`` | `wecomaibot_callback_key_file` | `WECOM_CALLBACK_KEY_FILE` | none |
/// | ``firstText`` | `wecomaibot_init_respond_text` | `WECOM_INIT_RESPOND_TEXT` | the platform's animation |
/// | ``webSocketURL`` | `wecomaibot_ws_url` | `WECOM_WS_URL` | ``defaultWebSocketURL`` |
/// | ``certificateAuthorityFile`` | `wecomaibot_ca_file` | `WECOM_CA_FILE` | the system's trust |
/// | ``heartbeatInterval`` | `wecomaibot_heartbeat_interval` | `WECOM_HEARTBEAT_SECONDS` | 30 s |
/// | ``onDisplaced`` | `wecomaibot_on_displaced` | `WECOM_ON_DISPLACED` | `yield` |
/// | ``streamWindow`` | `wecomaibot_stream_window` | `WECOM_STREAM_WINDOW_SECONDS` | 330 s |
/// | ``mergeWindow`` | `wecomaibot_merge_window` | `WECOM_MERGE_WINDOW` | 0 s, which is never |
/// | ``duplicateWindow`` | `wecomaibot_duplicate_window` | `WECOM_DUPLICATE_WINDOW_SECONDS` | 600 s |
/// | ``botName`` | `wecom_ai_bot_name` | `WECOM_BOT_NAME` | empty |
/// | ``mediaAllowedOrigins`` | `wecomaibot_media_allowed_origins` | `WECOM_MEDIA_ALLOWED_ORIGINS` | none |
/// | ``groupWebhookURL`` | `msg_push_webhook_url` | `WECOM_PUSH_WEBHOOK_URL` | none |
/// | ``onlyUsesGroupWebhook`` | `only_use_webhook_url_to_send` | `WECOM_ONLY_USE_PUSH_WEBHOOK` | `false` |
/// | ``httpProxy`` | `wecomaibot_proxy` | `WECOM_PROXY` | `https_proxy` and its kin |
/// | ``statusPort`` | `wecomaibot_status_port` | `WECOM_STATUS_PORT` | 0, which is off |
/// | ``statusHost`` | `wecomaibot_status_host` | `WECOM_STATUS_HOST` | `127.0.0.1` |
/// | ``logLevel`` | `log_level` | `WECOM_LOG_LEVEL` | `info` |
/// | ``logFormat`` | `log_format` | `WECOM_LOG_FORMAT` | `text` |
/// | ``ratePerMinute`` | `wecomaibot_rate_per_minute` | `WECOM_RATE_PER_MINUTE` | 30 |
/// | ``ratePerHour`` | `wecomaibot_rate_per_hour` | `WECOM_RATE_PER_HOUR` | 1,000 |
/// | ``refreshesCost`` | `wecomaibot_refreshes_cost` | `WECOM_REFRESHES_COST` | `false` |
/// | ``stateFile`` | `wecomaibot_state_file` | `WECOM_STATE_FILE` | none |
/// | ``sharedStateURL`` | `wecomaibot_shared_state_url` | `WECOM_SHARED_STATE_URL` | none |
/// | ``shutdownDeadline`` | `wecomaibot_shutdown_seconds` | `WECOM_SHUTDOWN_SECONDS` | 10 s |
///
/// The keys are those of AstrBot's platform block for this channel, so that an existing block works unchanged.
public struct Configuration: Sendable {
    /// How messages arrive.
    public var mode: Mode
    /// The bot's id, from its page in the WeCom admin console under "API mode, long connection".
    public var botID: String
    /// The secret that belongs to ``botID``; not the callback's token or key.
    public var secret: Secret
    /// The Token of the callback's settings, on the bot's page in the WeCom admin console under "API mode, callback URL".
    public var token: Secret
    /// The EncodingAESKey of the callback's settings: 43 letters.
    public var encodingAESKey: Secret
    /// The numeric address on which the callback address is served: `0.0.0.0` is every IPv4 address of the machine.
    public var callbackHost: String
    /// The port on which it is, at `/webhook/wecom-ai-bot`; `nil` for ``defaultCallbackPort`` in webhook mode.
    ///
    /// In webhook mode, 0 is for a bot in a program that has an HTTP server of its own, which hands requests to
    /// ``Bot/respond(to:)``. In long-connection mode, a port that is set answers every request with 400 and what to change.
    public var callbackPort: UInt16?
    /// A PEM file of the certificate chain with which it is served over TLS, leaf first; `nil` or empty for plain HTTP, as behind a
    /// proxy that ends TLS.
    public var callbackCertificateFile: String?
    /// The PEM file of the private key that belongs to ``callbackCertificateFile``.
    public var callbackKeyFile: String?
    /// What the bubble of an answer shows in webhook mode until there is text; `nil` or empty for the platform's thinking animation.
    public var firstText: String?
    /// Where the long connection goes: `wss://host[:port][/path]`.
    ///
    /// Private deployments have a URL of their own. `ws://` is accepted for a gateway on the same machine or behind a tunnel;
    /// the secret then crosses the network in the clear. The path may have 2,000 bytes and the host 110, because
    /// libwebsockets 4.1 cuts a longer request line and Host header short instead of refusing them.
    public var webSocketURL: String
    /// A PEM file of the certificate authorities to trust instead of the system's, for private deployments; for media too. `nil` or empty
    /// means the system's.
    public var certificateAuthorityFile: String?
    /// The time between two heartbeats: 1 to 300 seconds.
    ///
    /// Official doc 101463 recommends 30 seconds. AstrBot does not go below 5; here 1 is allowed because private gateways may
    /// drop idle connections sooner, and more than 300 outlives the idle limit of common middleboxes.
    public var heartbeatInterval: Duration
    /// What the bot does when another connection with the same id takes its place.
    public var onDisplaced: DisplacementPolicy
    /// How long a bubble of a streamed answer is updated before it is finished: 10 to 600 seconds. An answer that takes longer goes
    /// on in another bubble.
    ///
    /// Official doc 101463 ends a stream 6 minutes after its first frame; other servers were seen to take 10. Half a minute less
    /// leaves time for the last frame's way.
    public var streamWindow: Duration
    /// How long after a message the next of the same person in the same conversation counts as its continuation, so that the handler gets
    /// both as one: 0, which is never, to 5 seconds. For the app, which cuts a text of more than about 4,000 characters into several
    /// messages, and sends a picture and what is said of it one after the other, a few hundred milliseconds apart.
    ///
    /// Every message waits that long for the next, at most 16 become one, each text a line, and the answer goes to the newest. What quotes,
    /// voice messages, and texts that begin with `/` or `!` are never a continuation; the last two are not waited with either.
    public var mergeWindow: Duration
    /// How long a message is remembered, so that it is not handled again when it is delivered again: 600 (as in the official clients) to
    /// 86,400 seconds, of the last 8,192 messages. A change counts from the next start.
    public var duplicateWindow: Duration
    /// The name under which people mention the bot in groups (`@name`), so that ``Inbound/text`` goes without it. Empty if unknown.
    public var botName: String
    /// Where media may be fetched from although it is not by https, or not from a public address: each `scheme://host:port`, where
    /// the port may be `*`. For private deployments and tests. In a file or the environment they are separated by commas.
    public var mediaAllowedOrigins: [String]
    /// The URL of a group's message-push robot, `https://…/cgi-bin/webhook/send?key=…`, as the group's settings show it; empty for none.
    /// It may begin with `http://` if its origin is one of ``mediaAllowedOrigins``.
    ///
    /// An answer in a group that can go no other way any more goes there, and the outcome is ``BotCore/Delivery/redirected(_:)``. The robot
    /// posts to its one group, whichever group asked; an answer in a private chat never goes there unless ``onlyUsesGroupWebhook`` says so.
    /// ``Bot/pushToGroupWebhook(_:)`` posts there at any time.
    public var groupWebhookURL: Secret
    /// Whether every answer goes to the group of ``groupWebhookURL`` and nowhere else, in whole messages when it has ended: also those in
    /// private chats, which everybody in that group reads then.
    public var onlyUsesGroupWebhook: Bool
    /// The HTTP proxy through which the connection goes (`CONNECT`), and media come; `nil` connects directly. Media of hosts in
    /// `no_proxy`, and of this machine, never come through it.
    ///
    /// ``load(file:environment:)`` falls back to the environment's proxies for the URL and for the host of each medium, so that a
    /// running bot never looks at the environment again.
    public var httpProxy: HTTPProxy? {
        didSet { mediaProxies = HTTPProxies(httpProxy?.proxy, exceptions: mediaProxies.exceptions) }
    }
    /// Through what media come.
    var mediaProxies = HTTPProxies()
    /// The port on which a running bot tells its state over HTTP: `GET /healthz` and `GET /metrics`. 0 for not at all.
    public var statusPort: UInt16
    /// The numeric address for ``statusPort``. Whoever can reach it can read what it tells: numbers, no message and no secret.
    public var statusHost: String
    /// The least important level that is logged.
    public var logLevel: Log.Level
    /// How lines on standard error look.
    public var logFormat: Log.Format
    /// How many messages one conversation is sent in any 60 seconds, answers and pushes together: 1 to 30.
    ///
    /// The platform allows 30 (official doc 101463). A lower number leaves some to another program that writes to the same
    /// conversations. What would exceed it waits; intermediate updates are left out.
    public var ratePerMinute: Int
    /// How many messages one conversation is sent in any hour: 1 to 1,000, which the platform allows (official doc 101463).
    public var ratePerHour: Int
    /// Whether each update of a bubble counts, and not only the one that opens it. The platform does not say; that further updates
    /// do not count was observed.
    public var refreshesCost: Bool
    /// The file in which the bot keeps what it owes, so that after a crash or a kill the next process finishes it and answers
    /// nothing twice; `nil` or empty for none. It is made if it is not there, in a directory that must be, and readable for its
    /// owner only, because it holds messages. Each bot process needs one of its own.
    public var stateFile: String?
    /// The Redis server that several processes behind one callback address share: `redis://[user[:password]@]host[:port][/database]` or
    /// `unix:///path`; empty for none. Percent-encode what has a meaning in a URL.
    ///
    /// With it the platform may deliver a message to any of them, again to another, and ask any what the answer shows. It is of use in
    /// webhook mode only, and nothing is connected to otherwise. Texts and images of answers are in it for up to ten minutes, and
    /// cross the network in the clear. A server that fails costs nothing but what it is for: each process then answers for itself.
    public var sharedStateURL: Secret
    /// How long the bot takes at most to end once it is asked to: 1 to 600 seconds. All of it is in it: answers that are under way, the
    /// last text of those that are cut short, the end of the connection, and what is written to ``stateFile``. Handlers have all but
    /// the last 3 seconds (or 30 %, if that is less).
    ///
    /// Whoever kills a process that takes too long to end must wait for longer: `docker stop` waits for 10 seconds, Kubernetes for 30,
    /// systemd for 90.
    public var shutdownDeadline: Duration
    /// What an answer ends with when its handler throws; `nil` for the built-in sentence in Chinese and English.
    public var apologyText: String?
    /// What is answered when too many messages wait; `nil` for the built-in sentence in Chinese and English.
    public var busyText: String?
    /// What an answer ends with that a restart has interrupted; `nil` for the built-in sentence in Chinese and English.
    public var interruptedText: String?

    /// Reads it again from where it was read; `nil` for one that was made in code. A closure, so that nothing prints what it holds.
    var reread: (@Sendable () throws(ConfigurationError) -> Configuration)?

    /// The official gateway (official doc 101463).
    public static let defaultWebSocketURL = "wss://openws.work.weixin.qq.com"

    /// The port of the system that this replaces.
    public static let defaultCallbackPort: UInt16 = 6_198

    /// The heartbeat intervals that are accepted.
    package static let heartbeatLimits: ClosedRange<Duration> = .seconds(1) ... .seconds(300)

    /// The rates that are accepted.
    package static let ratePerMinuteLimits = 1...30
    package static let ratePerHourLimits = 1...1_000
    /// The stream windows that are accepted.
    package static let streamWindowLimits: ClosedRange<Duration> = .seconds(10) ... .seconds(600)

    /// The merge windows that are accepted.
    package static let mergeWindowLimits: ClosedRange<Duration> = .zero ... .seconds(5)

    /// The times for which messages may be remembered.
    package static let duplicateWindowLimits: ClosedRange<Duration> = .seconds(600) ... .seconds(86_400)

    /// The times to end that are accepted.
    package static let shutdownLimits: ClosedRange<Duration> = .seconds(1) ... .seconds(600)

    /// A configuration for the long connection, with the defaults. It is checked when a bot is made of it, or by ``validate()``.
    public init(botID: String, secret: Secret) {
        self.init(mode: .longConnection)
        self.botID = botID
        self.secret = secret
    }

    /// A configuration for webhook mode, with the defaults. It is checked when a bot is made of it, or by ``validate()``.
    public init(token: Secret, encodingAESKey: Secret) {
        self.init(mode: .webhook)
        self.token = token
        self.encodingAESKey = encodingAESKey
    }

    private init(mode: Mode) {
        self.mode = mode
        botID = ""
        secret = Secret("")
        token = Secret("")
        encodingAESKey = Secret("")
        callbackHost = "0.0.0.0"
        callbackPort = nil
        callbackCertificateFile = nil
        callbackKeyFile = nil
        firstText = nil
        webSocketURL = Configuration.defaultWebSocketURL
        certificateAuthorityFile = nil
        heartbeatInterval = .seconds(30)
        onDisplaced = .yield
        streamWindow = .seconds(330)
        mergeWindow = .zero
        duplicateWindow = .seconds(600)
        botName = ""
        mediaAllowedOrigins = []
        groupWebhookURL = Secret("")
        onlyUsesGroupWebhook = false
        httpProxy = nil
        statusPort = 0
        statusHost = "127.0.0.1"
        logLevel = .info
        logFormat = .text
        ratePerMinute = 30
        ratePerHour = 1_000
        refreshesCost = false
        apologyText = nil
        busyText = nil
        stateFile = nil
        sharedStateURL = Secret("")
        shutdownDeadline = .seconds(10)
        interruptedText = nil
    }
}
