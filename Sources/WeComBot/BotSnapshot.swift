internal import BotCore
public import FoundationEssentials
public import WeComAIBot

/// What a bot is doing and has done, at one moment; see ``Bot/snapshot()``. Counters begin with the bot and only grow.
///
/// A supervisor that restarts a bot should watch ``state`` with ``stateAge``, and ``lastFrameAge`` while the state is
/// ``State/ready``: the bot asks for a sign of life every heartbeat interval, so that more than two intervals without a frame mean
/// that the process is stuck; and ``stalledAge``, which says that its handlers are. It should not watch messages: a bot that nobody
/// talks to is well.
public struct BotSnapshot: Sendable, Hashable {
    /// Where the connection stands; the cases of `ConnectionState` by name.
    public enum State: String, Sendable, Hashable, CaseIterable {
        /// Not started.
        case idle
        /// On the way to an open socket.
        case connecting
        /// The subscribe is on its way.
        case subscribing
        /// Messages arrive and answers leave.
        case ready
        /// Waits for the next attempt.
        case waiting
        /// Another connection of the same bot has the place.
        case displaced
        /// The server says that the bot's id or secret is wrong.
        case credentialsRejected = "credentials_rejected"
        /// The close handshake is going on.
        case closing
        /// Ended for good.
        case stopped
    }

    /// How many of something ended in each way.
    public struct Outcomes: Sendable, Hashable {
        /// The server took it.
        public let delivered: Int
        /// The server, or a check on this side, said no.
        public let refused: Int
        /// It was written, and no verdict came.
        public let unknown: Int

        init(_ delivered: Int = 0, _ refused: Int = 0, _ unknown: Int = 0) {
            self.delivered = delivered
            self.refused = refused
            self.unknown = unknown
        }
    }

    /// When it was taken, by the wall clock. What happened an age ago happened at `takenAt` less that age.
    public internal(set) var takenAt: Date

    // MARK: The connection

    /// Where the connection stands.
    public internal(set) var state = State.idle
    /// For how long it has been in ``state``. Ages are by a clock that nobody sets and that goes on while the machine sleeps.
    public internal(set) var stateAge = Duration.zero
    /// For how long the connection has been ready; `nil` if it is not.
    public internal(set) var connectedAge: Duration?
    /// How long ago the last frame arrived, of whatever kind; `nil` if none ever did.
    public internal(set) var lastFrameAge: Duration?
    /// How long ago a heartbeat was last answered; `nil` if none ever was.
    public internal(set) var lastPongAge: Duration?
    /// How often a connection was attempted.
    public internal(set) var connectionAttempts = 0
    /// How often the connection became ready.
    public internal(set) var timesReady = 0
    /// How often another connection of the same bot took the place.
    public internal(set) var displacements = 0
    /// How often that happened so often in a row that it was taken for two processes fighting over the place.
    public internal(set) var displacementWars = 0
    /// The connections that ended without being asked to, or did not come about, by why; a reason that never was is not there.
    public internal(set) var connectionsLost: [ConnectionLoss: Int] = [:]

    // MARK: What came in

    /// Messages that arrived, including those counted in the next three.
    public internal(set) var messages = 0
    /// Messages that had been seen before; nothing was done about them.
    public internal(set) var duplicates = 0
    /// Messages for which there was no room.
    public internal(set) var rejected = 0
    /// Messages that came while the bot was ending.
    public internal(set) var refusedAtEnd = 0
    /// Messages that were handled as parts of the next one; see ``Configuration/mergeWindow``.
    public internal(set) var merged = 0
    /// Events that arrived, including those counted in the next two.
    public internal(set) var events = 0
    /// Events that had been seen before; nothing was done about them.
    public internal(set) var duplicateEvents = 0
    /// Events for which there was no room, or that came while the bot was ending.
    public internal(set) var droppedEvents = 0
    /// Requests to the callback address that were turned away, by HTTP status.
    public internal(set) var refusedCallbacks: [Int: Int] = [:]
    /// Callbacks that are for nobody: what is about the connection itself, and what this version does not know.
    public internal(set) var unhandledCallbacks = 0
    /// Frames that could not be decoded, and were skipped.
    public internal(set) var malformedFrames = 0

    // MARK: What is going on

    /// Messages that are being answered now.
    public internal(set) var openTurns = 0
    /// Messages that wait for their turn.
    public internal(set) var waitingMessages = 0
    /// How many bytes those have: the text and the frame as it was received.
    public internal(set) var waitingBytes = 0
    /// Messages being answered whose handler waits for a thread, because others block all there are.
    public internal(set) var threadlessTurns = 0
    /// For how long there have been such messages and no handler has begun; `nil` if there are none.
    public internal(set) var stalledAge: Duration?
    /// Frames that have no verdict yet, or hold back the next one of their answer.
    public internal(set) var unsettledFrames = 0
    /// Of those, how many wait for a connection or for the one before.
    public internal(set) var queuedFrames = 0
    /// Bytes that the socket has and has not passed on yet.
    public internal(set) var handedBytes = 0

