internal import BotCore
internal import BotFoundation
internal import LWSTransport

/// Says and counts what happens on a long connection. The same trouble again is said once, and each time that it comes back after
/// the connection was ready ever more rarely, so that a night without network, or with one that comes and goes, is not a thousand
/// lines. What is not worth a line is one at `debug`.
struct ConnectionJournal {
    private let log: Log
    private var botID: String
    private var endpoint: String
    private var trace: FrameTrace
    private(set) var statistics = ConnectionStatistics()
    /// The troubles that were said since the connection was last ready.
    private var said: Set<String> = []
    private var failures = 0
    /// How often each trouble came back after the connection had been ready.
    private var troubles: [String: Repetition] = [:]
    /// Whether the last trouble was worth a line: then the end of it is, too.
    private var isSaid = true
    private var (missing, tooOld, full) = (Repetition(), Repetition(), Repetition())
    private(set) var stateSince: ContinuousClock.Instant
    private(set) var lastFrame: ContinuousClock.Instant?

    /// How many different troubles are remembered; in practice there are two or three.
    private static let maximumSaid = 64

    init(log: Log, _ configuration: LongConnectionConfiguration, now: ContinuousClock.Instant) {
        self.log = log
        botID = configuration.botID
        endpoint = configuration.endpoint.description
        trace = FrameTrace(secret: configuration.secret)
        stateSince = now
    }

    /// Speaks of another bot or place from now on.
    mutating func change(_ configuration: LongConnectionConfiguration) {
        botID = configuration.botID
        endpoint = configuration.endpoint.description
        trace = FrameTrace(secret: configuration.secret)
        // The connection that follows is worth a line, and so is what it meets.
        isSaid = true
        said = []
        troubles = [:]
    }

    /// A frame passes.
    func trace(_ direction: String, _ bytes: [UInt8]) { trace.write(direction, bytes, to: log) }

    /// A frame arrived, of whatever kind.
    mutating func sawFrame(now: ContinuousClock.Instant) { lastFrame = now }

    mutating func acknowledged(_ code: ErrorCode) { statistics.acknowledged(code) }

    mutating func settled(_ delivery: Delivery) { statistics.settled(delivery) }

    mutating func received(_ message: MessageCallback) {
        statistics.messages += 1
        log(
            .debug,
            "message received",
            [.messageID: message.fields.messageID ?? "", .conversation: message.conversation.id]
        )
    }

    mutating func received(_ event: Event) {
        statistics.events += 1
        let facts: KeyValuePairs<LogKey, String> = [
            .messageID: event.id, .conversation: event.conversation?.id ?? "", .reason: event.kind.rawValue,
        ]
        log(.debug, "event received", facts)
    }

    mutating func unhandled(_ callback: Callback) {
        statistics.unhandledCallbacks += 1
        log(.debug, "a callback without a handler", [.reason: "\(callback.command)"])
    }

    mutating func malformed(_ error: WireError, bytes: Int) {
        statistics.malformedFrames += 1
        let count = statistics.malformedFrames
        // The first, the second, the fourth, the eighth …
        log(
            count & (count - 1) == 0 ? .warning : .debug,
            "skipped a frame that makes no sense: \(error.message)",
            [.bytes: "\(bytes)", .count: "\(count)"]
        )
    }

    func writeFailed(_ error: any Error) {
        log(.warning, "a frame could not be sent; the connection is replaced", [.reason: "\(error)"])
    }

    mutating func entered(_ state: ConnectionState, epoch: UInt64, now: ContinuousClock.Instant) {
        stateSince = now
        switch state {
        case .ready:
            statistics.timesReady += 1
            let after = failures > 1 ? " after \(failures) failures" : ""
            log(isSaid ? .info : .debug, "ready\(after)", [.bot: botID, .endpoint: endpoint, .epoch: "\(epoch)"])
            said = []
            failures = 0
            isSaid = false
        case .waiting(let retryAt, let reason):
            trouble(.warning, "not connected: \(reason)", retryAt, now)
        case .displaced(_, let retryAt?):
            trouble(
                .warning,
                "displaced: another connection uses this bot; stop the other process, or give it a bot of its own",
                retryAt,
                now
            )
        case .displaced(_, nil):
            log(.error, "displaced: another connection uses this bot; this one ends, as it was told to", [.bot: botID])
        case .credentialsRejected(_, let retryAt, let code):
            trouble(
                .error,
                "the server rejects the bot id or secret (errcode \(code.rawValue)): correct WECOM_BOT_ID and WECOM_BOT_SECRET; "
                    + "the secret must be the one of the long-connection mode",
                retryAt,
                now
            )
        case .stopped: log(.info, "stopped", [.bot: botID])
        case .idle, .connecting, .subscribing, .closing:
            log(.debug, "\(state)", [.bot: botID, .endpoint: endpoint, .epoch: "\(epoch)"])
        }
    }

