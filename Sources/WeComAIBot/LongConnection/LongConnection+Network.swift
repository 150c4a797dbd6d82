internal import BotFoundation
internal import LWSTransport

/// While an attempt waits because the one before it failed, the network is looked at: when it comes up, nobody waits any longer.
extension LongConnection {
    /// How often. A machine that has slept is noticed by the same: the looks were further apart than that.
    private static let interval = Duration.seconds(1)
    /// How late a look may be on a machine that was only busy.
    private static let tolerance = Duration.seconds(5)

    /// What was seen of the network, and when it is looked at next.
    struct NetworkWatch {
        var addresses: Set<[UInt8]> = []
        var next: (look: TimerID, since: ContinuousClock.Instant)?
    }

    /// Looks, or does not any more, as the state demands.
    func watchNetwork(in state: ConnectionState) {
        switch state {
        // What comes up while this attempt fails is news afterwards.
        case .connecting: network.addresses = environment.networkAddresses
        case .waiting where network.next == nil: return lookLater()
        case .waiting: return
        case .idle, .subscribing, .ready, .displaced, .credentialsRejected, .closing, .stopped: break
        }
        if let next = network.next { environment.cancel(next.look) }
        network.next = nil
    }

    private func lookLater() {
        let now = environment.now
        let timer = environment.schedule(at: now + Self.interval) { [weak self] in self?.assumeIsolated { $0.look() } }
        network.next = (timer, now)
    }

    private func look() {
        guard let last = network.next else { return }
        lookLater()
        let (addresses, now) = (environment.networkAddresses, environment.now)
        let isUp = !addresses.isSubset(of: network.addresses)
        network.addresses = addresses
        let hasSlept = now - last.since > Self.interval + Self.tolerance
        guard isUp || hasSlept else { return }
        networkCameUp(now: now, because: isUp ? "the network came up" : "the machine has slept")
    }
}