    // MARK: What went out

    /// Answers, by how they ended.
    public internal(set) var answers = Outcomes()
    /// Frames, by how they ended: an answer is made of many.
    public internal(set) var frames = Outcomes()
    /// How often the server said no to anything, by its `errcode`. At most 64 different codes are kept apart.
    public internal(set) var errorCodes: [Int: Int] = [:]
    /// How often it did so with a code beyond those 64.
    public internal(set) var otherErrorCodes = 0
    /// Frames that were refused for a reason that passes, such as errcode 6000, and sent again.
    public internal(set) var conflicts = 0
    /// Frames that the server throttled (errcode 45009 or 45033).
    public internal(set) var throttledFrames = 0
    /// Frames that waited for their conversation's rate limit.
    public internal(set) var pacedFrames = 0
    /// Updates that were left out for it.
    public internal(set) var skippedUpdates = 0
    /// Answers that were delivered another way than they were begun; they count as delivered too.
    public internal(set) var redirectedAnswers = 0
    /// Messages and answers that were taken over from before the start.
    public internal(set) var recoveredMessages = 0
    /// Times the state file could not be written.
    public internal(set) var stateFailures = 0
    /// Whether the state that several processes share can be used; `nil` if there is none (``Configuration/sharedStateURL``).
    public internal(set) var sharedStateWorks: Bool?
    /// Times it could not be used.
    public internal(set) var sharedStateFailures = 0
    /// Frames whose acknowledgement never came.
    public internal(set) var missingAcknowledgements = 0
    /// Acknowledgements that came too late, or answered nothing.
    public internal(set) var strayAcknowledgements = 0
    /// Handlers that threw, of messages and of events.
    public internal(set) var handlerFailures = 0

    init(takenAt: Date = .now) {
        self.takenAt = takenAt
    }

    init(
        _ connection: ConnectionSnapshot,
        _ dispatcher: DispatcherStatistics,
        _ events: EventStatistics = EventStatistics(),
        now: ContinuousClock.Instant,
        at date: Date
    ) {
        self.init(takenAt: date)
        state = State(connection.state)
        stateAge = now - connection.stateSince
        connectedAge = connection.readySince.map { now - $0 }
        lastFrameAge = connection.lastFrame.map { now - $0 }
        lastPongAge = connection.lastPong.map { now - $0 }
        connectionAttempts = connection.attempts
        timesReady = connection.statistics.timesReady
        displacements = connection.statistics.displacements
        displacementWars = connection.statistics.displacementWars
        connectionsLost = connection.statistics.losses
        messages = dispatcher.received
        duplicates = dispatcher.duplicates
        rejected = dispatcher.rejected
        merged = dispatcher.merged
        refusedAtEnd = dispatcher.refused
        self.events = events.received
        duplicateEvents = events.duplicates
        droppedEvents = events.dropped
        refusedCallbacks = connection.refusedCallbacks
        unhandledCallbacks = connection.statistics.unhandledCallbacks
        malformedFrames = connection.statistics.malformedFrames
        openTurns = dispatcher.active
        waitingMessages = dispatcher.queued
        waitingBytes = dispatcher.queuedBytes
        threadlessTurns = dispatcher.threadless
        stalledAge = dispatcher.stalledSince.map { now - $0 }
        unsettledFrames = connection.unsettled
        queuedFrames = connection.queued
        handedBytes = connection.handedBytes
        answers = Outcomes(dispatcher.delivered, dispatcher.undelivered, dispatcher.unknown)
        frames = Outcomes(
            connection.statistics.delivered,
            connection.statistics.refused,
            connection.statistics.unknown
        )
        errorCodes = connection.statistics.errorCodes.reduce(into: [:]) { $0[$1.key.rawValue] = $1.value }
        otherErrorCodes = connection.statistics.otherErrorCodes
        conflicts = connection.statistics.conflicts
        throttledFrames = connection.statistics.throttled
        pacedFrames = connection.statistics.paced
        skippedUpdates = connection.statistics.skipped
        redirectedAnswers = dispatcher.redirected
        recoveredMessages = dispatcher.recovered
        stateFailures = dispatcher.storeFailures
        sharedStateWorks = connection.sharedStateWorks
        sharedStateFailures = connection.sharedStateFailures
        missingAcknowledgements = connection.statistics.missingAcknowledgements
        strayAcknowledgements = connection.statistics.strayAcknowledgements
        handlerFailures = dispatcher.handlerFailures + events.failures
    }
}

extension BotSnapshot.State {
    fileprivate init(_ state: ConnectionState) {
        self =
            switch state {
            case .idle: .idle
            case .connecting: .connecting
            case .subscribing: .subscribing
            case .ready: .ready
            case .waiting: .waiting
            case .displaced: .displaced
            case .credentialsRejected: .credentialsRejected
            case .closing: .closing
            case .stopped: .stopped
            }
    }
}
