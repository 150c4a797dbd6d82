import BotFoundation
import TestSupport
import Testing

@testable import BotCore

/// Messages that the app has cut, and that the handler is to get as one.
@Suite("Dispatcher, messages that belong together", .timeLimit(.minutes(10)))
struct DispatcherMergeTests {
    private static let window = Duration.milliseconds(800)
    private let clock = ManualClock()
    private let capture = LogCapture()

    /// A channel whose message has a bubble from the beginning, as in webhook mode.
    private final class BubbleChannel: ReplyChannel {
        let route: String?
        let dropped = Locked<[String?]>([])
        let recording = RecordingChannel()

        init(_ route: String? = nil) { self.route = route }

        var capabilities: ReplyCapabilities { recording.capabilities }
        func send(_ update: BubbleUpdate) async -> Delivery { await recording.send(update) }
        func dropped(saying text: String?) { dropped.withLock { $0.append(text) } }
    }

    private func dispatcher(
        _ store: RecordingStore? = nil,
        window: Duration = window,
        onStart: @escaping @Sendable (Inbound) -> Void = { _ in }
    ) -> Dispatcher {
        var configuration = DispatcherConfiguration()
        configuration.mergeWindow = window
        configuration.mergedText = "见下"
        configuration.busyText = "忙"
        configuration.interruptedText = "中断"
        let handler = ClosureHandler { message, reply in
            onStart(message)
            await reply.finish("答：\(message.text)")
        }
        return Dispatcher(
            handler: handler,
            configuration: configuration,
            store: store,
            clock: clock,
            unixTime: { 1_000_000 },
            log: capture.log
        )
    }

    @Test("what comes within the window is one message, answered by the newest; the bubbles of the others end")
    func merges() async {
        let dispatcher = dispatcher()
        let channels = (0..<3).map { _ in BubbleChannel() }
        async let running: Void = dispatcher.run()
        dispatcher.receive(.test("1", text: "一段长文字，"), through: channels[0])
        await clock.waitForSleepers(1)
        clock.advance(by: .milliseconds(700))
        dispatcher.receive(.test("2", text: "第二段👋🏽"), through: channels[1])
        dispatcher.receive(.test("2", text: "第二段👋🏽"), through: BubbleChannel())  // delivered again
        clock.advance(by: .milliseconds(100))
        // The first one's window is over, the second one's is not.
        await clock.waitForSleepers(1)
        dispatcher.receive(.test("3", text: "e\u{301}nd"), through: channels[2])
        clock.advance(by: .milliseconds(700))
        await clock.waitForSleepers(1)
        #expect(dispatcher.statistics.delivered == 0)
        clock.advance(by: .milliseconds(100))
        await channels[2].recording.sent.next()
        await dispatcher.drain(deadline: .seconds(60))
        await running
        #expect(channels.map(\.recording.finals) == [[], [], ["答：一段长文字，\n第二段👋🏽\ne\u{301}nd"]])
        #expect(channels.map { $0.dropped.withLock { $0 } } == [["见下"], ["见下"], []])
        let statistics = dispatcher.statistics
        #expect(statistics.received == 4 && statistics.duplicates == 1 && statistics.merged == 2)
        #expect(statistics.delivered == 1 && statistics.active == 0 && statistics.queued == 0)
    }

    @Test("without a window nothing waits and nothing is merged")
    func off() async {
        let dispatcher = dispatcher(window: .zero)
        let channel = BubbleChannel()
        for number in 1...3 { dispatcher.receive(.test("\(number)", text: "\(number)"), through: channel) }
        async let running: Void = dispatcher.run()
        await dispatcher.drain(deadline: .seconds(60))
        await running
        #expect(channel.recording.finals == ["答：1", "答：2", "答：3"] && dispatcher.statistics.merged == 0)
    }

    @Test("a message that is no part comes after what it interrupts, and ends the wait")
    func interrupted() async {
        let dispatcher = dispatcher()
        let channel = BubbleChannel()
        for (id, text) in [("1", "a"), ("2", "b"), ("3", "/stop"), ("4", "c")] {
            dispatcher.receive(.test(id, text: text), through: channel)
        }
        async let running: Void = dispatcher.run()
        // "/stop" waits behind them: nothing more can belong to them. Only "c" waits for more.
        await clock.waitForSleepers(1)
        #expect(channel.recording.finals == ["答：a\nb", "答：/stop"])
        clock.advance(by: Self.window)
        await dispatcher.drain(deadline: .seconds(60))
        await running
        #expect(channel.recording.finals == ["答：a\nb", "答：/stop", "答：c"])
    }

