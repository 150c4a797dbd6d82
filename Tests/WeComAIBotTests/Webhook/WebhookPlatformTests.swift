import BotCore
import BotFoundation
import GatewaySimulator
import TestSupport
import Testing

@testable import WeComAIBot

/// The simulated platform, the address and a handler, under a clock that the test moves: minutes cost nothing.
@Suite("A callback address and the simulated platform", .timeLimit(.minutes(10)))
struct WebhookPlatformTests {
    /// Everything between a user and a handler.
    private struct World {
        let clock = ManualClock()
        let capture = LogCapture()
        let observed = EventRecorder<Observation.Event>()
        /// One for each request that was answered.
        let answered = EventRecorder<String>()
        let outcomes = Mailbox<Delivery>()
        let dispatcher: Dispatcher
        let endpoint: WebhookEndpoint
        let platform: CallbackPlatform
        /// How many of the next requests get lost on the way.
        let losses = Locked(0)
        /// Where answers are posted: the platform, which holds the address, which posts them.
        private let far: Locked<CallbackPlatform?>

        init(_ handler: @escaping @Sendable (Inbound, Reply, ManualClock) async throws -> Void) throws {
            let (clock, observed, answered, losses, outcomes) = (clock, observed, answered, losses, outcomes)
            let dispatcher = Dispatcher(
                handler: ClosureHandler { message, reply in
                    try await handler(message, reply, clock)

                    outcomes.put(await reply.finish())

                },
                clock: clock,
                log: capture.log
            )
            let far = Locked<CallbackPlatform?>(nil)
            self.far = far
            let fallback = WebhookFallback { url, body in
                guard let platform = far.withLock({ $0 }) else { return PostAnswer(status: 503, body: []) }
                let reply = platform.receive(body, at: url.value)
                return PostAnswer(status: reply.status, body: reply.body)
            }
            let endpoint = WebhookEndpoint(
                try Platform.configuration,
                fallback: fallback,
                clock: clock,
                log: capture.log
            ) { dispatcher.receive($0, through: $1) }
            struct Lost: Error {}
            let configuration = CallbackPlatformConfiguration(
                token: Secret(Platform.token),
                encodingAESKey: Secret(Platform.key)
            )
            platform = try CallbackPlatform(
                configuration,
                clock: clock,
                observer: { observed.record($0) },
                carrier: { delivery in
                    let isLost = losses.withLock { losses in
                        defer { losses = max(0, losses - 1) }
                        return losses > 0
                    }
                    let request = WebhookRequest(
                        method: delivery.method,
                        path: delivery.path,
                        query: delivery.query,
                        body: delivery.body
                    )
                    let response = await endpoint.respond(to: request)
                    answered.record("\(response.status)")
                    if isLost { throw Lost() }
                    return CallbackReply(status: response.status, body: response.body)
                }
            )
            (self.dispatcher, self.endpoint) = (dispatcher, endpoint)
            let made = platform
            far.withLock { $0 = made }
        }

        func run(_ body: () async throws -> Void) async throws {
            let platform = platform
            let playing = Task { await platform.run() }
            let dispatcher = dispatcher
            let dispatching = Task { await dispatcher.run() }
            do { try await body() } catch { Issue.record(error) }

            await dispatcher.drain(deadline: .seconds(60))

            await dispatching.value

            playing.cancel()
            await playing.value
            far.withLock { $0 = nil }
            for case .violation(_, let text) in observed.events { Issue.record("the platform: \(text)") }
        }

        /// Time passes, while no request is on its way.
        ///
        /// - Returns: Whether it did: when everything has ended nobody waits for it.
        @discardableResult
        func pass(_ duration: Duration) async -> Bool {
            while platform.requestsUnderWay > 0, !Task.isCancelled { await Task.yield() }
            let passes = clock.sleepers > 0
            if passes { clock.advance(by: duration) }
            await Task.yield()
            return passes
        }

        /// Whether a last update waits to be fetched.
        var isFinishing: Bool {
            var snapshot = ConnectionSnapshot(.ready, since: .now)
            endpoint.answers.fill(&snapshot)
            return snapshot.queued > 0
        }

        /// What the user sees by now, of everything that was said about a message.
        func seen(_ message: PushedMessage) -> String { platform.answer(to: message).joined() }
    }

