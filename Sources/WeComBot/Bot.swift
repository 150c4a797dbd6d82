public import BotCore
public import BotFoundation
internal import BotStore
internal import FoundationEssentials
internal import Glibc
internal import LWSTransport
public import WeComAIBot

/// A bot: it brings every message to a handler and streams the answers back.
///
///     let bot = try Bot(configuration: .load())
///     try await bot.run { message, reply in
///         for try await token in model.answer(message.text) {
///             await reply.write(token)
///         }
///     }
///
/// Returning from the handler finishes the answer; throwing ends it with an apology. Messages of one conversation come one
/// after another, those of different conversations at the same time. A handler may block: it runs on a thread of its own.
public final class Bot: Sendable {
    /// Where the connection stands: every change, for one reader. It ends when ``run(handlesSignals:_:)-(_,BotHandler)`` does. A reader
    /// that falls 256 changes behind loses the oldest ones, never the latest.
    public let states: AsyncStream<ConnectionState>

    private let settings: Locked<Settings>
    /// Neither changes while it runs.
    private let stateFile: String?
    private let status: HTTPServerConfiguration?
    let log: Log
    /// Whether the log is the bot's own, so that its level follows the configuration.
    private let ownsLog: Bool
    private let stateChanges: AsyncStream<ConnectionState>.Continuation
    private let endings: AsyncStream<Ending>
    private let ending: AsyncStream<Ending>.Continuation
    private let life: Locked<Life>

    /// Another schedule for the end than that of the configuration.
    private let fixedSchedule: ShutdownSchedule?
    /// The same signal again this soon is the same request, told twice: `timeout` signals the process and then its group, and
    /// Ctrl-C may arrive from the terminal and from a parent that passes it on.
    static let echoTime = Duration.milliseconds(200)

    /// Why the bot should end.
    private enum Ending: Sendable, Equatable {
        case asked
        case signal(Signals.Signal)
        case displaced
    }

    /// What follows from the configuration that is in force.
    private struct Settings {
        var channel: ChannelConfiguration
        var dispatcher: DispatcherConfiguration
        var shutdown: ShutdownSchedule
        var reread: (@Sendable () throws(ConfigurationError) -> Configuration)?

        init(_ configuration: Configuration) throws(ConfigurationError) {
            channel = try configuration.channel()
            dispatcher = configuration.dispatcher
            shutdown = ShutdownSchedule(configuration.shutdownDeadline)
            reread = configuration.reread
        }
    }

    /// What there is to be seen of it.
    private enum Life: Sendable {
        case new(since: ContinuousClock.Instant)
        case starting(since: ContinuousClock.Instant)
        case running(BotParts)
        case over(ConnectionSnapshot, DispatcherStatistics, EventStatistics)
    }

    /// Makes a bot. Nothing is started yet. Blocks while it reads the certificate authorities, if the configuration names a file.
    ///
    /// - Parameters:
    ///   - configuration: What ``Configuration/load(file:environment:)`` gives, or made in code.
    ///   - log: Where log lines go; standard error from the configured level on unless given.
    /// - Throws: ``ConfigurationError`` with every problem, each with its key.
    public convenience init(configuration: Configuration, log: Log? = nil) throws(ConfigurationError) {
        try self.init(configuration: configuration, log: log, schedule: nil)
    }

