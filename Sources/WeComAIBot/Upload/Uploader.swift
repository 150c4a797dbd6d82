package import BotCore
internal import BotFoundation

/// Carries out what an ``UploadMachine`` decides, in the task of whoever uploads.
struct Uploader: Sendable {
    /// How long a chunk's acknowledgement is waited for: more than 280 KB take at 75 kbit/s. Sent again too soon, it would stand in its
    /// own way.
    static let patience = Duration.seconds(30)

    /// Reads files: their disk may take its time.
    private static let readers = ThreadPool(name: "upload", maximumThreads: 4)

    let connection: LongConnection
    let kind: UploadedMedia.Kind
    let name: String

    /// What a task of an upload ends with.
    private enum Event: Sendable {
        case answered(UploadMachine.Frame, UploadMachine.Answer, connection: UInt64, at: ContinuousClock.Instant)
        case failed(UploadError)
    }

    /// Uploads.
    func upload(
        _ source: UploadSource,
        progress: (@Sendable (UploadProgress) -> Void)?
    ) async throws(UploadError) -> UploadedMedia {
        try UploadRules.checkName(name)
        let content = try await Self.reading { () throws(UploadError) in try UploadContent(source) }
        try UploadRules.checkSize(content.count, of: kind)
        let md5 = try await Self.reading { [kind] () throws(UploadError) in
            let head = try content.read(0..<min(content.count, UploadRules.headBytes))
            try UploadRules.checkFormat(head, of: kind)
            if kind == .voice { try UploadRules.checkDuration(of: content.read(0..<content.count)) }
            return try content.checksum()
        }
        return try await carryOut(content, md5: md5, progress: progress)
    }

    private func carryOut(
        _ content: UploadContent,
        md5: String?,
        progress: (@Sendable (UploadProgress) -> Void)?
    ) async throws(UploadError) -> UploadedMedia {
        let now = await connection.now
        let result = await withTaskGroup(of: Event.self) { group -> Result<UploadedMedia, UploadError> in
            defer { group.cancelAll() }
            let plan = UploadPlan(totalBytes: content.count)
            var machine = UploadMachine(plan, kind: kind)
            var actions = machine.start(now: now)
            while true {
                for action in actions {
                    switch action {
                    case .send(let frame, let notBefore):
                        let validUntil = machine.validUntil
                        group.addTask {
                            if let notBefore { await connection.pause(until: notBefore) }
                            return await send(frame, content, plan, md5: md5, validUntil: validUntil)
                        }
                    case .progress(let state): progress?(state)
                    case .end(let result): return result
                    }
                }
                // There is always one under way, until it ends.
                guard let event = await group.next() else { return .failure(Self.cancelled) }
                if Task.isCancelled {
                    actions = machine.fail(Self.cancelled)
                } else {
                    switch event {
                    case .answered(let frame, let answer, let epoch, let now):
                        actions = machine.answered(frame, answer, connection: epoch, now: now)
                    case .failed(let error): actions = machine.fail(error)
                    }
                }
            }
        }
        return try result.get()
    }

    /// Sends one frame, a chunk when it is its turn, and tells how that ended.
    private func send(
        _ frame: UploadMachine.Frame,
        _ content: UploadContent,
        _ plan: UploadPlan,
        md5: String?,
        validUntil: ContinuousClock.Instant?
    ) async -> Event {
        guard case .chunk(let index, _) = frame.step else {
            if frame.step == .begin, await !connection.waitForUpload() { return .failed(Self.cancelled) }
            return await transmit(frame, content, plan, md5, validUntil)
        }
        guard await connection.uploads.enter() else { return .failed(Self.cancelled) }
        let began = await connection.now
        let event = await transmit(frame, content, plan, md5, validUntil)
        var time: Duration?
        // That a short last chunk is fast says nothing about the others.
        let isWhole = plan.range(of: index).count == plan.chunkBytes
        if isWhole, case .answered(_, .accepted, _, let at) = event { time = at - began }
        connection.uploads.leave(after: time)
        return event
    }

    private func transmit(
        _ frame: UploadMachine.Frame,
        _ content: UploadContent,
        _ plan: UploadPlan,
        _ md5: String?,
        _ validUntil: ContinuousClock.Instant?
    ) async -> Event {
        let isChunk = if case .chunk = frame.step { true } else { false }
        let request: Request
        do throws(UploadError) {
            let message = try await self.message(for: frame.step, content, plan, md5)
            request = Request(
                requestID: message.requestID,
                bytes: try Self.encode(message),
                kind: .once,
                priority: isChunk ? .low : .normal,
                validUntil: validUntil,
                patience: isChunk ? Self.patience : nil
            )
        } catch {
            return .failed(error)
        }
        let result = await connection.result(of: request)
        return .answered(frame, Self.answer(result, to: frame.step), connection: result.connection, at: result.at)
    }

