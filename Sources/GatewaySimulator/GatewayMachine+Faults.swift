extension GatewayMachine {
    /// Makes something go wrong, now or when the time comes.
    package mutating func inject(
        _ fault: Fault,
        bot: String? = nil,
        now: ContinuousClock.Instant
    ) -> [Action] {
        switch fault {
        case .now(let fault):
            if let id = target(of: bot) { apply(fault, to: id, now) }
        case .onFrame(_, _, _, let times):
            if times > 0 { faults.append(fault) }
        }
        return flush()
    }

    /// Makes something go wrong with one connection, now.
    package mutating func inject(
        _ fault: ConnectionFault,
        on id: ConnectionID,
        now: ContinuousClock.Instant
    ) -> [Action] {
        apply(fault, to: id, now)
        return flush()
    }

    /// Forgets every fault that has not happened yet.
    package mutating func clearFaults() {
        faults = []
    }

    /// The fault that is due for a frame, if there is one. Counts the frame.
    mutating func takeFrameFault(for frame: GatewayCodec.ClientFrame) -> FrameFault? {
        for index in faults.indices {
            guard case .onFrame(let filter, let effect, let skipping, let times) = faults[index] else { continue }
            guard matches(filter, frame) else { continue }
            if skipping > 0 {
                faults[index] = .onFrame(filter, effect, skipping: skipping - 1, times: times)
                continue
            }
            if times > 1 {
                faults[index] = .onFrame(filter, effect, skipping: 0, times: times - 1)
            } else {
                faults.remove(at: index)
            }
            return effect
        }
        return nil
    }

    private func matches(_ filter: FrameFilter, _ frame: GatewayCodec.ClientFrame) -> Bool {
        if let commands = filter.commands {
            guard let command = ClientCommand(rawValue: frame.command), commands.contains(command) else { return false }
        }
        if let chat = filter.chat {
            guard chat == callbacks[frame.requestID]?.pushed.chat ?? frame.body?["chatid"]?.string else { return false }
        }
        if let isFinal = filter.isFinal {
            guard isFinal == (frame.body?["stream"]?["finish"] == true) else { return false }
        }
        return true
    }

    mutating func apply(_ fault: ConnectionFault, to id: ConnectionID, _ now: ContinuousClock.Instant) {
        switch fault {
        case .reset: end(id, code: 1_006, now)
        case .close(let code): end(id, code: code, now)
        case .mute: connections[id]?.isMuted = true
        case .freezeReading: actions.append(.pauseReading(id))
        case .resumeReading: actions.append(.resumeReading(id))
        case .displace: displace(id, now)
        case .forgetSubscription:
            guard case .subscribed(let bot) = connections[id]?.state else { return }
            effective[bot] = nil
            connections[id]?.state = .open
        case .repeatCallback(let messageID):
            guard let requestID = requestIDs[messageID], let callback = callbacks[requestID] else { return }
            if transmit(callback.frame, on: id) { observe(.pushed(id, callback.pushed), now) }
        case .garbage(let garbage):
            let bot: String
            if case .subscribed(let name) = connections[id]?.state { bot = name } else { bot = resolve(nil) }
            let frame = garbage.frame(
                id: "\(configuration.idPrefix)-junk-\(takeID())",
                bot: bot,
                using: &generator
            )
            transmit(frame.bytes, isText: frame.isText, on: id)
        }
    }
}
