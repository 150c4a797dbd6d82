internal import BotCore
internal import BotFoundation

/// The response to the request that brought an event: what is answered in time, once.
final class WebhookEventResponse: Sendable {
    /// How long it waits: the platform gives up after 5 s (official doc 101031), and the response needs some of them for its way.
    static let patience = Duration.milliseconds(4_500)

    private enum Phase {
        case open
        case given([UInt8])
        /// It has left, and says nothing.
        case over
    }

    private let phase = Locked(Phase.open)
    /// There is nothing to wait for any more.
    private let settled = Promise<Void>()

    /// Gives it its plain text.
    func give(_ plain: [UInt8]) -> Delivery {
        let delivery = phase.withLock { phase -> Delivery in
            switch phase {
            case .open:
                phase = .given(plain)
                return .delivered
            case .given: return .refused(.init("the event has been answered already"))
            case .over: return .refused(.init("the time in which the event could be answered is over"))
            }
        }
        if delivery == .delivered { settled.fulfill(()) }
        return delivery
    }

    /// Nobody will give it anything any more.
    func abandon() { settled.fulfill(()) }

    /// Its plain text, if it is given one by then.
    func plain(by deadline: ContinuousClock.Instant, on timeline: Timeline) async -> [UInt8]? {
        _ = await timeline.reaches(settled, by: deadline)
        return phase.withLock { phase in
            if case .given(let plain) = phase { return plain }
            phase = .over
            return nil
        }
    }
}
