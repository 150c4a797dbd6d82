package import BotCore
internal import BotFoundation
package import LWSTransport

/// The message-push robot of a group, to which the bot can post without having been asked (official doc 99110): whatever conversation
/// a message is about, that group gets it.
///
/// It posts one message after another, 20 a minute at most; what comes meanwhile waits. What may have arrived is never posted again.
/// One that is configured nowhere refuses everything, until it is.
package final class GroupWebhook: Sendable {
    /// Posts messages, and forms with files.
    typealias Posts = (message: WebhookFallback.Post, form: WebhookFallback.Post)

    /// Where it is, and how it is reached.
    private struct Place: Sendable {
        let configuration: GroupWebhookConfiguration
        let posts: Posts
    }

    private struct State {
        var place: Place?
        var line = GroupWebhookLine()
        /// Those who wait, and get whether their turn comes.
        var waiters: [UInt64: Promise<Bool>] = [:]
        var nextID: UInt64 = 0
    }

    /// A turn in the line.
    private enum Turn {
        case begins(UInt64)
        case refused(Delivery.Reason)
    }

    static let name = "the group webhook"
    /// How long a message may take, and a file.
    static let messageDeadline = Duration.seconds(15)
    static let uploadDeadline = Duration.seconds(60)

    let timeline: Timeline
    private let posts: @Sendable (GroupWebhookConfiguration) -> Posts
    private let state: Locked<State>
    private let ended = Promise<Void>()
    /// What files are sent in.
    let form: MultipartForm

    /// A group webhook that is reached over the network.
    ///
    /// - Parameter configuration: `nil` if there is none.
    package convenience init(
        _ configuration: GroupWebhookConfiguration?,
        on loop: EventLoop,
        clock: any Clock<Duration> = ContinuousClock()
    ) {
        let form = MultipartForm()
        self.init(configuration, clock: clock, form: form) { configuration in
            func post(_ deadline: Duration, _ contentType: String) -> WebhookFallback.Post {
                let client = configuration.client(deadline: deadline)
                return WebhookFallback.post(
                    on: loop,
                    client,
                    through: configuration.proxies,
                    contentType: contentType
                )
            }
            return (post(Self.messageDeadline, "application/json"), post(Self.uploadDeadline, form.contentType))
        }
    }

    init(
        _ configuration: GroupWebhookConfiguration?,
        clock: any Clock<Duration>,
        form: MultipartForm = .init(),
        posts: @escaping @Sendable (GroupWebhookConfiguration) -> Posts
    ) {
        timeline = Timeline(clock)
        self.posts = posts
        self.form = form
        state = Locked(State(place: configuration.map { Place(configuration: $0, posts: posts($0)) }))
    }

    /// Whether there is one.
    package var isConfigured: Bool { state.withLock { $0.place != nil } }

    /// Whether all answers go there, and no other way.
    package var isOnlyWay: Bool { state.withLock { $0.place?.configuration.isOnlyWay ?? false } }

    /// Takes another configuration, for what is posted from now on.
    package func reload(_ configuration: GroupWebhookConfiguration?) {
        let place = configuration.map { Place(configuration: $0, posts: posts($0)) }
        state.withLock { state in
            if configuration?.address != state.place?.configuration.address { state.line.changePlace() }
            state.place = place
        }
    }

    /// Nothing is posted from now on: what waits is refused, and what is on its way has its verdict in time.
    package func end() {
        let waiters = state.withLock { state in state.line.end().compactMap { state.waiters.removeValue(forKey: $0) } }
        for waiter in waiters { waiter.fulfill(false) }
        ended.fulfill(())
    }

    /// Sends a message to the group, and waits for the verdict. A text that does not fit into one goes on in further ones.
    ///
    /// - Parameter departs: Is called before it may leave, perhaps more than once; not if it cannot.
    package func send(
        _ message: OutboundMessage,
        departs: @Sendable () async -> Void = {}
    ) async -> Delivery {
        if let problem = message.problem { return .refused(.init(problem)) }
        let bodies: [[UInt8]]
        do throws(WireError) {
            bodies = try GroupWebhookCodec.bodies(of: message)
        } catch {
            return .refused(.init(error.message))
        }
        guard isConfigured else { return .refused(Self.notConfigured) }
        switch await enter(messages: bodies.count) {
        case .refused(let reason): return .refused(reason)
        case .begins(let id):
            defer { leave(id) }
            return await send(bodies, departs)
        }
    }

    /// One after another. After one that is refused no other makes sense.
    private func send(_ bodies: [[UInt8]], _ departs: @Sendable () async -> Void) async -> Delivery {
        var outcome = Delivery.delivered
        for (index, body) in bodies.enumerated() {
            switch await send(body, departs) {
            case .delivered, .redirected: break
            case .unknown(let reason): outcome = .unknown(reason)
            case .refused(let reason):
                guard index > 0 else { return .refused(reason) }
                return .refused(.init(code: reason.code, "after \(index) of \(bodies.count) parts, \(reason.message)"))
            }
        }
        return outcome
    }

    private func send(_ body: [UInt8], _ departs: @Sendable () async -> Void) async -> Delivery {
        var wasThrottled = false
        while true {
            let began: ContinuousClock.Instant
            switch await waitForRoom() {
            case .success(let instant): began = instant
            case .failure(let refusal): return .refused(refusal.reason)
            }
            guard let place = state.withLock({ $0.place }) else { return .refused(Self.notConfigured) }
            await departs()
            let delivery: Delivery
            do throws(PostFailure) {
                let url = place.configuration.address.send
                let answer = try await WebhookFallback.answer(
                    to: body,
                    at: url,
                    by: place.posts.message,
                    timeline: timeline
                )
                delivery = place.configuration.address.delivery(answer, by: Self.name)
            } catch {
                if !error.mayHaveArrived { state.withLock { $0.line.takeBack(spentAt: began) } }
                return error.delivery(by: Self.name)
            }
            guard case .refused(let reason) = delivery, reason.code == ErrorCode.frequencyLimit.rawValue else {
                return delivery
            }
            // Somebody else posts there too. It was not shown, so it may go once more.
            let now = timeline.now
            state.withLock { $0.line.throttle(now: now) }
            guard !wasThrottled else { return delivery }
            wasThrottled = true
        }
    }

    static let notConfigured = Delivery.Reason(
        "there is no group webhook; set msg_push_webhook_url (WECOM_PUSH_WEBHOOK_URL)"
    )
}

