import BotCore
import BotFoundation
import LWSTransport
import TestSupport
import WeComAIBot

/// A bot as `Bot` puts it together, a dispatcher on a long connection, with the waits and the clock that a case wants.
final class Client: Sendable {
    typealias Handler = @Sendable (Inbound, Reply) async throws -> Void

    /// Puts something between the answer to a message and its channel. Called on the loop.
    typealias Adapter = @Sendable (Inbound, any ReplyChannel) -> any ReplyChannel

    /// A state, and when it was entered.
    struct Change: Sendable {
        let state: ConnectionState
        let at: ContinuousClock.Instant
    }

    let connection: LongConnection
    let dispatcher: Dispatcher
    /// Every state so far.
    let states = EventRecorder<Change>()
    /// The lines of its log at `info` and above.
    let lines = EventRecorder<Log.Record>()
    /// When it said that it is not connected and when it will try again: on the loop, so not late as a reader of states may be.
    let losses = Locked<[ContinuousClock.Instant]>([])
    private let running: Task<Void, Never>

    /// Starts it.
    ///
    /// - Parameter keepsHistory: Whether states and lines are kept, which takes memory for as long as it runs.
    init(
        _ configuration: LongConnectionConfiguration,
        on loop: EventLoop,
        clock: any Clock<Duration>,
        dispatching: DispatcherConfiguration,
        keepsHistory: Bool,
        logLevel: Log.Level,
        audit: Audit,
        handler: @escaping Handler,
        adapt: @escaping Adapter
    ) async throws {
        let log = audit.log(level: logLevel) { [lines, losses] record in
            guard keepsHistory else { return }
            if record.metadata.contains(where: { $0.key == .retryIn }) { losses.withLock { $0.append(.now) } }
            if record.level >= .info { lines.record(record) }
        }
        let dispatcher = Dispatcher(
            handler: ClosureHandler(handler),
            configuration: dispatching,
            clock: clock,
            log: log
        )
        let connection = try LongConnection(configuration, on: loop, log: log) { message, channel in
            dispatcher.receive(message, through: adapt(message, channel))
        }
        self.connection = connection
        self.dispatcher = dispatcher
        let changes = await connection.states()
        running = Task { [states] in
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await dispatcher.run() }
                group.addTask { await connection.run() }
                group.addTask {
                    for await state in changes where keepsHistory { states.record(Change(state: state, at: .now)) }
                }
            }
        }
    }

    /// Ends it.
    func stop() async {
        await dispatcher.drain(deadline: .zero)
        await connection.stop()
        await running.value
    }

    /// Waits until a state fits that was entered after so many others: the number behind it, and when it was entered.
    @discardableResult
    func state(
        after count: Int = 0,
        within limit: Duration = .seconds(10),
        _ expected: String,
        _ fits: @escaping @Sendable (ConnectionState) -> Bool
    ) async throws -> (count: Int, change: Change) {
        let states = states
        return try await within(limit, "the state \(expected)", seen: { "\(states.events.last?.state as Any)" }) {
            let events = await states.wait { $0.dropFirst(count).contains { fits($0.state) } }
            guard let index = events.indices.dropFirst(count).first(where: { fits(events[$0].state) }) else {
                throw CancellationError()
            }
            return (index + 1, events[index])
        }
    }

    /// Waits until it is ready.
    @discardableResult
    func ready(after count: Int = 0, within limit: Duration = .seconds(10)) async throws -> (count: Int, change: Change)
    {
        try await state(after: count, within: limit, "ready") { $0 == .ready }
    }

    /// Waits until it has lost its connection.
    @discardableResult
    func waiting(after count: Int = 0, within limit: Duration = .seconds(10)) async throws -> (
        count: Int, change: Change
    ) {
        try await state(after: count, within: limit, "waiting") { if case .waiting = $0 { true } else { false } }
    }

    /// Waits until so many answers have their verdict.
    @discardableResult
    func settled(_ count: Int, within limit: Duration = .seconds(20)) async throws -> DispatcherStatistics {
        let deadline = ContinuousClock.now + limit
        while true {
            let total = dispatcher.statistics
            if total.delivered + total.undelivered + total.unknown >= count { return total }
            try expect(.now < deadline, "\(count) verdicts within \(limit.figure)", seen: "\(total)")
            try await ContinuousClock().sleep(for: .milliseconds(10))
        }
    }

    /// Answers with the text itself.
    static let echo: Handler = { message, reply in await reply.write("echo: " + message.text) }
}

extension ConnectionState {
    /// Why it waits.
    var reason: String? { if case .waiting(_, let reason) = self { reason } else { nil } }
}