    @Test("the end of the bot does not wait for the window")
    func shutdown() async {
        let dispatcher = dispatcher()
        let channel = BubbleChannel()
        async let running: Void = dispatcher.run()
        dispatcher.receive(.test("1", text: "a"), through: channel)
        await clock.waitForSleepers(1)
        dispatcher.receive(.test("2", text: "b"), through: channel)
        // The clock stands still.
        await dispatcher.drain(deadline: .seconds(60))
        await running
        #expect(channel.recording.finals == ["答：a\nb"])
    }

    @Test("when the time is over before they could begin, the next process has each as it came")
    func tooLate() async {
        let (store, gate) = (RecordingStore(), ThreadGate())
        let dispatcher = dispatcher(store) { _ in Issue.record("it is too late to begin") }
        let channels = (0..<2).map { BubbleChannel("\($0)") }
        await dispatcher.recover { _ in nil }
        store.gate = gate
        async let running: Void = dispatcher.run()
        dispatcher.receive(.test("0", text: "零"), through: channels[0])
        await clock.waitForSleepers(1)
        dispatcher.receive(.test("1", text: "一"), through: channels[1])
        clock.advance(by: Self.window * 2)
        // It waits for the disk.
        await clock.waitForSleepers(1)
        async let draining: Void = dispatcher.drain(deadline: .zero)
        await clock.waitForSleepers(2)
        gate.open()
        _ = await (draining, running)
        let owed = SavedState(after: store.changes).turns.sorted { $0.number < $1.number }
        #expect(owed.map(\.message.text) == ["零", "一"] && owed.allSatisfy { $0.answer == nil })
        #expect(channels.allSatisfy { $0.recording.updates.isEmpty && $0.dropped.withLock(\.isEmpty) })
    }

    @Test("of what was put together and has waited in vain, every part counts")
    func rejected() {
        var configuration = DispatcherConfiguration()
        configuration.mergeWindow = Self.window
        var machine = DispatcherMachine(configuration: configuration)
        let now = ContinuousClock.now
        for number in 0..<3 {
            let turn = Turn(message: .test("\(number)"), channel: RecordingChannel(), arrived: now)
            _ = machine.admit(turn, now: now)
        }
        let first = Turn(message: .test("0"), channel: RecordingChannel(), arrived: now)
        let (turn, waitsUntil) = machine.gather(first, now: now)
        #expect(turn.earlier.count == 2 && waitsUntil == now + Self.window)
        #expect(machine.gather(turn, now: now + Self.window).waitsUntil == nil)
        #expect(machine.statistics.queued == 0 && machine.statistics.queuedBytes == 0)
        _ = machine.expire(keepsWaiting: false)
        #expect(machine.abandoned(turn) != nil && machine.statistics.rejected == 3)
    }

    // MARK: A restart

    private enum Step: Sendable {
        case change(StateChange)
        case started(String)

        func opens(_ id: String) -> Bool {
            if case .change(.opened(let turn)) = self { turn.message.id == id } else { false }
        }
    }

    @Test("dead after any step, every part reaches a handler once, or its author is told")
    func diesAnywhere() async {
        let steps = EventRecorder<Step>()
        let store = RecordingStore { steps.record(.change($0)) }
        let first = dispatcher(store) { steps.record(.started($0.text)) }
        await first.recover { _ in nil }
        async let running: Void = first.run()
        for number in 1...3 {
            first.receive(.test("\(number)", text: "第\(number)段"), through: BubbleChannel("\(number)"))
            // Each stands in the store before the next comes.
            await steps.wait { steps in steps.contains { $0.opens("\(number)") } }
        }
        await first.drain(deadline: .seconds(60))
        await running
        let past = steps.events
        #expect(past.count > 6)
        for length in 0...past.count { await takeOver(Array(past[..<length])) }
    }

    private func takeOver(_ past: [Step]) async {
        var (changes, received, texts): ([StateChange], [String], [String]) = ([], [], [])
        for step in past {
            switch step {
            case .change(let change):
                changes.append(change)
                if case .opened(let turn) = change, turn.answer == nil { received.append(turn.message.text) }
            case .started(let text): texts += text.split(separator: "\n").map(String.init)
            }
        }
        let state = SavedState(after: changes)
        let started = Locked<[String]>([])
        let next = dispatcher(RecordingStore(state)) { message in started.withLock { $0.append(message.text) } }
        let channels = Locked<[String: BubbleChannel]>([:])
        await next.recover { turn in
            let channel = BubbleChannel(turn.route)
            channels.withLock { $0[turn.route ?? ""] = channel }
            return channel
        }
        async let running: Void = next.run()
        await next.drain(deadline: .seconds(60))
        await running
        texts += started.withLock { $0 }.flatMap { $0.split(separator: "\n").map(String.init) }
        #expect(Set(texts).count == texts.count, "no part is handled twice")
        let told = channels.withLock { $0.values.contains { $0.recording.finals.contains { $0.contains("中断") } } }
        for text in received { #expect(texts.contains(text) || told, "\(text) after \(past.count) steps") }
        #expect(next.statistics.active == 0)
    }
}
