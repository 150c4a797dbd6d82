package import BotFoundation

/// Drives one answer: text comes in from the handler at any time, updates go out through a channel one at a time.
package final class ReplyStream: Sendable {
    private struct State {
        var machine: StreamMachine
        var ignoredWrites = 0
        /// How many images were attached.
        var images = 0
        /// When the driver will be woken; each time is earlier than the one before it.
        var alarms: [ContinuousClock.Instant] = []

        /// Whether an alarm is needed to be awake at `due`. One that is set for an earlier time is enough: it finds nothing due,
        /// and the next is set then. So a distant time costs one alarm, however often the driver is woken before it.
        mutating func setAlarm(at due: ContinuousClock.Instant) -> Bool {
            if let earliest = alarms.last, earliest <= due { return false }
            alarms.append(due)
            return true
        }
    }

    private let state: Locked<State>
    private let verdict = Promise<Delivery>()
    /// A latch: however often it is set, the pump sees it once.
    private let edges: AsyncStream<Void>
    private let latch: AsyncStream<Void>.Continuation
    private let record: TurnRecord?
    private let log: Log

    /// An answer without text, or one that another process has begun.
    ///
    /// - Parameter record: Is told when the answer has come further, and before a final update can leave.
    package init(
        capabilities: ReplyCapabilities,
        configuration: StreamConfiguration = .init(),
        resuming answer: SavedAnswer = .init(),
        record: TurnRecord? = nil,
        log: Log = .disabled
    ) {
        let machine = StreamMachine(resuming: answer, capabilities: capabilities, configuration: configuration)
        state = Locked(State(machine: machine))
        (edges, latch) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        self.record = record
        self.log = log
    }

    /// Whether the answer has ended, and the server said nothing about a final text of it.
    var isOwed: Bool { state.withLock { $0.machine.isOwed } }

    /// How far the answer has come.
    package var saved: SavedAnswer { state.withLock { $0.machine.saved } }

    /// The outcome, once there is one.
    package var outcome: Delivery? { verdict.current }

    /// How many times text came after the end of the answer and was ignored.
    package var ignoredWrites: Int { state.withLock { $0.ignoredWrites } }
}

// MARK: The handler's side. Any thread; never waits, except where it says so.

extension ReplyStream {
    /// Adds text.
    package func append(_ delta: String) {
        apply(isWrite: true) { $0.append(delta) }
    }

    /// Replaces the whole text.
    package func replace(_ text: String) {
        apply(isWrite: true) { $0.replace(text) }
    }

    /// Adds to what is shown as thinking.
    package func think(_ delta: String) {
        apply(isWrite: true) { $0.think(delta) }
    }

    /// Names the answer for the user's rating. One that the channel does not take is left out, and that is logged.
    package func requestFeedback(id: String) {
        let maximum = state.withLock { state -> Int? in
            guard let maximum = state.machine.capabilities.maximumFeedbackIDBytes else { return nil }
            guard id.isEmpty || id.utf8.count > maximum else {
                state.machine.feedbackID = id
                return nil
            }
            return maximum
        }
        if let maximum {
            log(.warning, "a feedback id of \(id.utf8.count) bytes is left out: it must have 1 to \(maximum)")
        }
    }

    /// Puts an image at the end of the answer.
    package func attach(_ image: AttachedImage, through channel: any ReplyChannel) throws(UploadError) {
        try state.withLock { state throws(UploadError) in
            guard state.machine.isOpen else { throw .answerEnded }
            guard state.images < AttachedImage.maximumCount else {
                throw UploadError(.tooMany, "an answer may have \(AttachedImage.maximumCount) images at most")
            }
            state.images += 1
        }
        do throws(UploadError) {
            try channel.attach(image)
        } catch {
            state.withLock { $0.images -= 1 }
            throw error
        }
    }

    /// A message of its own has this outcome.
    package func sentBeside(_ delivery: Delivery) {
        state.withLock { $0.machine.sentBeside(delivery) }
        if !delivery.isDelivered, let reason = delivery.reason {
            log(.notice, "a message beside an answer was not delivered, or may not have been: \(reason)")
        }
    }

