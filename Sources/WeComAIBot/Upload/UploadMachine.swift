import BotCore

/// Decides which frames of one upload go when: the init, the chunks, the finish.
///
/// A pure value: no clock, no I/O, nothing asynchronous. The server keeps what it has of an upload for 30 minutes, across
/// connections, and takes a chunk twice without harm (official doc 101463): so a frame whose fate is not known is sent again, and
/// nothing that was acknowledged is. Where the server no longer knows the upload, it starts anew.
struct UploadMachine: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// What a frame does.
    enum Step: Sendable, Hashable {
        case begin
        case chunk(Int, uploadID: String)
        case finish(uploadID: String)
    }

    /// One frame to be sent. Frames of an earlier session are no longer of interest.
    struct Frame: Sendable, Hashable {
        let session: Int
        let step: Step
    }

    /// How sending a frame ended.
    enum Answer: Sendable, Hashable {
        /// The server took it; `id` is the `upload_id` or the `media_id`, where it gave one.
        case accepted(id: String?)
        /// The server said no.
        case refused(ErrorCode, message: String)
        /// It was not sent, and will not be.
        case notSent(message: String)
        /// It was sent, and nobody knows what became of it.
        case unknown
    }

    enum Action: Sendable, Hashable {
        /// Send a frame, not before that time, and report how it ended with ``UploadMachine/answered(_:_:connection:now:)``.
        case send(Frame, notBefore: Instant?)
        /// Say how far it is.
        case progress(UploadProgress)
        /// It is over; nothing more is to be done.
        case end(Result<UploadedMedia, UploadError>)
    }

    enum Phase: Sendable, Hashable {
        case idle
        case beginning
        case sending(uploadID: String)
        case finishing(uploadID: String)
        case over
    }

    /// How many chunks may be under way.
    static let window = 2
    /// The waits before a frame goes again that the server had no time for. (The official Node SDK waits 0.5 and 1 s.)
    static let refusalDelays: [Duration] = [.milliseconds(500), .seconds(1), .seconds(2), .seconds(4)]
    /// How often a frame of unknown fate is sent again.
    static let maximumUnknown = 8
    /// How often it starts anew.
    static let maximumRestarts = 2

    let plan: UploadPlan
    let kind: UploadedMedia.Kind
    private(set) var phase = Phase.idle
    /// Counts the times it was begun.
    private(set) var session = 0
    /// Chunks that the server has.
    private(set) var acknowledged: Set<Int> = []
    /// Chunks that are under way, or wait to be sent again.
    private(set) var underway: Set<Int> = []
    private var nextChunk = 0
    private var refusals: [Step: Int] = [:]
    private var unknowns: [Step: Int] = [:]
    /// When, and on which connection, the server gave the upload its id.
    private var given: (at: Instant, connection: UInt64)?

    /// An upload that has not been begun.
    init(_ plan: UploadPlan, kind: UploadedMedia.Kind) {
        self.plan = plan
        self.kind = kind
    }

    /// Until when frames of this session may be sent.
    var validUntil: Instant? { given.map { $0.at + UploadRules.sessionLife } }

    /// Begins. Only the first call does anything.
    mutating func start(now: Instant) -> [Action] {
        guard phase == .idle else { return [] }
        var actions: [Action] = []
        begin(into: &actions)
        return actions
    }

    /// Ends it, unless it is over.
    mutating func fail(_ error: UploadError) -> [Action] {
        guard phase != .over else { return [] }
        phase = .over
        return [.end(.failure(error))]
    }

    /// How sending a frame ended.
    ///
    /// - Parameter connection: the number of the connection at that time; another than before means that it was lost in between.
    mutating func answered(_ frame: Frame, _ answer: Answer, connection: UInt64, now: Instant) -> [Action] {
        guard frame.session == session, isAwaited(frame.step) else { return [] }
        switch answer {
        case .accepted(let id): return accepted(frame.step, id, connection: connection, now: now)
        case .unknown: return repeatUnknown(frame)
        case .notSent(let message):
            if isExpired(now: now) { return restart(because: UploadError(.unanswered, Self.tooSlow)) }
            return fail(UploadError(.notRunning, "the upload was not sent: \(message)"))
        case .refused(let code, let message):
            return refused(frame, code, message: message, connection: connection, now: now)
        }
    }

    private static let tooSlow =
        "the upload did not end within the 30 minutes that the server keeps it; is the connection fast and stable enough?"
}

