import BotCore
import BotFoundation
import GatewaySimulator
import TestSupport
import WeComAIBot

extension FaultCase {
    /// The link is cut after every number of bytes of a streamed answer, in either direction.
    static let offsets = FaultCase("offsets", .works) { context in
        let workers = 32
        let sweep = try await OffsetSweep(context, workers: workers)
        return try await sweep.bench.run { try await sweep.run() }
    }
}

/// What one conversation in which the link was cut came to.
enum OffsetOutcome: Sendable, Hashable {
    /// The message did not reach the bot.
    case messageLost
    case delivered, unknown, refused
    /// The conversation was over before so many bytes had passed.
    case uncut
}

/// Cuts links at offsets of a conversation of 20 frames, with several bots at once.
final class OffsetSweep: Sendable {
    /// How long the default run may take; beyond that only a part of the offsets is tried.
    private static let budget = Duration.seconds(20)
    private static let pieces = 20

    let bench: Bench
    private let context: Context
    private let workers: Int
    private let bots: [String]

    /// One place to cut at.
    private struct Place: Sendable {
        let direction: Direction
        let offset: Int
    }

    private struct Queue {
        var places: [Place]
        var next = 0
        var stopAt: ContinuousClock.Instant?
        var counts: [OffsetOutcome: Int] = [:]
    }

    init(_ context: Context, workers: Int) async throws {
        self.context = context
        self.workers = workers
        bots = (0..<workers).map { "aib-offset-\($0)" }
        bench = try await Bench(context, bots: bots)
    }

    func run() async throws -> String {
        let lengths = try await measure()
        var places = Direction.allCases.flatMap { direction in
            // A little beyond the end, since the ids in it grow by some digits.
            (0...(lengths[direction, default: 0] + 160)).map { Place(direction: direction, offset: $0) }
        }
        let all = places.count
        // An order in which every prefix is spread evenly, so that a run that is out of time has tried every part.
        var generator = context.generator(7)
        if !context.isExhaustive { places.shuffle(using: &generator) }
        let began = ContinuousClock.now
        let queue = Locked(Queue(places: places, stopAt: context.isExhaustive ? nil : began + Self.budget))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for bot in bots { group.addTask { try await self.work(bot, queue) } }
            try await group.waitForAll()
        }
        let time = ContinuousClock.now - began
        let counts = queue.withLock { $0.counts }
        let tried = counts.values.reduce(0, +)
        let rate = Int(Double(tried) / (time / .seconds(1)))
        return
            "\(tried) of \(all) offsets (\(lengths[.up, default: 0]) bytes up, \(lengths[.down, default: 0]) down), \(rate)/s: "
            + "\(counts[.delivered, default: 0]) delivered and shown once, \(counts[.unknown, default: 0]) unknown, "
            + "\(counts[.refused, default: 0]) refused, \(counts[.messageLost, default: 0]) messages lost before they reached the bot, "
            + "\(counts[.uncut, default: 0]) over before the cut; no false success, no bubble left unfinished"
    }

    /// What is said where the link is cut there: always as long, so that conversations are, and each time something else.
    private static func text(_ place: Place) -> String {
        "c\((place.direction == .up ? 1_000_000 : 2_000_000) + place.offset)"
    }

    /// The length of a conversation that is not cut.
    private func measure() async throws -> [Direction: Int] {
        let proxy = try FaultProxy(to: bench.gatewayPort, on: bench.relay)
        let worker = try await Worker(bench, bots[0], proxy)
        try await worker.client.ready()
        let before = Direction.allCases.map { proxy.passed($0) }
        guard try await worker.converse(Self.text(Place(direction: .up, offset: 0)), cut: nil) == .uncut else {
            throw Failure(expected: "an uncut conversation to be delivered", seen: "it was not")
        }
        let after = Direction.allCases.map { proxy.passed($0) }
        await worker.client.stop()
        return Dictionary(uniqueKeysWithValues: zip(Direction.allCases, zip(before, after).map { $1 - $0 }))
    }

    /// One bot goes through offsets until there are none left.
    private func work(_ bot: String, _ queue: Locked<Queue>) async throws {
        let proxy = try FaultProxy(to: bench.gatewayPort, on: bench.relay)
        let worker = try await Worker(bench, bot, proxy)
        while true {
            let place = queue.withLock { queue -> Place? in
                guard queue.next < queue.places.count else { return nil }
                if let stopAt = queue.stopAt, stopAt < .now { return nil }
                defer { queue.next += 1 }
                return queue.places[queue.next]
            }
            guard let place else { break }
            let cut: Cut = (place.offset + (place.direction == .up ? 1 : 0)) % 2 == 0 ? .finish : .reset
            let outcome: OffsetOutcome
            do {
                outcome = try await worker.converse(Self.text(place)) {
                    proxy.cut(cut, after: place.offset, place.direction)
                }
            } catch let failure as Failure {
                let name = "\(cut) after \(place.offset) bytes \(place.direction)"
                throw Failure(expected: "\(name): \(failure.expected)", seen: failure.seen)
            }
            queue.withLock { $0.counts[outcome, default: 0] += 1 }
        }
        await worker.client.stop()
    }

    /// One bot, its client and its link.
    private final class Worker: Sendable {
        let client: Client
        private let bench: Bench
        private let bot: String
        private let proxy: FaultProxy
        private let progress: Progress

        init(_ bench: Bench, _ bot: String, _ proxy: FaultProxy) async throws {
            self.bench = bench
            self.bot = bot
            self.proxy = proxy
            let progress = Progress()
            self.progress = progress
            var configuration = try bench.configuration(bot: bot, through: proxy)
            configuration.heartbeatInterval = .seconds(30)
            configuration.machine.reconnectBase = .milliseconds(2)
            configuration.machine.reconnectCap = .milliseconds(10)
            configuration.machine.minimumAttemptGap = .milliseconds(1)
            client = try await bench.client(
                configuration,
                clock: FastClock(rate: 60),
                // Lines of every frame would cost more than the frames do.
                logLevel: .debug,
                handler: { message, reply in
                    // A piece only when the one before it has its verdict, so that each is a frame of its own.
                    for number in 0..<OffsetSweep.pieces - 1 {
                        await reply.write("\(message.text):\(number) ")
                        await progress.sent(number + 1)
                    }
                    await reply.write("\(message.text):end")
                    let outcome = await reply.finish()
                    progress.ended(outcome)
                },
                adapt: { message, channel in
                    progress.received(message.id)
                    return CountingChannel(channel: channel, progress: progress)
                }
            )
        }

        /// One conversation on a link that is whole before, and is cut as `cut` arranges.
        func converse(_ text: String, cut: (() -> Void)?) async throws -> OffsetOutcome {
            let states = client.states
            let position = states.events.last?.state == .ready ? states.events.count : try await client.ready().count
            progress.reset()
            cut?()
            let message = await bench.gateway.pushText(from: "user-\(text)", text, to: bot)
            let expected = (0..<OffsetSweep.pieces - 1).map { "\(text):\($0) " }.joined() + "\(text):end"
            let verdict = try await settled(position)
            let isCut = states.events.count > position
            if isCut {
                try await client.state(after: position, "ready again") { $0 == .ready }
            } else if cut != nil {
                // It was over before. The next conversation begins on a fresh link all the same.
                proxy.cut(.reset)
                try await client.ready(after: position)
            }
            let sight = try await bench.sight(of: message, expected, claims: verdict)
            guard let verdict else {
                let isUntouched = !progress.wasReceived(message.messageID) && sight.bubbles.isEmpty && sight.times == 0
                try expect(isUntouched, "no answer to a lost message", seen: "\(sight)")
                return .messageLost
            }
            let seen = "\(verdict), \(sight)"
            try expect(sight.times <= 1 && sight.bubbles.count <= 1, "the answer once", seen: seen)
            switch verdict {
            case .unknown, .refused:
                try expect(!sight.isUnfinished, "no unfinished bubble on a link that is up", seen: seen)
                if case .refused = verdict {
                    try expect(!sight.isWhole, "a refused answer not to be shown", seen: seen)
                    return .refused
                }
                return .unknown
            default:
                try expect(sight.isWhole, "a delivered answer to be shown whole and once", seen: seen)
                return isCut ? .delivered : .uncut
            }
        }

        /// Waits for the verdict on the answer; `nil` if the link was replaced and the message had not come before that.
        private func settled(_ position: Int) async throws -> Delivery? {
            try await within(
                .seconds(20),
                "a verdict",
                seen: { [client, progress] in
                    "\(client.states.events.suffix(3).map(\.state)), \(progress.description)"
                }
            ) { [client, progress] in
                await withTaskGroup(of: Delivery?.self) { group in
                    group.addTask { await progress.outcome() }
                    group.addTask {
                        let events = await client.states.wait { $0.dropFirst(position).contains { $0.state == .ready } }
                        guard events.dropFirst(position).contains(where: { $0.state == .ready }) else { return nil }
                        // What comes on a link is handed on before the link's end is.
                        return progress.hasReceived ? await progress.outcome() : nil
                    }
                    defer { group.cancelAll() }
                    return await group.next() ?? nil
                }
            }
        }
    }
}