    /// Ends the answer, without waiting.
    package func end() {
        apply { $0.finish() }
    }

    /// Ends the answer with an apology.
    package func fail(apology: String) {
        apply { $0.fail(apology: apology) }
    }

    /// Ends the answer with the text it has, or with `notice` if it has none.
    package func cancel(notice: String = "") {
        apply { $0.cancelled(notice: notice) }
    }

    /// Makes `text` the whole answer and ends it, in one step: nothing is sent in between.
    package func end(with text: String) {
        apply(isWrite: true) { machine in
            let effect = machine.replace(text)
            return effect == .ignored ? effect : machine.finish()
        }
    }

    /// Ends the answer and waits for the verdict. If the waiting task is cancelled first, the outcome is unknown to it.
    package func finish() async -> Delivery {
        end()
        return await verdict.value() ?? .unknown(Delivery.Reason("cancelled before the verdict on the answer came"))
    }

    private func apply(isWrite: Bool = false, _ event: (inout StreamMachine) -> StreamMachine.Effect) {
        let (effect, hasEnded, isFirstIgnored) = state.withLock { state -> (StreamMachine.Effect, Bool, Bool) in
            let wasOpen = state.machine.isOpen
            let effect = event(&state.machine)
            guard isWrite, effect == .ignored else { return (effect, wasOpen && !state.machine.isOpen, false) }
            state.ignoredWrites += 1
            return (effect, false, state.ignoredWrites == 1)
        }
        if hasEnded { record?.advance() }
        if effect == .attention { latch.yield() }
        if isFirstIgnored { log(.notice, "text written after the end of the answer is ignored") }
    }
}

// MARK: The channel's side

extension ReplyStream {
    /// Sends the answer through `channel` until it has ended. Call it once.
    ///
    /// If its task is cancelled, the answer ends with the text it has; that is still sent.
    package func run(through channel: any ReplyChannel, timeline: Timeline) async {
        await withDiscardingTaskGroup { group in
            while true {
                switch state.withLock({ $0.machine.next(now: timeline.now) }) {
                case .send(let update):
                    record?.advance()
                    let delivery = await send(update, through: channel)
                    state.withLock { $0.machine.settled(delivery) }
                case .wait(let due):
                    if state.withLock({ $0.setAlarm(at: due) }) {
                        group.addTask { await self.ring(at: due, timeline: timeline) }
                    }
                    await edge()
                case .idle:
                    await edge()
                case .done(let outcome):
                    verdict.fulfill(await withImages(outcome, through: channel))
                    return group.cancelAll()
                }
                if Task.isCancelled { cancel() }
            }
        }
    }

    /// The outcome of an answer whose text has one.
    private func withImages(_ outcome: Delivery, through channel: any ReplyChannel) async -> Delivery {
        guard state.withLock({ $0.images > 0 }) else { return outcome }
        // What is written down is no longer the text: a restart meanwhile does not send it again.
        record?.advance()
        guard let images = await channel.sendImages() else { return outcome }
        return state.withLock { $0.machine.isEmpty } ? images : outcome.worse(images)
    }

    private func send(_ update: BubbleUpdate, through channel: any ReplyChannel) async -> Delivery {
        guard let record, update.isFinal else { return await channel.send(update) }
        return await channel.send(update) { route in
            // Once it is sent, a restart must know that it may have been seen, and by which way.
            self.state.withLock { $0.machine.departs(by: route) }
            await record.settle()
        }
    }

    /// Returns after the latch was set, or at once in a cancelled task.
    private func edge() async {
        var iterator = edges.makeAsyncIterator()
        await iterator.next()
    }

    private func ring(at due: ContinuousClock.Instant, timeline: Timeline) async {
        do { try await timeline.sleep(until: due) } catch { return }  // the answer has ended, or is about to
        state.withLock { $0.alarms.removeAll { $0 <= due } }
        latch.yield()
    }
}