    @Test("a handler that streams for seven minutes delivers all of its text")
    func sevenMinutes() async throws {
        let steps = EventRecorder<Int>()
        let world = try World { _, reply, clock in
            let start = clock.now
            for second in 1...420 {
                steps.record(second)
                try await clock.sleep(until: start.advanced(by: .seconds(second)), tolerance: nil)
                await reply.write("第\(second)秒👋🏽；")
            }
        }
        try await world.run {
            let message = world.platform.pushText(from: "张三", "说七分钟")
            var halves = 0
            while world.platform.answer(to: message).count < 2 {
                if await world.pass(.milliseconds(500)) { halves += 1 }
                let step = min(420, halves / 2 + 1)
                await steps.wait { $0.count >= step }
                // The bubble is to be finished by now, however busy the machine is.
                while halves == 2 * 327, !world.isFinishing, world.platform.bubble(of: message)?.isFinished != true,
                    !Task.isCancelled
                { await Task.yield() }
            }
            let outcome = await world.outcomes.next()
            guard case .redirected(let reason) = outcome else {
                Issue.record("\(String(describing: outcome))")
                return
            }
            #expect(reason.message.contains("response_url"))
            let text = (1...420).map { "第\($0)秒👋🏽；" }.joined()
            #expect(world.seen(message) == text, "whole, and nothing twice")
            let bubble = try #require(world.platform.bubble(of: message))
            #expect(bubble.isFinished && bubble.text.contains("第320秒"), "until shortly before the end of the time")
            #expect(world.platform.answer(to: message).count == 2)
        }
    }

    @Test("an answer that takes a second is on screen, whole, by the first or second question")
    func oneSecond() async throws {
        let world = try World { message, reply, clock in
            await reply.write("第一")
            try await clock.sleep(for: .seconds(1))
            await reply.write("句，第二句。")
        }
        try await world.run {
            let message = world.platform.pushText(from: "张三", "快")
            await world.observed.wait { $0.contains { if case .updated = $0 { true } else { false } } }
            #expect(world.seen(message) == "<think></think>")
            // The handler sleeps, and so does the platform until its first question.
            while world.seen(message) != "第一句，第二句。" || world.platform.bubble(of: message)?.isFinished != true {
                await world.pass(.milliseconds(100))
            }

            #expect(await world.outcomes.next() == .delivered)
            #expect(world.platform.bubble(of: message)?.frames ?? 0 <= 4)
        }
    }

    @Test("a delivery whose answer is lost comes again after 5 s, and is handled once")
    func retries() async throws {
        let handled = EventRecorder<String>()
        let world = try World { message, reply, _ in
            handled.record(message.text)
            await reply.finish("好：\(message.text)")
        }
        try await world.run {
            world.losses.withLock { $0 = 3 }
            let message = world.platform.pushText(from: "张三", in: "wrGROUP", "@Bot 在吗")
            while world.platform.bubble(of: message)?.isFinished != true {
                await world.pass(.milliseconds(500))
            }
            #expect(world.seen(message) == "好：@Bot 在吗")
            #expect(await world.outcomes.next() == .delivered)
            world.platform.redeliver(message)
            let count = world.answered.events.count
            await world.answered.wait { $0.count > count }
        }
        #expect(handled.events == ["@Bot 在吗"])
    }

    @Test("a platform that falls silent gets the answer at the response_url")
    func silence() async throws {
        let world = try World { message, reply, clock in
            await reply.write("想一想……")
            try await clock.sleep(for: .seconds(60))
            await reply.write("想好了。")
        }
        try await world.run {
            let message = world.platform.pushText(from: "张三", "慢慢想")
            while world.seen(message) != "想一想……" {
                await world.pass(.milliseconds(200))
            }
            world.platform.setSilent(true)
            while world.platform.answer(to: message).last != "想一想……想好了。" {
                await world.pass(.seconds(1))
            }
            guard case .redirected = await world.outcomes.next() else {
                Issue.record("it was delivered another way")
                return
            }
        }
    }

    @Test("a handler of seven minutes whose platform falls silent: all of it at the response_url, none of it twice")
    func longSilence() async throws {
        let world = try World { message, reply, clock in
            for number in 0..<42 {
                await reply.write("第\(number)段。")
                // A pause that begins before the silence and ends behind the time of the bubble.
                try await clock.sleep(for: number == 5 ? .seconds(320) : .seconds(3))
            }
        }
        let text = (0..<42).map { "第\($0)段。" }.joined()
        try await world.run {
            let message = world.platform.pushText(from: "张三", "慢慢说")
            while world.seen(message) != (0..<6).map({ "第\($0)段。" }).joined() { await world.pass(.milliseconds(500)) }
            world.platform.setSilent(true)
            while world.platform.answer(to: message).last != text { await world.pass(.seconds(1)) }
            guard case .redirected = await world.outcomes.next() else {
                Issue.record("it was delivered another way")
                return
            }
            #expect(world.platform.answer(to: message).count == 2)
        }
    }

    @Test("an answer of three bubbles: the bubble, the response_url, and then no way is left")
    func tooLong() async throws {
        let text = String(repeating: "很长的一行，没有尽头。\n", count: 1_500)
        let world = try World { _, reply, _ in await reply.write(text) }
        try await world.run {
            let message = world.platform.pushText(from: "张三", "长")
            while world.platform.answer(to: message).count < 2 {
                await world.pass(.milliseconds(200))
            }
            guard case .refused(let reason) = await world.outcomes.next() else {
                Issue.record("what was not seen was not delivered")
                return
            }
            #expect(reason.message.contains("used already"))
            let first = world.platform.answer(to: message)[0]
            #expect(text.hasPrefix(first), "\(first.prefix(30)) \(first.utf8.count)")
        }
    }
}
