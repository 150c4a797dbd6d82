import BotFoundation
import TestSupport
import Testing

@testable import BotCore

/// A conversation load is run once, with everything that it wrote down and sent in one list. Then the process is taken to have
/// died after each entry of that list in turn, and another one takes over.
@Suite("Dispatcher, recovery", .timeLimit(.minutes(10)))
struct DispatcherRecoveryTests {
    private enum Event: Sendable {
        case change(StateChange)
        case started(String)
        case sent(String, BubbleUpdate)
    }

    /// Answers as the gateway does: an update of a finished bubble is refused.
    private final class Channel: ReplyChannel {
        let route: String?
        private let finished: Locked<Set<Int>>
        private let onSend: @Sendable (String, BubbleUpdate) -> Void

        init(_ id: String, finished: Set<Int> = [], onSend: @escaping @Sendable (String, BubbleUpdate) -> Void) {
            route = id
            self.finished = Locked(finished)
            self.onSend = onSend
        }

        var capabilities: ReplyCapabilities { ReplyCapabilities(maximumBytes: 24) }

        func send(_ update: BubbleUpdate) async -> Delivery {
            let isOver = finished.withLock { finished in
                if finished.contains(update.bubble) { return true }
                if update.isFinal { finished.insert(update.bubble) }
                return false
            }
            if isOver { return .refused(.init(code: 846_607, "the stream is over")) }
            onSend(route ?? "", update)
            return .delivered
        }
    }

    private static let notice = "（中断）"
    private static let answers = [
        "短", "一个放得进一个气泡的回答", "第一个气泡放不下这个回答。\n\n所以它要分成好几个。每个都要到。", " ", "👨‍👩‍👧 e\u{301} ok",
    ]

    private static func answer(to id: String) -> String {
        let number = Int(id.split(separator: "-").last ?? "") ?? 0
        return "\(id)：" + answers[number % answers.count]
    }

    private static func dispatcher(
        _ store: RecordingStore,
        capture: LogCapture = LogCapture(),
        unixTime: @escaping @Sendable () -> Int64 = { 1_000_000 },
        onStart: @escaping @Sendable (String) -> Void
    ) -> Dispatcher {
        var configuration = DispatcherConfiguration()
        configuration.interruptedText = notice
        let handler = ClosureHandler { message, reply in
            onStart(message.id)
            for character in answer(to: message.id) {
                await reply.write(String(character))
                if character == "第" { await Task.yield() }
            }
        }
        return Dispatcher(
            handler: handler,
            configuration: configuration,
            store: store,
            clock: ManualClock(),
            unixTime: unixTime,
            log: capture.log
        )
    }

    private func load() async -> [Event] {
        let events = EventRecorder<Event>()
        let store = RecordingStore { events.record(.change($0)) }
        let dispatcher = Self.dispatcher(store) { events.record(.started($0)) }
        await dispatcher.recover { _ in nil }
        async let running: Void = dispatcher.run()
        for number in 0..<10 {
            let id = "m-\(number)"
            let channel = Channel(id) { events.record(.sent($0, $1)) }
            dispatcher.receive(.test(id, in: "chat-\(number % 3)"), through: channel)
        }
        await dispatcher.drain(deadline: .seconds(60))
        await running
        return events.events
    }

    @Test("dead after any step, the next process answers everything once and loses nothing", arguments: 0..<3)
    func diesAnywhere(round: Int) async throws {
        let events = await load()
        #expect(events.count > 60)
        for length in 0...events.count { try await takeOver(Array(events[..<length])) }
    }

    @Test func whenItHasEndedItHoldsNobodyWhoHoldsIt() async {
        weak var ended: Dispatcher?
        do {
            let dispatcher = Self.dispatcher(RecordingStore { _ in }) { _ in }
            ended = dispatcher
            await dispatcher.recover(resend: { _ in _ = dispatcher.ledger }) { _ in
                _ = dispatcher.ledger
                return nil
            }
            async let running: Void = dispatcher.run()
            await dispatcher.drain(deadline: .seconds(60))
            await running
        }
        // Threads let go of it when they have ended what they were at.
        while ended != nil { await Task.yield() }
    }

