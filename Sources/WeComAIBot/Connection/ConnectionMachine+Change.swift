import BotCore

/// Another configuration while it runs.
extension ConnectionMachine {
    /// Takes other times, bounds and policies, at once.
    ///
    /// - Parameters:
    ///   - configuration: without problems.
    ///   - movesElsewhere: whether it is to connect to another place or as another bot. Then the connection is closed, and the next
    ///     attempt begins when that has ended, so that there are never two. Until then what arrives counts as ever.
    mutating func change(to configuration: ConnectionConfiguration, movesElsewhere: Bool, now: Instant) -> [Action] {
        var actions: [Action] = []
        let policy = self.configuration.displacementPolicy
        self.configuration = configuration
        requests.configuration = configuration
        schedule.change(configuration)
        switch phase {
        case .idle, .replacing, .closing, .stopped:
            break
        case .connecting where movesElsewhere:
            actions.append(.abort(epoch: epoch))
            restart(now: now, into: &actions)
        case .subscribing where movesElsewhere, .ready where movesElsewhere:
            requests.hold()
            actions.append(.close(epoch: epoch, code: 1000, reason: "reconfigured"))
            enter(.replacing(deadline: now + configuration.closeDeadline), .connecting, into: &actions)
        case .retrying where movesElsewhere:
            restart(now: now, into: &actions)
        case .connecting, .subscribing:
            break
        case .ready(var heartbeat, let since):
            heartbeat.change(interval: configuration.heartbeatInterval, now: now)
            phase = .ready(heartbeat, since: since)
        case .retrying:
            guard case .displaced(let since, _) = state, configuration.displacementPolicy != policy else { break }
            wait(displacedSince: since, now: now, into: &actions)
        }
        return actions
    }

    /// The connection before the next one has ended.
    mutating func replace(now: Instant, into actions: inout [Action]) {
        requests.linkEnded(.dropped, into: &actions)
        restart(now: now, into: &actions)
    }

    /// There is no connection any more, and the next one is to be made as soon as may be.
    mutating func restart(now: Instant, into actions: inout [Action]) {
        let at = schedule.restart(now: now)
        enter(.retrying(at: at), .connecting, into: &actions)
        if at <= now { connect(now: now, into: &actions) }
    }
}