// MARK: The line

extension GroupWebhook {
    private struct Refusal: Error {
        let reason: Delivery.Reason
    }

    private func enter(messages: Int) async -> Turn {
        let promise = Promise<Bool>()
        let (id, entry) = state.withLock { state in
            state.nextID += 1
            let entry = state.line.enter(state.nextID, messages: messages)
            if entry == .waits { state.waiters[state.nextID] = promise }
            return (state.nextID, entry)
        }
        switch entry {
        case .itsTurn: return .begins(id)
        case .refused(let reason): return .refused(reason)
        case .waits:
            switch await promise.value() {
            case true: return .begins(id)
            case false: return .refused(GroupWebhookLine.ending)
            case nil:
                leave(id)
                return .refused(Self.cancelled)
            }
        }
    }

    private func leave(_ id: UInt64) {
        let next = state.withLock { state -> Promise<Bool>? in
            state.waiters[id] = nil
            return state.line.leave(id).flatMap { state.waiters.removeValue(forKey: $0) }
        }
        next?.fulfill(true)
    }

    /// Waits until a message may go, and counts it.
    private func waitForRoom() async -> Result<ContinuousClock.Instant, Refusal> {
        while true {
            let now = timeline.now
            guard ended.current == nil else { return .failure(Refusal(reason: GroupWebhookLine.ending)) }
            guard let due = state.withLock({ $0.line.spend(now: now) }) else { return .success(now) }
            _ = await timeline.reaches(ended, by: due)
            if Task.isCancelled { return .failure(Refusal(reason: Self.cancelled)) }
        }
    }

    private static let cancelled = Delivery.Reason("cancelled before the message could go to the group webhook")
}

// MARK: Files

extension GroupWebhook {
    /// Posts a form to the address for uploads.
    ///
    /// - Parameter type: `file` or `voice`.
    /// - Returns: What was answered, and what that means.
    func post(form: [UInt8], type: String) async throws(PostFailure) -> (answer: [UInt8], delivery: Delivery) {
        guard let place = state.withLock({ $0.place }) else {
            throw PostFailure(mayHaveArrived: false, Self.notConfigured.message)
        }
        let address = place.configuration.address
        let answer = try await WebhookFallback.answer(
            to: form,
            at: address.upload(type),
            by: place.posts.form,
            timeline: timeline
        )
        return (answer.body, address.delivery(answer, by: Self.name))
    }
}