    private func takeOver(_ past: [Event]) async throws {
        var changes: [StateChange] = []
        var started: [String] = []
        var shown: [String: [Int: BubbleUpdate]] = [:]
        for event in past {
            switch event {
            case .change(let change): changes.append(change)
            case .started(let id): started.append(id)
            case .sent(let id, let update): shown[id, default: [:]][update.bubble] = update
            }
        }
        let finished = shown.mapValues { Set($0.filter { $0.value.isFinal }.keys) }
        let state = SavedState(after: changes)
        let owed = Dictionary(uniqueKeysWithValues: state.turns.map { ($0.message.id, $0) })

        let later = EventRecorder<Event>()
        let dispatcher = Self.dispatcher(RecordingStore(state)) { later.record(.started($0)) }
        let open = { @Sendable (id: String) in
            Channel(id, finished: finished[id] ?? []) { later.record(.sent($0, $1)) }
        }
        await dispatcher.recover { $0.route.map(open) }
        async let running: Void = dispatcher.run()
        // The platform repeats what it believes lost.
        for sighting in state.seen { dispatcher.receive(.test(sighting.id), through: open(sighting.id)) }
        await dispatcher.drain(deadline: .seconds(60))
        await running
        #expect(dispatcher.statistics.duplicates == state.seen.count)

        for case .started(let id) in later.events { started.append(id) }
        #expect(Set(started).count == started.count, "no handler runs twice")
        for case .sent(let id, let update) in later.events { shown[id, default: [:]][update.bubble] = update }
        let known = Set(state.seen.map(\.id))
        for id in Set(shown.keys) {
            #expect(known.contains(id), "nothing is shown of a message that could be answered again")
        }
        for id in known {
            let bubbles = shown[id] ?? [:]
            let isComplete = bubbles.values.allSatisfy(\.isFinal) && bubbles.count == (bubbles.keys.max() ?? -1) + 1
            #expect(isComplete && !bubbles.isEmpty, "\(id) is finished")
            let text = bubbles.sorted { $0.key < $1.key }.map(\.value.text).joined()
            let answer = Self.answer(to: id)
            guard let turn = owed[id], let saved = turn.answer, !saved.isComplete else {
                #expect(text == answer)
                continue
            }
            #expect(text.hasSuffix(Self.notice))
            let said = text.dropLast(Self.notice.count)
            let rest = String(said.reversed().drop { $0.isWhitespace }.reversed())
            #expect(answer.hasPrefix(rest) || answer == rest, "\(rest) is how \(answer) begins")
        }
    }

