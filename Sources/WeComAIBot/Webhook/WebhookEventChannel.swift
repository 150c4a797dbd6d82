internal import BotCore
internal import BotFoundation

/// What can be said about one event of the callback address: one answer in the response to the request that brought it, and one
/// message of its own at its `response_url`, if it came with one.
///
/// When it is released, nobody will answer any more, and the request need not wait.
final class WebhookEventChannel: EventChannel {
    private let kind: Event.Kind
    private let response: WebhookEventResponse
    private let late: WebhookLatePost

    init(_ kind: Event.Kind, response: WebhookEventResponse, late: WebhookLatePost) {
        self.kind = kind
        self.response = response
        self.late = late
    }

    deinit { response.abandon() }

    func answer(_ message: OutboundMessage) async -> Delivery {
        let delivery = await respond(with: message)
        late.answers.count { $0.settled(delivery) }
        return delivery
    }

    private func respond(with message: OutboundMessage) async -> Delivery {
        guard kind.command(with: message.kind) != nil else { return .refused(kind.refusal(of: message.kind)) }
        let plain: [UInt8]
        do throws(WireError) {
            plain = try WebhookCodec().encode(answer: message)
        } catch {
            return .refused(Delivery.Reason(error.message))
        }
        return await response.give(plain, on: late.answers.timeline)
    }

    func send(_ message: OutboundMessage) async -> Delivery { await late.send(message) }
}
