package import BotCore
internal import BotFoundation

/// What is pushed survives the process: it is written down while it waits, marked before it can leave, and forgotten when its
/// verdict is known. What another process left is sent if nobody can have seen it, and only said if somebody can.
extension LongConnection {
    /// Takes what another process left; it is sent as soon as there is a connection.
    package nonisolated func resend(_ pushes: [SavedPush]) {
        leftPush.yield(pushes)
    }

    /// The bot is ending. What is no longer waited for from now on is for the next process.
    package nonisolated func beginEnding() {
        isLeaving.withLock { $0 = true }
    }

    /// Sends a message with its record, if there is a place to write it down. One that is too long is sent in parts, one after another:
    /// its outcome is the worst of theirs.
    nonisolated func recorded(
        _ message: OutboundMessage,
        to conversation: Conversation,
        isBesideAnswer: Bool = false,
        _ send: (OutboundMessage, PushRecord?) async -> Delivery
    ) async -> Delivery {
        let parts = message.parts.map { part in
            (part, ledger?.record(of: part, to: conversation, isBesideAnswer: isBesideAnswer))
        }
        // Before the first can leave, all of them stand in the store.
        if parts.count > 1 { for (_, record) in parts { record?.waits() } }
        var outcome = Delivery.delivered
        for (index, (part, record)) in parts.enumerated() {
            var delivery = await send(part, record)
            let isRefused = if case .refused = delivery { true } else { false }
            // What left and was refused is refused again; what was throttled waits again.
            if isRefused, record?.isWaiting == true, Task.isCancelled, isLeaving.withLock({ $0 }) { record?.leave() }
            // The rest stands in the store as well.
            if let record, record.isLeft {
                let reason =
                    record.isLeftForCertain
                    ? "the bot ended, or its state file was full, before it could be sent; the next start sends it"
                    : "the state file does not answer; if it has taken the message, the next start sends it"
                return outcome.worse(.unknown(.init(reason)))
            }
            record?.close()
            // Until the store takes that it has its verdict, another process would send it.
            if case .refused(let reason) = delivery, record?.isStranded == true {
                delivery = .unknown(
                    .init(
                        code: reason.code,
                        "\(reason.message); the state file still has it, and a start before its disk works sends it"
                    )
                )
            }
            if parts.count > 1 { delivery = delivery.said(of: "part \(index + 1) of \(parts.count)") }
            outcome = outcome.worse(delivery)
            guard isRefused else { continue }
            // Without it, the rest makes no sense.
            for (_, record) in parts[(index + 1)...] { record?.close() }
            break
        }
        return outcome
    }

    /// Sends what another process left. Until its task is cancelled; once.
    nonisolated func sendLeftPushes() async {
        guard let ledger else { return }
        await withDiscardingTaskGroup { group in
            for await pushes in leftPushes {
                let left = LeftPushes(pushes, now: ledger.now)
                say(left)
                for push in (left.doubtful + left.tooOld).joined() {
                    PushRecord(push, in: ledger, isRecovered: true).close()
                }
                for pushes in left.waiting { group.addTask { await self.send(pushes, in: ledger) } }
            }
        }
    }

    private nonisolated func say(_ left: LeftPushes) {
        let count = left.waiting.reduce(0) { $0 + $1.count }
        if count > 0 { log(.info, "sending the messages that were left before the start", [.count: "\(count)"]) }
        for pushes in left.doubtful { say("may have arrived, and are not sent again", of: pushes) }
        let hours = LeftPushes.maximumAge.components.seconds / 3_600
        for pushes in left.tooOld { say("are older than \(hours) h, and are not sent", of: pushes) }
    }

    private nonisolated func say(_ what: String, of pushes: [SavedPush]) {
        let conversation = pushes.first?.conversation.id ?? ""
        log(
            .warning,
            "messages from before the start \(what)",
            [.conversation: conversation, .count: "\(pushes.count)"]
        )
    }

    /// One conversation's, one after another, so that they come in order.
    private nonisolated func send(_ pushes: [SavedPush], in ledger: Ledger) async {
        for push in pushes {
            let record = PushRecord(push, in: ledger, isRecovered: true)
            let delivery = await self.push(push.message, to: push.conversation, record)
            // What this process does not get to is for the next one.
            if record.isLeft || (Task.isCancelled && !delivery.isDelivered) { return }
            record.close()
            let facts: KeyValuePairs<LogKey, String> = [.conversation: push.conversation.id]
            switch delivery {
            case .delivered, .redirected: log(.debug, "a message from before the start was delivered", facts)
            case .refused(let reason):
                log(.notice, "a message from before the start was not delivered: \(reason)", facts)
            case .unknown(let reason):
                log(.notice, "a message from before the start may not have been delivered: \(reason)", facts)
            }
        }
    }
}

// MARK: Leaving

extension LongConnection {
    /// A send that has a record stands otherwise.
    func note(_ standing: Standing, of id: SendID) {
        guard let record = records[id] else { return }
        switch standing {
        case .departing:
            record.departs()
            departing.append(Departure(id: id, epoch: machine.epoch, asked: environment.now))
            departure.yield()
        case .waiting:
            record.waits()
        case .left:
            record.leave()
        }
    }

    /// Lets what is about to leave go, when that is written down. Until its task is cancelled; once.
    func letDepart() async {
        for await _ in departures {
            let asked = departing
            departing = []
            await ledger?.barrier()
            // In a cancelled task the barrier waits for nothing.
            guard !Task.isCancelled else { return }
            // Asked once each: the store may take it meanwhile.
            let (free, others) = asked.partitioned { records[$0.id]?.mayLeave == true }
            depart(free)
            // On another connection they are asked for anew.
            let stuck = others.filter { $0.epoch == machine.epoch && records[$0.id]?.isWaiting == false }
            // An answer stands behind what is sent beside it: that is left to the next process, and the answer goes on.
            let now = environment.now
            let (left, kept) = stuck.partitioned { departure in
                now >= departure.asked + Departure.patience && records[departure.id]?.isBesideAnswer == true
            }
            for departure in left {
                records[departure.id]?.leave()
                cancel(departure.id)
            }
            departing = kept + departing
            guard !departing.isEmpty, !machine.isEnding else { continue }
            guard departureRetry == nil else { continue }
            departureRetry = environment.schedule(at: now + Departure.patience) { [weak self] in
                self?.assumeIsolated { connection in
                    connection.departureRetry = nil
                    connection.departure.yield()
                }
            }
        }
    }
}

extension Array {
    /// Those that are, and those that are not, each in order.
    fileprivate func partitioned(by belongs: (Element) -> Bool) -> (those: [Element], others: [Element]) {
        reduce(into: ([], [])) { if belongs($1) { $0.0.append($1) } else { $0.1.append($1) } }
    }
}