/// How far a conversation has come.
private final class Progress: Sendable {
    private enum Event: Sendable { case received(String), sent, ended(Delivery) }
    private struct State {
        var recorder = EventRecorder<Event>()
    }
    private let state = Locked(State())
    private var recorder: EventRecorder<Event> { state.withLock { $0.recorder } }

    func reset() { state.withLock { $0.recorder = EventRecorder() } }
    func received(_ id: String) { recorder.record(.received(id)) }
    func updateSent() { recorder.record(.sent) }
    func ended(_ outcome: Delivery) { recorder.record(.ended(outcome)) }

    /// Waits until so many updates have their verdict.
    func sent(_ count: Int) async {
        await recorder.wait { $0.count { if case .sent = $0 { true } else { false } } >= count }
    }

    /// Waits for the end; `nil` in a cancelled task.
    func outcome() async -> Delivery? {
        let events = await recorder.wait { if case .ended = $0.last { true } else { false } }
        if case .ended(let outcome) = events.last { return outcome }
        return nil
    }

    var hasReceived: Bool { recorder.events.contains { if case .received = $0 { true } else { false } } }
    func wasReceived(_ id: String) -> Bool {
        recorder.events.contains { if case .received(id) = $0 { true } else { false } }
    }
    var description: String { "\(recorder.events.count) events, last \(recorder.events.last as Any)" }
}

/// A channel that tells of each verdict.
private struct CountingChannel: ReplyChannel {
    let channel: any ReplyChannel
    let progress: Progress

    var capabilities: ReplyCapabilities { channel.capabilities }

    func send(_ update: BubbleUpdate) async -> Delivery {
        let delivery = await channel.send(update)
        progress.updateSent()
        return delivery
    }
}