// MARK: - Verdicts

extension UploadMachine {
    private func isAwaited(_ step: Step) -> Bool {
        switch (phase, step) {
        case (.beginning, .begin), (.finishing, .finish): true
        case (.sending, .chunk(let chunk, _)): underway.contains(chunk)
        default: false
        }
    }

    private func isExpired(now: Instant) -> Bool { validUntil.map { now >= $0 } ?? false }

    private mutating func accepted(_ step: Step, _ id: String?, connection: UInt64, now: Instant) -> [Action] {
        switch step {
        case .begin:
            guard let id, !id.isEmpty else {
                return fail(UploadError(.refused, "the server began an upload without giving it an upload_id"))
            }
            given = (now, connection)
            phase = .sending(uploadID: id)
            return fill(uploadID: id)
        case .chunk(let chunk, let uploadID):
            underway.remove(chunk)
            acknowledged.insert(chunk)
            let bytes = acknowledged.reduce(0) { $0 + plan.range(of: $1).count }
            let progress = UploadProgress(acknowledgedBytes: bytes, totalBytes: plan.totalBytes)
            return [.progress(progress)] + fill(uploadID: uploadID)
        case .finish:
            guard let id, !id.isEmpty else {
                return fail(UploadError(.refused, "the server ended an upload without giving it a media_id"))
            }
            phase = .over
            return [.end(.success(UploadedMedia(id: id, kind: kind)))]
        }
    }

    /// The next chunks, as many as may be under way; or the finish, once the server has all of them.
    private mutating func fill(uploadID: String) -> [Action] {
        if acknowledged.count == plan.chunkCount {
            phase = .finishing(uploadID: uploadID)
            return [.send(Frame(session: session, step: .finish(uploadID: uploadID)), notBefore: nil)]
        }
        var actions: [Action] = []
        while underway.count < Self.window, nextChunk < plan.chunkCount {
            underway.insert(nextChunk)
            let frame = Frame(session: session, step: .chunk(nextChunk, uploadID: uploadID))
            actions.append(.send(frame, notBefore: nil))
            nextChunk += 1
        }
        return actions
    }

    private mutating func repeatUnknown(_ frame: Frame) -> [Action] {
        unknowns[frame.step, default: 0] += 1
        guard unknowns[frame.step, default: 0] <= Self.maximumUnknown else {
            return fail(
                UploadError(.unanswered, "the server does not answer a part of the upload, and it was sent often")
            )
        }
        return [.send(frame, notBefore: nil)]
    }

    private mutating func refused(
        _ frame: Frame,
        _ code: ErrorCode,
        message: String,
        connection: UInt64,
        now: Instant
    ) -> [Action] {
        let refusals = refusals[frame.step, default: 0]
        if Self.passing.contains(code), refusals < Self.refusalDelays.count {
            self.refusals[frame.step] = refusals + 1
            return [.send(frame, notBefore: now + Self.refusalDelays[refusals])]
        }
        let error = UploadError(.refused, serverCode: code.rawValue, "the server refused the upload: \(message)")
        // There is no code that says so: the server may have forgotten the upload, or have ended it the first time it was told to.
        let isSuspect = given.map { $0.connection != connection } ?? false
        let mayBeGone = isSuspect || isExpired(now: now) || unknowns[frame.step, default: 0] > 0
        return frame.step != .begin && mayBeGone ? restart(because: error) : fail(error)
    }

    private mutating func restart(because error: UploadError) -> [Action] {
        guard session <= Self.maximumRestarts else { return fail(error) }
        var actions: [Action] = []
        if !acknowledged.isEmpty {
            actions.append(.progress(UploadProgress(acknowledgedBytes: 0, totalBytes: plan.totalBytes)))
        }
        begin(into: &actions)
        return actions
    }

    private mutating func begin(into actions: inout [Action]) {
        session += 1
        phase = .beginning
        given = nil
        acknowledged = []
        underway = []
        nextChunk = 0
        refusals = [:]
        unknowns = [:]
        actions.append(.send(Frame(session: session, step: .begin), notBefore: nil))
    }

    /// Codes that say nothing against the frame. (Rate limits have been waited for already, where all frames are.)
    private static let passing: Set<ErrorCode> = [
        .systemBusy, .versionConflict, .notSubscribed, .transient846601, .transient846602, .transient846606,
    ]
}
