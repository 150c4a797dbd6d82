import BotCore

/// Whether the other side is alive, hears us, and still knows us.
extension ConnectionMachine {
    /// Does what the heartbeat wants done now.
    mutating func beat(_ heartbeat: Heartbeat, readySince since: Instant, now: Instant, into actions: inout [Action]) {
        switch heartbeat.verdict(now: now) {
        case .nothing:
            break
        case .lost:
            actions.append(.report(.heartbeatLost))
            lose("nothing arrived after a heartbeat", .abort, now: now, into: &actions)
        case .unanswered:
            actions.append(.report(.heartbeatUnanswered))
            lose("frames arrive, but heartbeats are not answered", .abort, now: now, into: &actions)
        case .ping:
            let ticket = requests.makeTicket()
            let id = RequestID.fresh(for: .ping, stamp: ticket.rawValue, using: &generator)
            var heartbeat = heartbeat
            heartbeat.pinged(id, ticket, now: now)
            phase = .ready(heartbeat, since: since)
            actions.append(.write(FrameWrite(ticket: ticket, requestID: id, content: .ping, priority: .high)))
        }
    }

    /// The last ping was answered. What errcode 846609 means for the connection, the caller knows.
    ///
    /// A server that refuses pings may have forgotten us and send nothing any more: the next subscribe tells what is wrong.
    mutating func ponged(_ code: ErrorCode, now: Instant, into actions: inout [Action]) {
        guard case .ready(var heartbeat, let since) = phase else { return }
        heartbeat.ponged(code)
        phase = .ready(heartbeat, since: since)
        if let pingedAt = heartbeat.lastPing { requests.proved(until: pingedAt) }
        if code == .ok { lastPong = now }
        guard code != .ok, !code.isNotSubscribed else { return }
        actions.append(.report(.heartbeatRefused(code)))
        guard heartbeat.isRefused || code.isCredentialsRejected else { return }
        actions.append(.report(.heartbeatsRefused(code)))
        lose("the server refused the heartbeat (errcode \(code))", .abort, now: now, into: &actions)
    }
}
