internal import BotCore
internal import BotFoundation

/// The response to the requests that bring one event: what is answered in time, once. The platform delivers an event again if the response
/// was lost, and gets the same.
final class WebhookEventResponse: Sendable {
    /// How long a request waits: the platform gives up after 5 s (official doc 101031), and the response needs some of them for its way.
    static let patience = Duration.milliseconds(4_500)
    /// How long it takes at most until it is known that the answer has left: three more deliveries, 5 s each (official doc 90930).
    static let doubt = Duration.seconds(20)

    private struct State {
        var plain: [UInt8]?
        /// How many requests wait.
        var waiting = 0
        /// Whether one has waited in vain.
        var isLate = false
    }

    private let state = Locked(State())
    /// There is nothing to wait for any more.
    private let settled = Promise<Void>()
    /// The answer has left.
    private let departed = Promise<Void>()

    /// Gives it its plain text, and returns when that has left.
    func give(_ plain: [UInt8], on timeline: Timeline) async -> Delivery {
        let refusal = state.withLock { state -> String? in
            guard state.plain == nil else { return "the event has been answered already" }
            guard !state.isLate || state.waiting > 0 else {
                return "the time in which the event could be answered is over"
            }
            state.plain = plain
            return nil
        }
        if let refusal { return .refused(.init(refusal)) }
        settled.fulfill(())
        guard await timeline.reaches(departed, by: timeline.now + Self.doubt) else {
            return .unknown(.init("the platform did not take the response to the event"))
        }
        return .delivered
    }

    /// Nobody will give it anything any more.
    func abandon() { settled.fulfill(()) }

    /// A response with the answer has left.
    func left() { departed.fulfill(()) }

    /// Its plain text, if it is given one by then.
    func plain(by deadline: ContinuousClock.Instant, on timeline: Timeline) async -> [UInt8]? {
        state.withLock { $0.waiting += 1 }
        _ = await timeline.reaches(settled, by: deadline)
        return state.withLock { state in
            state.waiting -= 1
            // A request whose client has gone is not the last: the platform delivers the event again.
            if state.plain == nil, !Task.isCancelled { state.isLate = true }
            return state.plain
        }
    }
}
