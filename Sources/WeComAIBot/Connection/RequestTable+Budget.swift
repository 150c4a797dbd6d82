import BotCore

/// The lanes that wait until their conversation may be written to.
struct PacedLanes: Sendable {
    /// In the order in which they came.
    var lanes: [RequestID] = []
    /// When it is looked at again.
    var wakeAt: ContinuousClock.Instant
}

// MARK: What a conversation may be sent

extension RequestTable {
    /// Whether the first of a lane may go now. It is counted when it is handed over and not before, so that the bound holds for
    /// what leaves, however long it waited for a connection.
    mutating func verdict(_ entry: Entry, now: Instant) -> ConversationBudgets.Verdict {
        guard let charge = entry.request.charge, !entry.isPaid else { return .go }
        let kind = entry.request.kind
        let isRepeat = entry.throttles > 0
        let verdict = budgets.verdict(charge, kind, isRepeat: isRepeat, now: now)
        guard verdict == .go, !isRepeat, let paced = pacing[charge.conversation], budgets.costs(charge) else {
            return verdict
        }
        // Others came first.
        return kind == .intermediateUpdate ? .refuse : .wait(until: paced.wakeAt)
    }

    /// Counts what is handed over. What was counted before counts again, without having to wait: the earlier copy may not have
    /// arrived, and then this is the one that the server counts.
    mutating func pay(_ id: SendID, _ entry: Entry, now: Instant, into actions: inout [Action]) {
        guard let charge = entry.request.charge, entry.isPaid || budgets.costs(charge) else { return }
        entries[id]?.paidAt = now
        let wereShared = budgets.areShared
        budgets.spend(charge, now: now)
        if budgets.areShared, !wereShared { actions.append(.report(.budgetsShared)) }
    }

    /// It cannot have had any effect: it opened nothing, does not count, and asks again before it goes.
    mutating func refund(_ id: SendID, _ entry: Entry) {
        guard let paidAt = entry.paidAt, let charge = entry.request.charge else { return }
        budgets.takeBack(charge, spentAt: paidAt)
        budgets.forgetStream(of: charge)
        entries[id]?.paidAt = nil
    }

    /// The server said that it takes no more. Returns whether the frame is sent again.
    mutating func throttled(
        _ id: SendID,
        _ entry: Entry,
        _ code: ErrorCode,
        now: Instant,
        into actions: inout [Action]
    ) -> Bool {
        if let charge = entry.request.charge {
            budgets.throttle(charge.conversation, now: now)
            if entry.isPaid { budgets.forgetStream(of: charge) }
        }
        guard entry.request.kind != .intermediateUpdate, entry.throttles < configuration.throttleDelays.count else {
            return false
        }
        entries[id]?.paidAt = nil
        entries[id]?.throttles += 1
        let delay = configuration.throttleDelays[entry.throttles]
        postpone(id, entry, after: delay, code, now: now, into: &actions)
        return true
    }

    /// A stream that has ended, or was not opened, is no longer known.
    mutating func closeStream(of entry: Entry, after outcome: Delivery) {
        guard let charge = entry.request.charge else { return }
        let isRefused = if case .refused = outcome { true } else { false }
        if entry.request.kind == .finalUpdate || (isRefused && entry.isPaid) { budgets.forgetStream(of: charge) }
    }
}

// MARK: Waiting for it

extension RequestTable {
    /// Puts a lane to those that wait for their conversation's budget.
    mutating func pace(_ requestID: RequestID, _ entry: Entry, until: Instant, into actions: inout [Action]) {
        guard let conversation = entry.request.charge?.conversation else { return }
        if !entry.isPaced { actions.append(.report(.paced(requestID))) }
        if let id = lanes[requestID]?.queue.first { entries[id]?.isPaced = true }
        lanes[requestID]?.waitsFor = conversation
        pacing[conversation, default: PacedLanes(wakeAt: until)].lanes.append(requestID)
        if let wakeAt = pacing[conversation]?.wakeAt {
            pacing[conversation]?.wakeAt = min(wakeAt, until)
            wakes.set(min(wakeAt, until), for: conversation)
        }
    }

    /// Looks at everybody who waits for a conversation's budget; who has to wait on keeps their place.
    mutating func wake(_ conversation: Conversation, now: Instant, into actions: inout [Action]) {
        wakes.remove(conversation)
        guard let paced = pacing.removeValue(forKey: conversation) else { return }
        for requestID in paced.lanes { lanes[requestID]?.waitsFor = nil }
        for requestID in paced.lanes { advance(requestID, now: now, into: &actions) }
    }

    /// The first of a lane goes away, so the lane no longer waits for it.
    mutating func stopPacing(_ requestID: RequestID) {
        guard let conversation = lanes[requestID]?.waitsFor else { return }
        lanes[requestID]?.waitsFor = nil
        pacing[conversation]?.lanes.removeAll { $0 == requestID }
        if pacing[conversation]?.lanes.isEmpty == true {
            pacing[conversation] = nil
            wakes.remove(conversation)
        }
    }

    /// Nobody waits for a budget while there is no connection: they are looked at again when there is one.
    mutating func forgetPacing() {
        pacing = [:]
        wakes.removeAll()
        for requestID in lanes.keys { lanes[requestID]?.waitsFor = nil }
    }
}