    private func message(
        for step: UploadMachine.Step,
        _ content: UploadContent,
        _ plan: UploadPlan,
        _ md5: String?
    ) async throws(UploadError) -> ClientFrame {
        switch step {
        case .begin:
            let upload = UploadInit(
                kind: kind,
                fileName: name,
                totalBytes: plan.totalBytes,
                chunkCount: plan.chunkCount,
                md5: md5
            )
            return .uploadInit(Self.freshID(.uploadInit), upload)
        case .chunk(let index, let uploadID):
            let range = plan.range(of: index)
            let bytes = try await Self.reading { () throws(UploadError) in try content.read(range) }
            return .uploadChunk(
                Self.freshID(.uploadChunk),
                UploadChunk(uploadID: uploadID, index: index, bytes: bytes)
            )
        case .finish(let uploadID):
            return .uploadFinish(Self.freshID(.uploadFinish), uploadID: uploadID)
        }
    }

    /// What the end of a send means.
    private static func answer(_ result: SendResult, to step: UploadMachine.Step) -> UploadMachine.Answer {
        switch result.delivery {
        case .delivered, .redirected:
            guard let frame = result.acknowledgement else { return .accepted(id: nil) }
            do throws(WireError) {
                let answer = try UploadAnswer(frame)
                if case .begin = step { return .accepted(id: answer.uploadID) }
                return .accepted(id: answer.mediaID)
            } catch {
                return .accepted(id: nil)
            }
        case .unknown: return .unknown
        case .refused(let reason):
            guard let code = reason.code else { return .notSent(message: reason.message) }
            return .refused(ErrorCode(rawValue: code), message: reason.message)
        }
    }

    private static func encode(_ frame: ClientFrame) throws(UploadError) -> [UInt8] {
        do throws(WireError) {
            return try FrameCodec().encode(frame)
        } catch {
            throw UploadError(.refused, "a part of the upload could not be encoded: \(error.message)")
        }
    }

    private static func freshID(_ command: Command) -> RequestID {
        RequestID.fresh(for: command, stamp: UInt64.random(in: 0...999_999))
    }

    private static let cancelled = UploadError(.cancelled, "the upload was cancelled")

    /// Does what blocks on a thread that may.
    static func reading<Value: Sendable>(
        _ body: @escaping @Sendable () throws(UploadError) -> Value
    ) async throws(UploadError) -> Value {
        let result = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<Value, UploadError>, Never>) in
            readers.execute { continuation.resume(returning: Result { () throws(UploadError) in try body() }) }
        }
        return try result.get()
    }
}

extension LongConnection {
    /// Returns at that time, when the connection ends, or when the task is cancelled.
    func pause(until deadline: ContinuousClock.Instant) async {
        let promise = Promise<Void>()
        let timer = environment.schedule(at: deadline) { promise.fulfill(()) }
        await withTaskGroup(of: Void.self) { [over = uploads.over] group in
            for promise in [promise, over] { group.addTask { _ = await promise.value() } }
            await group.next()
            group.cancelAll()
        }
        environment.cancel(timer)
    }

    /// Waits until an upload may begin, and counts it.
    ///
    /// - Returns: false if the task was cancelled first.
    func waitForUpload() async -> Bool {
        // It is counted when it can leave: what gathers without a connection must not leave all at once.
        while await takesFrames(), let due = uploads.begin(now: environment.now), uploads.over.current == nil {
            await pause(until: due)
            if Task.isCancelled { return false }
        }
        return !Task.isCancelled
    }

    /// The time on its clock.
    var now: ContinuousClock.Instant { environment.now }

    /// Gives the platform a file, whether the connection is ready or will be.
    ///
    /// - Throws: `UploadError`.
    package nonisolated func upload(
        _ source: UploadSource,
        as kind: UploadedMedia.Kind,
        name: String,
        progress: (@Sendable (UploadProgress) -> Void)?
    ) async throws(UploadError) -> UploadedMedia {
        try await Uploader(connection: self, kind: kind, name: name).upload(source, progress: progress)
    }
}
