import BotCore
import BotFoundation
import TestSupport

@testable import WeComAIBot

/// An endpoint with a dispatcher behind it, under a clock that stands still.
struct WebhookBench {
    let platform: Platform
    let clock = ManualClock()
    let capture = LogCapture()
    let endpoint: WebhookEndpoint
    let dispatcher: Dispatcher
    /// Intermediate updates that the next question gets.
    let placed = Mailbox<String>()

    init(
        fallback: WebhookFallback = .init(),
        firstText: String? = nil,
        dispatching: DispatcherConfiguration = .init(),
        handler: @escaping @Sendable (Inbound, Reply) async throws -> Void
    ) throws {
        platform = try Platform()
        dispatcher = Dispatcher(
            handler: ClosureHandler(handler),
            configuration: dispatching,
            clock: clock,
            log: capture.log
        )
        var configuration = try Platform.configuration
        configuration.firstText = firstText
        endpoint = WebhookEndpoint(configuration, fallback: fallback, clock: clock, log: capture.log) {
            [dispatcher, placed] message, channel in
            dispatcher.receive(message, through: Witness(channel: channel, placed: placed))
        }
    }

    /// Runs the dispatcher while `body` does; both have ended when it returns.
    func run(_ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await dispatcher.run() }
            try await body()
            await dispatcher.drain(deadline: .seconds(60))
        }
    }

    /// A user writes: what the first reply shows.
    func send(
        _ id: String,
        _ text: String,
        from user: String = "zhangsan",
        in group: String? = nil
    ) async throws -> Platform.Shown {
        try platform.shown(await endpoint.respond(to: platform.text(id, text, from: user, in: group)))
    }

    /// The platform asks: what it is told.
    func ask(_ stream: Platform.Shown) async throws -> Platform.Shown {
        try platform.shown(await endpoint.respond(to: platform.refresh(stream.id)))
    }
}

/// Tells when an intermediate update was taken.
private struct Witness: ReplyChannel {
    let channel: any ReplyChannel
    let placed: Mailbox<String>

    var capabilities: ReplyCapabilities { channel.capabilities }
    var route: String? { channel.route }

    func send(_ message: OutboundMessage) async -> Delivery { await channel.send(message) }
    func attach(_ image: AttachedImage) throws(UploadError) { try channel.attach(image) }
    func sendImages() async -> Delivery? { await channel.sendImages() }

    func send(_ update: BubbleUpdate) async -> Delivery {
        told(await channel.send(update), of: update)
    }

    func send(_ update: BubbleUpdate, departs: @escaping @Sendable (String?) async -> Void) async -> Delivery {
        told(await channel.send(update, departs: departs), of: update)
    }

    private func told(_ delivery: Delivery, of update: BubbleUpdate) -> Delivery {
        if !update.isFinal { placed.put(update.text) }
        return delivery
    }
}
