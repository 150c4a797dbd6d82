/// Sends final updates again of which nobody knows whether they were seen: when one is refused, it may be because it was.
struct RepeatingChannel: ReplyChannel {
    private let channel: any ReplyChannel
    private let bubbles: Set<Int>

    /// - Parameter bubbles: Those whose final update is sent again.
    init(_ channel: any ReplyChannel, bubbles: Set<Int>) {
        self.channel = channel
        self.bubbles = bubbles
    }

    var capabilities: ReplyCapabilities { channel.capabilities }
    var route: String? { channel.route }

    func send(_ update: BubbleUpdate) async -> Delivery {
        judged(await channel.send(update), of: update)
    }

    func send(_ update: BubbleUpdate, departs: @escaping @Sendable (String?) async -> Void) async -> Delivery {
        judged(await channel.send(update, departs: departs), of: update)
    }

    func send(_ message: OutboundMessage) async -> Delivery { await channel.send(message) }
    func remainingSends() async -> SendBudget? { await channel.remainingSends() }

    private func judged(_ delivery: Delivery, of update: BubbleUpdate) -> Delivery {
        guard bubbles.contains(update.bubble), case .refused(let reason) = delivery else { return delivery }
        return .unknown(Delivery.Reason(code: reason.code, "sent again after a restart: \(reason.message)"))
    }
}
