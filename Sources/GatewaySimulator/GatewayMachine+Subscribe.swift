import BotFoundation

extension GatewayMachine {
    /// Checks the credentials. On success the connection is subscribed; displacing others is a step of its own, so that
    /// the acknowledgement goes out before anybody is told.
    mutating func subscribe(
        _ frame: GatewayCodec.ClientFrame,
        on id: ConnectionID,
        _ now: ContinuousClock.Instant
    ) -> ServerCode {
        switch connections[id]?.state {
        case .open: break
        case .subscribed:
            violation(id, "subscribed twice on one socket", now)
            return .invalidParameter
        case .displaced, nil:
            violation(id, "subscribed on a displaced socket", now)
            return .notSubscribed
        }
        guard let bot = frame.body?["bot_id"]?.string, let secret = frame.body?["secret"]?.string else {
            violation(id, "subscribe without bot_id and secret as strings", now)
            return .invalidParameter
        }
        guard let expected = configuration.credentials[bot], expected == Secret(secret) else {
            return .badCredentials
        }
        connections[id]?.state = .subscribed(bot: bot)
        observe(.subscribed(id, bot: bot), now)
        return .ok
    }

    /// The newest connection that completes its subscribe wins.
    mutating func displaceOthers(than id: ConnectionID, _ now: ContinuousClock.Instant) {
        guard case .subscribed(let bot) = connections[id]?.state else { return }
        if let older = effective[bot], older != id { displace(older, now) }
        effective[bot] = id
    }

    /// Tells a subscribed connection that it no longer is.
    mutating func displace(_ id: ConnectionID, _ now: ContinuousClock.Instant) {
        guard case .subscribed(let bot) = connections[id]?.state else { return }
        if effective[bot] == id { effective[bot] = nil }
        connections[id]?.state = .displaced
        let number = takeID()
        let body: JSONValue = [
            "msgid": .string("\(configuration.idPrefix)-event-\(number)"),
            "create_time": .integer(unixTime(at: now)),
            "aibotid": .string(bot),
            "msgtype": "event",
            "event": ["eventtype": "disconnected_event"],
        ]
        transmit(codec.eventCallback(requestID: "\(configuration.idPrefix)-req-\(number)", body: body), on: id)
        observe(.displaced(id), now)
        if let delay = configuration.displacedCloseDelay {
            deferred.add(.end(id, code: configuration.displacedCloseCode), at: now + delay)
        }
    }

    mutating func takeID() -> Int {
        defer { nextID += 1 }
        return nextID
    }
}