    init(configuration: Configuration, log: Log?, schedule: ShutdownSchedule?) throws(ConfigurationError) {
        settings = Locked(try Settings(configuration))
        stateFile = configuration.stateFile.flatMap { $0.isEmpty ? nil : $0 }
        status = configuration.statusServer
        self.log = log ?? .standardError(level: configuration.logLevel, format: configuration.logFormat)
        ownsLog = log == nil
        fixedSchedule = schedule
        life = Locked(.new(since: .now))
        (states, stateChanges) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(256))
        (endings, ending) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(16))
    }

    /// Asks the bot to end within ``Configuration/shutdownDeadline``: no new messages are handled, turns have most of that time to end,
    /// then their handlers are cancelled and their answers finished with the text they have; the connection is closed with 1000. A
    /// message that comes meanwhile is kept for the next start if there is a ``Configuration/stateFile``, and answered with
    /// ``Configuration/busyText`` if not. A second call changes nothing.
    public func stop() {
        ending.yield(.asked)
    }

    /// Sends a message that answers nothing, to a user or a group, and waits for the verdict.
    ///
    ///     await bot.push(.markdown("**提醒** 三点开会"), to: Conversation(kind: .single, id: "zhangsan"))
    ///
    /// Markdown that does not fit into one message goes on in further ones, in order; the outcome is the worst of theirs.
    ///
    /// It counts in the conversation's rate limit, and waits for it; without a connection it waits for one. It is never shown twice: if
    /// nobody knows whether it arrived, the outcome is ``BotCore/Delivery/unknown(_:)``, and it is not sent again.
    ///
    /// With a ``Configuration/stateFile`` it survives the process while it waits. If the bot is killed, the next process sends it if it
    /// certainly never left, in the order of its conversation, for which new messages do not wait; not if it is older than 24 hours. What may
    /// have arrived is not sent again, and said in the log. If the bot is asked to end while it waits, the outcome is
    /// ``BotCore/Delivery/unknown(_:)``, and the next process sends it. Without a state file it is refused then, and forgotten.
    ///
    /// - Parameter conversation: One in which the user has written to the bot before: the platform refuses others (official doc 101463).
    /// - Returns: The outcome. Refused, and not sent, if the message has a problem (``BotCore/OutboundMessage/problem``), or the bot is
    ///   not running, or is in webhook mode: a callback address has no command for it; ``pushToGroupWebhook(_:)`` may be one then.
    @discardableResult
    @concurrent public func push(_ message: OutboundMessage, to conversation: Conversation) async -> Delivery {
        switch life.withLock({ $0 }) {
        case .running(let parts): await parts.channel.push(message, to: conversation)
        case .new, .starting: .refused(.init("the bot does not run yet"))
        case .over: .refused(.init("the bot has ended"))
        }
    }

    /// What the bot is doing and has done. Before ``run(handlesSignals:_:)-(_,BotHandler)``, while it runs and after it.
    public func snapshot() async -> BotSnapshot {
        switch life.withLock({ $0 }) {
        case .new(let since), .starting(let since):
            BotSnapshot(ConnectionSnapshot(.idle, since: since), DispatcherStatistics(), now: .now, at: .now)
        case .running(let parts):
            BotSnapshot(
                await parts.channel.snapshot(),
                parts.dispatcher.statistics,
                parts.events.statistics,
                now: .now,
                at: .now
            )
        case .over(let connection, let dispatcher, let events):
            BotSnapshot(connection, dispatcher, events, now: .now, at: .now)
        }
    }

    /// Takes another configuration while it runs, or before. A wrong one changes nothing.
    ///
    /// What can change beside the connection does, and it is not touched: texts, heartbeat interval, what is done when displaced,
    /// and the level of a log that the bot made itself; not a port, and not the mode. If the bot's id or secret, the URL, the
    /// authorities or the proxy are others, the connection is closed with 1000 and made anew when it has ended, so that the bot never
    /// displaces itself; answers that are not through leave on the new one.
    ///
    /// On SIGHUP, a bot that handles signals does this with what ``Configuration/load(file:environment:)`` gives then, and logs
    /// what is wrong with it.
    ///
    /// - Throws: ``ConfigurationError`` with every problem; the old configuration stays in force.
    @concurrent public func reload(_ configuration: Configuration) async throws(ConfigurationError) {
        var new = try Settings(configuration)
        let isNew = if case .new = life.withLock({ $0 }) { true } else { false }
        let isTaken = settings.withLock { settings in
            guard isNew || new.channel.isSameMode(as: settings.channel) else { return false }
            new.reread = new.reread ?? settings.reread
            settings = new
            return true
        }
        guard isTaken else {
            throw ConfigurationError(problems: [
                Configuration.problem("mode", ConfigurationFault("cannot change while the bot runs; start it again"))
            ])
        }
        if ownsLog { log.setLevel(configuration.logLevel) }
        guard case .running(let parts) = life.withLock({ $0 }) else { return }
        await apply(to: parts)
    }

    /// What runs, while it runs.
    var runningParts: BotParts? {
        if case .running(let parts) = life.withLock({ $0 }) { parts } else { nil }
    }

    /// Answers a request to the callback address, for a host whose own HTTP server carries it; ``Configuration/callbackPort`` is 0 then.
    ///
    /// Any path: the host has chosen it. Any number of requests may be answered at the same time. In long-connection mode every
    /// one is answered with 400, and before and after ``run(handlesSignals:_:)-(_,BotHandler)`` with 503.
    @concurrent public func respond(to request: WebhookRequest) async -> WebhookResponse {
        guard case .longConnection = settings.withLock({ $0.channel }) else {
            guard case .running(let parts) = life.withLock({ $0 }) else { return .notRunning }
            return await parts.channel.respond(to: request)
        }
        return .otherMode
    }

    private func apply(to parts: BotParts) async {
        parts.dispatcher.reload(settings.withLock { $0.dispatcher })
        do {
            let isNew = try await parts.channel.reload { self.settings.withLock { $0.channel } }
            if isNew { log(.info, "another connection is made, as the new configuration says") }
        } catch {
            log(.error, "the new configuration cannot work: \(error)")
        }
    }

    private func reloadFromSource() async {
        guard let reread = settings.withLock({ $0.reread }) else {
            return log(.notice, "SIGHUP: there is nothing to read again; the configuration was made by the program")
        }
        do throws(ConfigurationError) {
            try await reload(try reread())
            log(.info, "SIGHUP: the configuration was read again")
        } catch {
            for problem in error.problems {
                log(.error, "SIGHUP: the new configuration is wrong, the old one stays in force: \(problem)")
            }
        }
    }

    /// Runs the bot with closures as its handler; see ``run(handlesSignals:_:)-(_,BotHandler)``.
    ///
    /// - Parameter onEvent: Is told of what happens that is no message; see ``BotCore/BotHandler``.
    @concurrent public func run(
        handlesSignals: Bool = true,
        onEvent: @escaping ClosureHandler.EventBody = { _, _ in },
        _ handler: @escaping @Sendable (_ message: Inbound, _ reply: Reply) async throws -> Void
    ) async throws(BotError) {
        try await run(handlesSignals: handlesSignals, ClosureHandler(onEvent: onEvent, handler))
    }

    /// Runs the bot until it is asked to end, and returns when everything has ended. Once; calling it again is a programming error.
    ///
    /// It connects, and connects again whenever the connection ends, without limit; in webhook mode it listens. The ways to end it:
    /// ``stop()``; SIGTERM or SIGINT, if it handles them, where a second signal ends the process at once; cancelling the task, which
    /// gives answers no time to end well. The first two take no longer than ``Configuration/shutdownDeadline``.
    ///
    /// - Parameters:
    ///   - handlesSignals: Whether it takes SIGTERM and SIGINT over while it runs, and SIGHUP unless standard input is a terminal. A
    ///     host that handles them itself says `false` and calls ``stop()`` and ``reload(_:)``. A handler that ignores its cancellation
    ///     keeps this method from returning; a bot that handles signals ends the process then, in time, with status 0 (69 if it was
    ///     displaced) and without flushing what C's streams hold.
    ///   - handler: Answers messages, on threads of its own.
    /// - Throws: ``BotError`` if the system has no threads, memory or descriptors left to begin with, if
    ///   ``Configuration/statusPort`` or ``Configuration/callbackPort`` cannot be listened on, and when the bot was displaced and
    ///   ``Configuration/onDisplaced`` is `stop`.
    @concurrent public func run(handlesSignals: Bool = true, _ handler: any BotHandler) async throws(BotError) {
        let isFirst = life.withLock { life in
            guard case .new(let since) = life else { return false }
            life = .starting(since: since)
            return true
        }
        precondition(isFirst, "Bot.run() was called twice")
        let (channel, dispatcher) = settings.withLock { ($0.channel, $0.dispatcher) }
        let store = stateFile.map { SQLiteStateStore(path: $0, log: log) }
        let parts = try BotParts(channel, dispatcher, handler, store, handlesSignals: handlesSignals, log: log)
        let endpoint = StatusEndpoint { await self.snapshot() }
        let server = try await open(parts, endpoint)
        life.withLock { $0 = .running(parts) }
        async let served: Void? = server?.run()
        await apply(to: parts)  // what was reloaded since it was made
        let changes = await parts.channel.states()  // before it runs, so that none is missed
        let way = parts.channel
        let reader = await way.reader
        let begun = Promise<Ending>()
        async let reason = awaitEnding(of: parts, begun)
        async let _ = endInTime(parts, begun)
        await withDiscardingTaskGroup { group in
            group.addTask { await parts.dispatcher.run(closesStore: false) }
            group.addTask { await parts.events.run() }
            group.addTask {
                // Before anything can arrive.
                await parts.dispatcher.recover(
                    restored: { reader.restored($0) },
                    resend: { way.resend($0) },
                    resume: { await way.channel(resuming: $0) }
                )
                await way.run()
                if await way.endedDisplaced { self.ending.yield(.displaced) }
            }
            group.addTask {
                for await state in changes {
                    endpoint.note(state)
                    self.stateChanges.yield(state)
                }
            }
            if let signals = parts.signals {
                // Beside the one that listens: a disk that hangs must not keep a second signal from ending the process.
                let (reloads, reload) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
                group.addTask { for await _ in reloads { await self.reloadFromSource() } }
                group.addTask {
                    for await signal in signals.deliveries {
                        if signal == .hangup { reload.yield() } else { self.ending.yield(.signal(signal)) }
                    }
                    reload.finish()
                }
            }
        }
        // What is pushed has its verdict only when the channel has ended.
        await parts.dispatcher.closeStore()
        stateChanges.finish()
        await server?.stop()
        await served
        // Whoever drains needs the loop until then.
        let isDisplaced = await reason == .displaced
        let last = (await parts.channel.snapshot(), parts.dispatcher.statistics, parts.events.statistics)
        life.withLock { $0 = .over(last.0, last.1, last.2) }
        await parts.loop.shutdown()
        if isDisplaced { throw BotError.displaced }
    }

    /// Takes what the channel needs, and listens on the status port, if there is to be one.
    private func open(_ parts: BotParts, _ endpoint: StatusEndpoint) async throws(BotError) -> HTTPServer? {
        do throws(BotError) {
            try await parts.channel.prepare()
            return try await serve(endpoint, on: parts.loop)
        } catch {
            parts.signals?.end()
            await parts.loop.shutdown()
            throw error
        }
    }

    private func serve(_ endpoint: StatusEndpoint, on loop: EventLoop) async throws(BotError) -> HTTPServer? {
        guard var status else { return nil }
        status.log = log
        do throws(TransportError) {
            let server = try await HTTPServer.listen(on: loop, status) { await endpoint.respond(to: $0) }
            log(.info, "telling the bot's state at http://\(status.authority)/")
            return server
        } catch {
            throw BotError(
                .statusPortUnavailable,
                "wecomaibot_status_port, wecomaibot_status_host (WECOM_STATUS_PORT, WECOM_STATUS_HOST): \(error.message)"
            )
        }
    }

    /// Drains at the first reason to end, and ends the process at a second signal.
    ///
    /// - Parameter begun: Is fulfilled when it begins to drain.
    /// - Returns: The first reason; `nil` if the task was cancelled before there was one.
    private func awaitEnding(of parts: BotParts, _ begun: Promise<Ending>) async -> Ending? {
        let first = await withTaskGroup(of: Void.self) { group in
            var first: Ending?
            var firstSignal: (signal: Signals.Signal, at: ContinuousClock.Instant)?
            for await reason in endings {
                if case .signal(let signal) = reason {
                    if let (before, at) = firstSignal {
                        if signal == before, .now - at <= Self.echoTime { continue }
                        log(.warning, "a second signal: ending without finishing what is under way")
                        _exit(128 + signal.rawValue)
                    }
                    firstSignal = (signal, .now)
                    if first != nil { log(.notice, "a signal: the bot is ending already; another one ends it at once") }
                }
                guard first == nil else { continue }
                first = reason
                log(.info, "ending: finishing what is under way; a second signal ends at once")
                begun.fulfill(reason)
                group.addTask { await self.drain(parts, because: reason) }
            }
            await group.waitForAll()
            return first
        }
        parts.signals?.end()
        return first
    }

    /// Ends the process when the time to end is over and something, such as a disk that does not answer, still keeps it. A host that
    /// handles signals itself decides about that itself. Returns when its task is cancelled.
    private func endInTime(_ parts: BotParts, _ begun: Promise<Ending>) async {
        guard parts.signals != nil, let reason = await begun.value() else { return }
        do { try await ContinuousClock().sleep(for: schedule.total) } catch { return }  // everything has ended
        log(.warning, "the time to end is over; ending with what is still under way")
        leave(because: reason)
    }

    /// Ends the process. Not by exit(3), which tears down what handlers may be using. Log lines are written as they are made.
    private func leave(because reason: Ending) -> Never {
        _exit(reason == .displaced ? BotError.displaced.exitStatus : EXIT_SUCCESS)
    }

    private var schedule: ShutdownSchedule { fixedSchedule ?? settings.withLock { $0.shutdown } }

    private func drain(_ parts: BotParts, because reason: Ending) async {
        let schedule = schedule
        await parts.channel.beginEnding()
        async let events: Void = parts.events.drain(deadline: schedule.handlers)
        await parts.dispatcher.drain(deadline: schedule.handlers, grace: schedule.verdicts)
        await events
        await close(parts.channel, within: schedule.closing)
        // Turns that only waited for their verdicts have them now; they end in a moment.
        await parts.dispatcher.drain(deadline: schedule.rest / 2, grace: schedule.rest / 4)
        let stuck = parts.dispatcher.statistics.active + parts.events.statistics.running
        if stuck > 0, parts.signals != nil {
            log(.warning, "handlers ignore their cancellation; ending without them", [.count: "\(stuck)"])
            leave(because: reason)
        }
        ending.finish()
    }

    private func close(_ channel: any BotChannel, within limit: Duration) async {
        let waiting = await channel.snapshot().queued
        if waiting > 0 {
            log(
                .notice,
                "messages and updates that waited for the connection, or for a rate limit, are not sent by this process",
                [.count: "\(waiting)"]
            )
        }
        let states = await channel.states()
        await channel.stop(within: limit)
        for await _ in states {}
    }
}
