/// Sends a final update again of which nobody knows whether it was seen: when that is refused, it may be because it was.
struct RepeatingChannel: ReplyChannel {
    private let channel: any ReplyChannel
    private let bubble: Int

    /// - Parameter bubble: The bubble whose final update is sent again.
    init(_ channel: any ReplyChannel, bubble: Int) {
        self.channel = channel
        self.bubble = bubble
    }

    var capabilities: ReplyCapabilities { channel.capabilities }
    var route: String? { channel.route }

    func send(_ update: BubbleUpdate) async -> Delivery {
        let delivery = await channel.send(update)
        guard update.bubble == bubble, case .refused(let reason) = delivery else { return delivery }
        return .unknown(Delivery.Reason(code: reason.code, "sent again after a restart: \(reason.message)"))
    }
}