    private mutating func trouble(
        _ level: Log.Level,
        _ message: String,
        _ retryAt: ContinuousClock.Instant,
        _ now: ContinuousClock.Instant
    ) {
        let tenths = (now.duration(to: retryAt) / .milliseconds(100)).rounded(.up)
        failures += 1
        let isNews = said.count < Self.maximumSaid && said.insert(message).inserted
        // Texts beyond the bound share one count.
        let key = troubles[message] != nil || troubles.count < Self.maximumSaid ? message : ""
        let count = isNews ? troubles[key, default: Repetition()].next(now: now) : nil
        if count != nil { isSaid = true }
        log(
            count == nil ? .debug : level,
            message,
            [
                .bot: botID, .endpoint: endpoint, .retryIn: "\(tenths / 10)s",
                .count: "\(count ?? failures)",
            ]
        )
    }

    mutating func report(_ incident: Incident, now: ContinuousClock.Instant) {
        if let loss = incident.loss { statistics.losses[loss, default: 0] += 1 }
        switch incident {
        case .connectionLost, .connectTimedOut, .subscribeTimedOut, .heartbeatLost, .heartbeatUnanswered,
            .heartbeatsRefused, .tooManyUnanswered, .subscriptionLost, .credentialsRejected:
            break
        case .subscribeRefused(let code, let message):
            log(.debug, "the subscribe was refused", [.errorCode: "\(code.rawValue)", .reason: message])
        case .displaced: statistics.displacements += 1
        case .displacementWar(let times):
            statistics.displacementWars += 1
            log(
                .error,
                "two processes fight over this bot and users get answers from both or neither: it was displaced \(times) times "
                    + "in a row; stop one of them, or give it a bot of its own",
                [.bot: botID, .count: "\(times)"]
            )
        case .heartbeatRefused(let code): log(.debug, "a heartbeat was refused", [.errorCode: "\(code.rawValue)"])
        case .lateAcknowledgement(let id, let code), .unknownAcknowledgement(let id, let code):
            statistics.strayAcknowledgements += 1
            log(.debug, "a late or unknown acknowledgement", [.requestID: "\(id)", .errorCode: "\(code.rawValue)"])
        case .acknowledgementMissing(let id):
            statistics.missingAcknowledgements += 1
            say(.info, "an acknowledgement never came", id, missing.next(now: now))
        case .conflict(let id, let code):
            statistics.conflicts += 1
            log(.debug, "a frame is sent again", [.requestID: "\(id)", .errorCode: "\(code.rawValue)"])
        case .throttled(let id, let code):
            statistics.throttled += 1
            log(.info, "the server throttles a conversation", [.requestID: "\(id)", .errorCode: "\(code.rawValue)"])
        case .paced(let id):
            statistics.paced += 1
            log(.info, "an answer waits for the conversation's rate limit", [.requestID: "\(id)"])
        case .skipped(let id):
            statistics.skipped += 1
            log(.debug, "an update is left out for the conversation's rate limit", [.requestID: "\(id)"])
        case .budgetsShared: log(.warning, "so many conversations are active that further ones share one rate budget")
        case .requestTooOld(let id):
            say(.warning, "an answer became too old to be sent", id, tooOld.next(now: now))
        case .queueFull(let id):
            say(.warning, "too many answers wait; one is refused", id, full.next(now: now))
        case .duplicateSend: log(.error, "an internal id was used twice; please report this")
        }
    }

    private func say(_ level: Log.Level, _ message: String, _ id: RequestID, _ count: Int?) {
        guard let count else { return log(.debug, message, [.requestID: "\(id)"]) }
        log(level, message, [.requestID: "\(id)", .count: "\(count)"])
    }
}

extension Incident {
    /// The kind of loss that it is, if it is one.
    fileprivate var loss: ConnectionLoss? {
        switch self {
        case .connectionLost: .ended
        case .connectTimedOut: .connectTimedOut
        case .subscribeTimedOut: .subscribeTimedOut
        case .subscribeRefused: .subscribeRefused
        case .credentialsRejected: .credentialsRejected
        case .heartbeatLost: .heartbeatLost
        case .heartbeatUnanswered: .heartbeatUnanswered
        case .heartbeatsRefused: .heartbeatRefused
        case .subscriptionLost: .subscriptionLost
        case .tooManyUnanswered: .tooManyUnanswered
        case .displaced, .displacementWar, .heartbeatRefused, .lateAcknowledgement, .unknownAcknowledgement,
            .acknowledgementMissing, .conflict, .throttled, .paced, .skipped, .budgetsShared, .requestTooOld,
            .queueFull,
            .duplicateSend:
            nil
        }
    }
}