    @Test("what was owed when it ended is sent by the next process; what waits is answered by it")
    func endsWhileItOwes() async throws {
        let events = EventRecorder<Event>()
        let store = RecordingStore { events.record(.change($0)) }
        let clock = ManualClock()
        let capture = LogCapture()
        let dispatcher = Dispatcher(
            handler: ClosureHandler { message, reply in await reply.finish("answer to \(message.id)") },
            store: store,
            clock: clock,
            unixTime: { 0 },
            log: capture.log
        )
        await dispatcher.recover { _ in nil }
        let channel = RecordingChannel(automatic: nil)
        let routed = RoutedChannel(channel, route: "r")
        async let running: Void = dispatcher.run()
        dispatcher.receive(.test("1"), through: routed)
        dispatcher.receive(.test("2"), through: routed)
        await channel.sent.next()
        async let draining: Void = dispatcher.drain(deadline: .seconds(1))
        await clock.waitForSleepers(1)
        clock.advance(by: .seconds(1))
        await clock.waitForSleepers(1)
        // The connection is gone.
        channel.settle(.refused(.init("stopped before it was sent")))
        _ = await (draining, running)
        #expect(
            capture.messages(from: .notice) == [
                "messages that wait are answered after the next start",
                "the next start sends an answer that could not be sent",
            ]
        )
        let changes = events.events.compactMap { if case .change(let change) = $0 { change } else { nil } }
        let state = SavedState(after: changes)
        let owed = state.turns.sorted { $0.number < $1.number }.map(\.answer)
        // It never left, so that the next process may send it any way there is.
        #expect(
            owed.map { $0?.finals.map(\.text) } == [["answer to 1"], nil]
                && owed[0]?.finals.map(\.mayHaveArrived) == [false]
        )

        let next = RecordingChannel()
        let successor = Dispatcher(
            handler: ClosureHandler { message, reply in await reply.finish("later answer to \(message.id)") },
            store: RecordingStore(state),
            unixTime: { 1_000 },
            log: capture.log
        )
        await successor.recover { turn in turn.route == "r" ? next : nil }
        async let again: Void = successor.run()
        await successor.drain(deadline: .seconds(60))
        await again
        #expect(next.finals == ["answer to 1", "later answer to 2"])
        #expect(successor.statistics.recovered == 2)
        #expect(capture.messages().count { $0 == "an answer from before the start was delivered" } == 2)
    }

    @Test("what goes on after a restart is ended before any of it is sent")
    func endsBeforeItIsSent() async {
        let turns = (1...200).map {
            saved($0, answer: SavedAnswer(bubble: 0, text: "半", isShown: true, isComplete: $0.isMultiple(of: 2)))
        }
        let dispatcher = Self.dispatcher(RecordingStore(SavedState(turns: turns))) { _ in }
        let channel = RecordingChannel()
        await dispatcher.recover { _ in channel }
        async let running: Void = dispatcher.run()
        await dispatcher.drain(deadline: .seconds(60))
        await running
        #expect(channel.updates.count == 200 && channel.updates.allSatisfy(\.isFinal))
    }

    @Test("a store that can be opened only later is taken over then, and what came twice in between is answered once")
    func takesOverLater() async {
        let turns = [saved(1), saved(2)]
        let seen = (1...3).map { SavedState.Sighting(id: "m-\($0)", at: 999_999) }
        let store = RecordingStore(SavedState(turns: turns, seen: seen))
        store.failures = 1
        let (clock, capture) = (ManualClock(), LogCapture())
        let started = EventRecorder<String>()
        let dispatcher = Dispatcher(
            handler: ClosureHandler { message, reply in
                started.record(message.id)
                await reply.finish(message.id)
            },
            store: store,
            clock: clock,
            unixTime: { 1_000_000 },
            log: capture.log
        )
        let channel = RecordingChannel()
        await dispatcher.recover { _ in channel }
        async let running: Void = dispatcher.run()
        // The platform repeats it, as it is not known yet that it was seen.
        dispatcher.receive(.test("m-1", in: "1"), through: RoutedChannel(channel, route: "r"))
        await started.wait { $0.contains("m-1") }
        await clock.waitForSleepers(1)
        clock.advance(by: Ledger.retryInterval)
        await started.wait { $0.contains("m-2") }
        for id in ["m-1", "m-2", "m-3"] { dispatcher.receive(.test(id, in: id), through: channel) }
        await dispatcher.drain(deadline: .seconds(60))
        await running
        #expect(started.events.sorted() == ["m-1", "m-2"])
        #expect(channel.finals.sorted() == ["m-1", "m-2"])
        #expect(dispatcher.statistics.duplicates == 3 && dispatcher.statistics.recovered == 1)
        #expect(SavedState(after: turns.map { .opened($0) } + store.changes).turns.isEmpty)
        #expect(capture.messages(from: .error).count == 1)
    }

    @Test("what is found in the store of a process that ends already stays there")
    func foundAtTheEnd() async {
        let store = RecordingStore(SavedState(turns: [saved(1)]))
        let dispatcher = Self.dispatcher(store) { _ in Issue.record("it was handled") }
        dispatcher.stopIntake()
        await dispatcher.recover { _ in RecordingChannel() }
        await dispatcher.run()
        #expect(store.changes.isEmpty && store.isClosed)
    }

    @Test("a message whose turn had come too late to be handled is left as one that waits")
    func tooLateToBegin() async {
        let (store, clock, gate) = (RecordingStore(), ManualClock(), ThreadGate())
        let dispatcher = Dispatcher(
            handler: ClosureHandler { _, _ in Issue.record("it was handled") },
            store: store,
            clock: clock,
            unixTime: { 0 }
        )
        await dispatcher.recover { _ in nil }
        let channel = RecordingChannel()
        store.gate = gate
        async let running: Void = dispatcher.run()
        dispatcher.receive(.test("1"), through: RoutedChannel(channel, route: "r"))
        // Its turn waits for the disk before it begins.
        await clock.waitForSleepers(1)
        async let draining: Void = dispatcher.drain(deadline: .seconds(1))
        await clock.waitForSleepers(2)
        clock.advance(by: .seconds(1))
        await clock.waitForSleepers(2)
        gate.open()
        _ = await (draining, running)
        #expect(channel.updates == [])
        let wasBegun = store.batches.joined().contains { $0.hasPrefix("open 1 1 [") || $0.hasPrefix("answer 1") }
        #expect(wasBegun)
        let state = SavedState(after: store.changes)
        #expect(state.turns.map(\.message.id) == ["1"])
        #expect(state.turns.allSatisfy { $0.answer == nil })
    }

    @Test("every bubble that could not be sent when it ended is sent by the next process, and none twice")
    func endsAmongBubbles() async {
        let events = EventRecorder<Event>()
        let store = RecordingStore { events.record(.change($0)) }
        let clock = ManualClock()
        let dispatcher = Dispatcher(
            handler: ClosureHandler { _, reply in await reply.finish("aaaabbbbccccdd") },
            store: store,
            clock: clock,
            unixTime: { 0 }
        )
        await dispatcher.recover { _ in nil }
        let channel = RecordingChannel(maximumBytes: 4, automatic: nil)
        async let running: Void = dispatcher.run()
        dispatcher.receive(.test("1"), through: RoutedChannel(channel, route: "r"))
        await channel.sent.next()
        async let draining: Void = dispatcher.drain(deadline: .seconds(1))
        await clock.waitForSleepers(1)
        // The server has judged the third; the others it has not, or not heard of.
        channel.settle(.unknown(.init("stopped before it was acknowledged")))
        channel.settle(.refused(.init("stopped before it was sent")))
        channel.settle(.refused(.init(code: 40_008, "no")))
        channel.settle(.refused(.init("stopped before it was sent")))
        _ = await (draining, running)
        let changes = events.events.compactMap { if case .change(let change) = $0 { change } else { nil } }
        let state = SavedState(after: changes)
        #expect(state.turns.first?.answer?.finals.map(\.mayHaveArrived) == [true, false, false])

        let next = RecordingChannel()
        let successor = Dispatcher(
            handler: ClosureHandler { _, _ in Issue.record("handled twice") },
            store: RecordingStore(state),
            unixTime: { 1_000 }
        )
        await successor.recover { _ in next }
        async let again: Void = successor.run()
        await successor.drain(deadline: .seconds(60))
        await again
        let expected = [(0, "aaaa"), (1, "bbbb"), (3, "dd")]
        #expect(next.updates == expected.map { BubbleUpdate(bubble: $0.0, text: $0.1, isFinal: true) })
    }

    @Test("an answer that may have been seen is unknown, not refused, when its repetition is")
    func repeatedAndRefused() async {
        let capture = LogCapture()
        let state = SavedState(turns: [
            saved(1, answer: Self.ended("done", mayHaveArrived: true)),
            saved(2, answer: Self.ended("done", mayHaveArrived: false)),
        ])
        let store = RecordingStore(state)
        let dispatcher = Self.dispatcher(store, capture: capture) { _ in }
        await dispatcher.recover { _ in RecordingChannel(automatic: .refused(.init(code: 846_607, "over"))) }
        async let running: Void = dispatcher.run()
        await dispatcher.drain(deadline: .seconds(60))
        await running
        #expect(dispatcher.statistics.unknown == 1)
        #expect(dispatcher.statistics.undelivered == 1)
        #expect(
            capture.messages(from: .notice).sorted() == [
                "an answer from before the start may not have been delivered: sent again after a restart: over (errcode 846607)",
                "an answer from before the start was not delivered: over (errcode 846607)",
            ]
        )
        #expect(store.batches.flatMap(\.self).filter { $0.hasPrefix("close") }.sorted() == ["close 1", "close 2"])
    }

    @Test("what is a day old, or cannot be answered, is given up with a line")
    func givenUp() async {
        let day: Int64 = 86_400_000
        let capture = LogCapture()
        let state = SavedState(turns: [
            saved(1, at: 1), saved(2, at: 0), saved(3, at: 5, route: nil), saved(4, at: .min),
        ])
        let store = RecordingStore(state)
        let started = Locked<[String]>([])
        let dispatcher = Self.dispatcher(store, capture: capture, unixTime: { day }) { id in
            started.withLock { $0.append(id) }
        }
        let channel = RecordingChannel()
        await dispatcher.recover { $0.route == nil ? nil : channel }
        async let running: Void = dispatcher.run()
        await dispatcher.drain(deadline: .seconds(60))
        await running
        #expect(started.withLock { $0 } == ["m-1"])
        #expect(
            capture.messages(from: .warning).sorted() == [
                "a message from before the start is not answered: it is too old",
                "a message from before the start is not answered: it is too old",
                "a message from before the start is not answered: the way to answer it is not known",
            ]
        )
        #expect(
            Set(store.batches.flatMap(\.self).filter { $0.hasPrefix("close") }) == [
                "close 1", "close 2", "close 3", "close 4",
            ]
        )
    }

    @Test("ids are remembered for as long as before, at the limit and just before it; new turns get new numbers")
    func window() async {
        let state = SavedState(
            turns: [saved(41)],
            seen: [
                .init(id: "old", at: 400_000), .init(id: "young", at: 400_001), .init(id: "future", at: 9_000_000),
                .init(id: "", at: .max),
            ]
        )
        let store = RecordingStore(state)
        let dispatcher = Self.dispatcher(store) { _ in }
        let channel = RecordingChannel()
        await dispatcher.recover { _ in channel }
        async let running: Void = dispatcher.run()
        for id in ["old", "young", "future", ""] { dispatcher.receive(.test(id), through: channel) }
        await dispatcher.drain(deadline: .seconds(60))
        await running
        #expect(dispatcher.statistics.duplicates == 2)
        let numbers = store.batches.flatMap(\.self).filter { $0.hasPrefix("open") }.compactMap {
            $0.split(separator: " ").dropFirst().first
        }
        #expect(numbers.allSatisfy { Int($0) ?? 0 > 41 } && numbers.count == 2)
        #expect(store.batches.flatMap(\.self).contains("seen young 1000000"))
    }

    @Test("a store that fails from the start or on the way changes nothing for the user")
    func failingStore() async {
        for isOpen in [false, true] {
            let store = RecordingStore()
            store.failures = isOpen ? 0 : 1
            let capture = LogCapture()
            let dispatcher = Self.dispatcher(store, capture: capture) { _ in }
            await dispatcher.recover { _ in nil }
            store.failures = .max
            let channel = RecordingChannel()
            async let running: Void = dispatcher.run()
            for number in 0..<20 { dispatcher.receive(.test("m-\(number)", in: "\(number)"), through: channel) }
            await dispatcher.drain(deadline: .seconds(60))
            await running
            #expect(dispatcher.statistics.delivered == 20)
            #expect(dispatcher.statistics.storeFailures >= 1)
            #expect(capture.messages(from: .error).count == 1)
            #expect(store.isClosed)
        }
    }

    private static func ended(_ text: String, mayHaveArrived: Bool) -> SavedAnswer {
        let final = SavedAnswer.Final(bubble: 0, text: text, mayHaveArrived: mayHaveArrived)
        return SavedAnswer(finals: [final], bubble: 0, text: "", isShown: false, isComplete: true)
    }

    private func saved(_ number: Int64, at time: Int64 = 1_000_000, route: String? = "r", answer: SavedAnswer? = nil)
        -> SavedTurn
    {
        SavedTurn(
            number: number,
            message: .test("m-\(number)", in: "\(number)"),
            route: route,
            receivedAt: time,
            answer: answer
        )
    }
}
