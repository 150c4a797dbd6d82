import BotCore
import BotFoundation
import Foundation
import TestSupport
import Testing

@testable import WeComAIBot

/// What is pushed, and what stands of it in the store.
@Suite(.timeLimit(.minutes(10)))
struct OutboxTests {
    /// What was to be sent, as another process would find it; each time that it changes.
    private final class Store: StateStore {
        let states = EventRecorder<[Int64: SavedPush]>()
        let asked = Mailbox<Void>()
        let held = Mailbox<Void>()
        let gate = Locked<ThreadGate?>(nil)
        let isFull = Locked(false)

        struct Full: Error {}

        func recover() -> SavedState { SavedState() }

        func record(_ changes: [StateChange]) throws {
            asked.put(())
            if let gate = gate.withLock({ $0 }) {
                held.put(())
                gate.pass()
            }
            if isFull.withLock({ $0 }) { throw Full() }
            var pushes = states.events.last ?? [:]
            for change in changes {
                switch change {
                case .posted(let push): pushes[push.number] = push
                case .marked(let number, let mayHaveArrived): pushes[number]?.mayHaveArrived = mayHaveArrived
                case .settled(let number): pushes[number] = nil
                case .opened, .answered, .closed, .seen, .forget: break
                }
            }
            states.record(pushes)
        }

        func close() {}

        /// Waits until the one message that is there stands so.
        func stands(mayHaveArrived: Bool) async {
            await states.wait { $0.last?.values.map(\.mayHaveArrived) == [mayHaveArrived] }
        }
    }

    private static let user = Conversation(kind: .single, id: "user")

    private let store = Store()
    private let clock = ManualClock()

    private func run(_ body: (Bench, Ledger) async throws -> Void) async throws {
        let ledger = Ledger(store, timeline: Timeline(clock), unixTime: { 1_700_000_000_000 })
        #expect(await ledger.recover() != nil)
        try await Bench.run(ledger: ledger) { try await body($0, ledger) }
        await ledger.close()
    }

    private func acknowledge(_ bench: Bench, _ frame: SentFrame, _ code: Int = 0, on link: Int = 1) async {
        await bench.world.advance(by: .zero)
        await bench.acknowledge(frame.requestID, code, on: link)
    }

    /// The store works again, and the connection looks again.
    private func looksAgain(_ bench: Bench, _ ledger: Ledger) async throws {
        clock.advance(by: Ledger.retryInterval)
        // Whatever is written next takes the mark with it.
        let other = try #require(ledger.record(of: .markdown("别的"), to: Self.user))
        other.waits()
        while !ledger.isHealthy { await Task.yield() }
        other.close()
        await bench.world.advance(by: Departure.patience)
    }

    private func text(_ frame: SentFrame) -> String? {
        ((frame.object["body"] as? [String: Any])?["markdown"] as? [String: Any])?["content"] as? String
    }

    private func saved(_ number: Int64, _ text: String, age: Int64 = 0, left: Bool = false) -> SavedPush {
        SavedPush(
            number: number,
            message: .markdown(text),
            conversation: Self.user,
            postedAt: 1_700_000_000_000 - age,
            mayHaveArrived: left
        )
    }

    @Test func aPushIsOnTheWireWhenItIsWrittenThatItLeavesAndNotBefore() async throws {
        let gate = ThreadGate()
        store.gate.withLock { $0 = gate }
        try await run { bench, _ in
            await bench.subscribe()
            async let pushed = bench.connection.push(.markdown("三点 🙂 e\u{301}"), to: Self.user)
            await store.asked.next()
            while await bench.connection.unsettled == 0 { await Task.yield() }
            for _ in 0..<100 { _ = await bench.connection.unsettled }  // as many turns of the loop
            #expect(bench.frames().count == 1, "only the subscribe")
            gate.open()
            let frame = await bench.frame(1)
            #expect(store.states.events.last?.values.map(\.mayHaveArrived) == [true])
            #expect(text(frame).map { Array($0.utf8) } == Array("三点 🙂 e\u{301}".utf8))
            await acknowledge(bench, frame)
            #expect(await pushed == .delivered)
            await store.states.wait { $0.last?.isEmpty == true }
        }
    }

    @Test func withoutAConnectionItStandsAsWaiting() async throws {
        try await run { bench, ledger in
            await bench.frame(0)
            async let pushed = bench.connection.push(.markdown("三点"), to: Self.user)
            await store.stands(mayHaveArrived: false)
            await ledger.barrier()
            #expect(store.states.events.count == 1)
            await bench.subscribe()
            await acknowledge(bench, await bench.frame(1))
            #expect(await pushed == .delivered)
        }
    }

    @Test func whatStandsAsWaitingDoesNotLeaveUnmarkedAndWhatDoesNotStandLeaves() async throws {
        try await run { bench, ledger in
            await bench.frame(0)
            async let waiting = bench.connection.push(.markdown("三点"), to: Self.user)
            await store.stands(mayHaveArrived: false)
            store.isFull.withLock { $0 = true }
            await bench.subscribe()
            async let new = bench.connection.push(.markdown("新的"), to: Conversation(kind: .group, id: "g"))
            let first = await bench.frame(1)
            #expect(text(first) == "新的", "it is in no store that could send it again")
            await acknowledge(bench, first)
            #expect(await new == .delivered)
            await bench.world.advance(by: Ledger.retryInterval * 3)
            for _ in 0..<100 { _ = await bench.connection.unsettled }
            #expect(bench.frames().count { $0.command == "aibot_send_msg" } == 1)

            store.isFull.withLock { $0 = false }
            try await looksAgain(bench, ledger)
            let frame = await bench.frame(2)
            #expect(text(frame) == "三点")
            await acknowledge(bench, frame)
            #expect(await waiting == .delivered)
        }
    }

    @Test func aFullDiskHoldsUpNoAnswer() async throws {
        try await run { bench, _ in
            await bench.subscribe()
            let message = await bench.push(id: "1")
            let told = EventRecorder<Delivery>()
            let sending = Task { told.record(await message.channel.send(.markdown("旁白"))) }
            await acknowledge(bench, await bench.frame(1), 6_000)
            await store.stands(mayHaveArrived: false)
            store.isFull.withLock { $0 = true }
            for _ in 0..<25 where told.events.isEmpty {
                await bench.world.advance(by: .seconds(1))
                for _ in 0..<200 { _ = await bench.connection.unsettled }
            }
            await sending.value
            if case .unknown(let reason)? = told.events.first {
                #expect(reason.message.contains("the next start sends it"))
            } else {
                Issue.record("it stands as waiting: \(told.events)")
            }
            let answering = await bench.send("答", through: message)
            await acknowledge(bench, await bench.frame(2))
            #expect(await answering.value == .delivered)
            #expect(store.states.events.last?.values.map(\.mayHaveArrived) == [false])
        }
    }

    /// The disk has room again before the store has been asked twice: nothing is left to anybody.
    @Test func anotherMessageThatLeavesIsNoSecondLookAtWhatStandsAsWaiting() async throws {
        try await run { bench, ledger in
            await bench.subscribe()
            let message = await bench.push(id: "1")
            async let sent = message.channel.send(.markdown("旁白"))
            await acknowledge(bench, await bench.frame(1), 6_000)
            await store.stands(mayHaveArrived: false)
            store.isFull.withLock { $0 = true }
            for _ in 0..<2 {
                await bench.world.advance(by: .seconds(1))
                for _ in 0..<200 { _ = await bench.connection.unsettled }
            }
            for (index, id) in ["g", "h"].enumerated() {
                async let other = bench.connection.push(.markdown("别的"), to: Conversation(kind: .group, id: id))
                await acknowledge(bench, await bench.frame(2 + index))
                #expect(await other == .delivered)
            }
            store.isFull.withLock { $0 = false }
            try await looksAgain(bench, ledger)
            let again = await bench.frame(4)
            #expect(text(again) == "旁白")
            await acknowledge(bench, again)
            #expect(await sent == .delivered)
        }
    }

    @Test func aPushToWhereNobodyHasWrittenSaysWhatMustComeFirst() async throws {
        try await run { bench, _ in
            await bench.subscribe()
            async let pushed = bench.connection.push(.markdown("三点"), to: Self.user)
            await acknowledge(bench, await bench.frame(1), 93_006)
            guard case .refused(let reason) = await pushed else {
                Issue.record("it is refused")
                return
            }
            #expect(reason.code == 93_006 && reason.message.contains("somebody must write there first"))
        }
    }

    @Test func whatADiskThatHangsMayHaveTakenIsNotCalledRefused() async throws {
        let gate = ThreadGate()
        try await run { bench, _ in
            await bench.subscribe()
            let message = await bench.push(id: "1")
            let told = EventRecorder<Delivery>()
            let sending = Task { told.record(await message.channel.send(.markdown("旁白"))) }
            let frame = await bench.frame(1)
            store.gate.withLock { $0 = gate }
            await acknowledge(bench, frame, 6_000)
            await store.held.next()
            await bench.world.advance(by: .seconds(1))
            await clock.waitForSleepers(1)
            clock.advance(by: Ledger.patience)
            for _ in 0..<25 where told.events.isEmpty {
                await bench.world.advance(by: .seconds(1))
                for _ in 0..<200 { _ = await bench.connection.unsettled }
            }
            await sending.value
            if case .unknown(let reason)? = told.events.first {
                #expect(reason.message.contains("the state file does not answer"))
            } else {
                Issue.record("the file may have it as waiting: \(told.events)")
            }
            gate.open()
        }
    }

    @Test func whatCannotBeTakenOutOfTheFileIsNotCalledRefused() async throws {
        try await run { bench, ledger in
            await bench.frame(0)
            let waiting = Task { await bench.connection.push(.markdown("三点"), to: Self.user) }
            await store.stands(mayHaveArrived: false)
            store.isFull.withLock { $0 = true }
            let new = Task { await bench.connection.push(.markdown("新的"), to: Self.user) }
            while ledger.isHealthy { await Task.yield() }
            for push in [new, waiting] { push.cancel() }
            if case .refused = await new.value {} else { Issue.record("it is in no file") }
            guard case .unknown(let reason) = await waiting.value else {
                Issue.record("another process would send it")
                return
            }
            #expect(reason.message.contains("the state file still has it"))
        }
    }

    @Test func withAFullDiskWhatGoesTheOtherWayHoldsUpNoAnswerEither() async throws {
        try await run { bench, _ in
            await bench.subscribe()
            let message = await bench.push(id: "1")
            let told = EventRecorder<Delivery>()
            let sending = Task { told.record(await message.channel.send(.markdown("旁白"))) }
            await acknowledge(bench, await bench.frame(1), 846_605)
            await acknowledge(bench, await bench.frame(2), 6_000)
            await store.stands(mayHaveArrived: false)
            store.isFull.withLock { $0 = true }
            for _ in 0..<25 where told.events.isEmpty {
                await bench.world.advance(by: .seconds(1))
                for _ in 0..<200 { _ = await bench.connection.unsettled }
            }
            await sending.value
            guard case .unknown(let reason)? = told.events.first else {
                Issue.record("it stands as waiting: \(told.events)")
                return
            }
            #expect(reason.message.contains("the next start sends it"))
        }
    }

    @Test func whatWasToldToBeLeftIsInTheStoreAndTheRestIsNot() async throws {
        for isClosed in [false, true] {
            let store = Store()
            let ledger = Ledger(store, timeline: Timeline(ManualClock()), unixTime: { 0 })
            #expect(await ledger.recover() != nil)
            let told = EventRecorder<Delivery>()
            try await Bench.run(ledger: ledger, { $0.machine.maximumHandedBytes = 1 }) { bench in
                await bench.frame(0)
                await withTaskGroup(of: Void.self) { group in
                    for number in 0..<2 {
                        group.addTask {
                            told.record(await bench.connection.push(.markdown("消息 \(number)"), to: Self.user))
                        }
                    }
                    while await bench.connection.unsettled < 2 { await Task.yield() }
                    await bench.world.adopt { $0.writes = false }
                    let subscribe = await bench.frame(0)
                    await bench.world.write(on: 1)
                    await bench.acknowledge(subscribe.requestID)
                    await bench.frame(1)
                    await store.states.wait { $0.last?.values.map(\.mayHaveArrived) == [true, true] }
                    for _ in 0..<200 { _ = await bench.connection.unsettled }
                    #expect(bench.frames().count == 2, "one of the two has no room")
                    bench.connection.beginEnding()
                    if isClosed { await ledger.close() }
                    await bench.connection.stop()
                    await bench.world.advance(by: .seconds(5))
                }
            }
            await ledger.close()
            let promised = told.events.count { delivery in
                if case .unknown(let reason) = delivery {
                    reason.message.contains("the next start sends it")
                } else {
                    false
                }
            }
            let waiting = (store.states.events.last ?? [:]).values.count { !$0.mayHaveArrived }
            #expect(promised == (isClosed ? 0 : 1) && waiting == promised)
        }
    }

    @Test func whatTheServerRefusesWhileTheBotEndsIsRefused() async throws {
        try await run { bench, _ in
            await bench.subscribe()
            let pushing = Task { await bench.connection.push(.markdown("三点"), to: Self.user) }
            let frame = await bench.frame(1)
            bench.connection.beginEnding()
            await acknowledge(bench, frame, 93_006)
            pushing.cancel()
            if case .refused(let reason) = await pushing.value {
                #expect(reason.code == 93_006)
            } else {
                Issue.record("the next process would send it again")
            }
            await store.states.wait { $0.last?.isEmpty == true }
        }
    }

    @Test func whatIsThrottledStandsAsWaitingUntilItLeavesAgain() async throws {
        try await run { bench, _ in
            await bench.subscribe()
            async let pushed = bench.connection.push(.markdown("三点"), to: Self.user)
            await acknowledge(bench, await bench.frame(1), 45_009)
            await store.stands(mayHaveArrived: false)
            await bench.world.advance(by: .seconds(5))
            let again = await bench.frame(2)
            #expect(store.states.events.last?.values.map(\.mayHaveArrived) == [true])
            await acknowledge(bench, again)
            #expect(await pushed == .delivered)
        }
    }

    @Test func aMessageBesideAnAnswerIsOneInTheStoreWhicheverWayItGoes() async throws {
        try await run { bench, _ in
            await bench.subscribe()
            let channel = await bench.push(id: "1").channel
            async let sent = channel.send(.markdown("旁白"))
            let first = await bench.frame(1)
            #expect(first.command == "aibot_respond_msg")
            await acknowledge(bench, first, 846_605)
            let second = await bench.frame(2)
            #expect(second.command == "aibot_send_msg")
            #expect(store.states.events.last?.values.map(\.mayHaveArrived) == [true])
            await acknowledge(bench, second)
            if case .redirected = await sent {} else { Issue.record("it went another way") }
            await store.states.wait { $0.last?.isEmpty == true }
            #expect(store.states.events.allSatisfy { $0.count <= 1 })
        }
    }

    @Test func theTextOfAnAnswerIsNotAMessageOfItsOwnInTheStore() async throws {
        try await run { bench, ledger in
            await bench.subscribe()
            let sending = await bench.send("答", through: await bench.push(id: "1"))
            await acknowledge(bench, await bench.frame(1), 846_605)
            let push = await bench.frame(2)
            #expect(push.command == "aibot_send_msg")
            await acknowledge(bench, push)
            _ = await sending.value
            await ledger.barrier()
            #expect(store.states.events.isEmpty)
        }
    }

    @Test func whoStopsWaitingBecauseTheBotEndsLeavesTheMessageToTheNextProcess() async throws {
        for isEnding in [false, true] {
            let store = Store()
            let ledger = Ledger(store, timeline: Timeline(ManualClock()), unixTime: { 0 })
            #expect(await ledger.recover() != nil)
            try await Bench.run(ledger: ledger) { bench in
                await bench.frame(0)
                let pushing = Task { await bench.connection.push(.markdown("三点"), to: Self.user) }
                await store.stands(mayHaveArrived: false)
                if isEnding { bench.connection.beginEnding() }
                pushing.cancel()
                switch await pushing.value {
                case .refused: #expect(!isEnding)
                case .unknown(let reason):
                    #expect(isEnding && reason.message.contains("the next start sends it"))
                case .delivered, .redirected: Issue.record("there is no connection")
                }
            }
            await ledger.close()
            #expect(store.states.events.last?.count == (isEnding ? 1 : 0))
        }
    }

    @Test func whoIsCancelledWhileTheBotEndsLeavesTheMessageThoughThereIsAConnection() async throws {
        for isEnding in [false, true] {
            let store = Store()
            let ledger = Ledger(store, timeline: Timeline(ManualClock()), unixTime: { 0 })
            #expect(await ledger.recover() != nil)
            try await Bench.run(ledger: ledger) { bench in
                await bench.subscribe()
                if isEnding { bench.connection.beginEnding() }
                let pushing = Task {
                    withUnsafeCurrentTask { $0?.cancel() }
                    return await bench.connection.push(.markdown(Self.long), to: Self.user)
                }
                switch await pushing.value {
                case .refused: #expect(!isEnding)
                case .unknown(let reason):
                    #expect(isEnding && reason.message.contains("the next start sends it"))
                case .delivered, .redirected: Issue.record("nobody has acknowledged it")
                }
                #expect(bench.frames().count == 1)
            }
            await ledger.close()
            let left = store.states.events.last?.values.map(\.mayHaveArrived) ?? []
            #expect(left == (isEnding ? [false, false, false] : []))
        }
    }

    @Test func whatWasLeftIsSentInOrderOneAfterAnotherAndTheRestIsSaid() async throws {
        try await run { bench, ledger in
            let day = LeftPushes.maximumAge.components.seconds * 1_000
            bench.connection.resend([
                saved(5, "第二条消息"), saved(1, "也许到了的消息", left: true), saved(2, "太旧的消息", age: day + 1),
                saved(4, "第一条消息", age: day), saved(3, "也许到了的另一条", left: true),
            ])
            await bench.subscribe()
            let first = await bench.frame(1)
            #expect(text(first) == "第一条消息")
            for _ in 0..<100 { _ = await bench.connection.unsettled }
            #expect(bench.frames().count == 2, "the second waits for the verdict of the first")
            await acknowledge(bench, first)
            let second = await bench.frame(2)
            #expect(text(second) == "第二条消息")
            await acknowledge(bench, second, 93_006)
            while !bench.lines(from: .notice).contains(where: { $0.contains("was not delivered") }) {
                await Task.yield()
            }
            let lines = bench.lines(from: .debug)
            #expect(lines.contains("sending the messages that were left before the start count=2"))
            let doubtful =
                "messages from before the start may have arrived, and are not sent again conversation=user count=2"
            #expect(lines.filter { $0.contains("may have arrived") } == [doubtful])
            #expect(
                lines.contains(
                    "messages from before the start are older than 24 h, and are not sent conversation=user count=1"
                )
            )
            #expect(!lines.contains { $0.contains("消息") || $0.contains("到了") })
            await ledger.barrier()
        }
    }

    // MARK: What does not fit into one message

    /// A text of three messages, each a paragraph.
    private static let long = (1...3).map { "第\($0)段" + String(repeating: "字", count: 6_000) }.joined(separator: "\n\n")

    /// The texts that stand in the store.
    private func standing(_ state: [Int64: SavedPush]?) -> [String] {
        (state ?? [:]).values.sorted { $0.number < $1.number }
            .map {
                "\(String(decoding: $0.message.body, as: UTF8.self).contains("第1段") ? "1" : "")\($0.mayHaveArrived)"
            }
    }

    @Test func aLongTextGoesOnInFurtherMessagesOneAfterAnother() async throws {
        try await run { bench, _ in
            await bench.subscribe()
            async let pushed = bench.connection.push(.markdown(Self.long), to: Self.user)
            var texts: [String] = []
            for index in 1...3 {
                let frame = await bench.frame(index)
                #expect(frame.command == "aibot_send_msg")
                texts.append(text(frame) ?? "")
                #expect(texts[index - 1].utf8.count <= 20_480)
                if index == 1 { #expect(standing(store.states.events.last) == ["1true", "false", "false"]) }
                for _ in 0..<100 { _ = await bench.connection.unsettled }
                #expect(bench.frames().count == index + 1, "the next waits for the verdict of this one")
                await acknowledge(bench, frame)
            }
            #expect(await pushed == .delivered)
            #expect(texts.joined() == Self.long)
            #expect(texts.map { $0.prefix(3) } == ["第1段", "第2段", "第3段"])
            await store.states.wait { $0.last?.isEmpty == true }
        }
    }

    @Test(arguments: [1, 2, 3]) func afterAPartThatIsRefusedNoOtherIsSent(refused: Int) async throws {
        try await run { bench, _ in
            await bench.subscribe()
            let channel = await bench.push(id: "1").channel
            async let sent = channel.send(.markdown(Self.long))
            for index in 1...refused {
                let frame = await bench.frame(index)
                #expect(frame.command == "aibot_respond_msg")
                await acknowledge(bench, frame, index == refused ? 40_201 : 0)
            }
            guard case .refused(let reason) = await sent else {
                Issue.record("a part was refused")
                return
            }
            #expect(reason.code == 40_201 && reason.message.hasPrefix("part \(refused) of 3: "))
            #expect(bench.frames().count == refused + 1)
            await store.states.wait { $0.last?.isEmpty == true }
        }
    }

    @Test func aPartNobodyKnowsOfIsNotSentAgainAndTheRestGoesOn() async throws {
        try await run { bench, _ in
            await bench.subscribe()
            async let pushed = bench.connection.push(.markdown(Self.long), to: Self.user)
            await bench.frame(1)
            await bench.world.advance(by: .zero)  // it is written
            await bench.world.end(1, .byServer(1006))
            await bench.reconnect(2)
            for index in 1...2 {
                let frame = await bench.frame(index, on: 2)
                #expect(text(frame)?.hasPrefix("第\(index + 1)段") == true)
                await acknowledge(bench, frame, on: 2)
            }
            guard case .unknown(let reason) = await pushed else {
                Issue.record("nobody knows of the first part")
                return
            }
            #expect(reason.message.hasPrefix("part 1 of 3: "))
        }
    }

    @Test func whatIsLeftOfALongTextIsForTheNextProcess() async throws {
        let ledger = Ledger(store, timeline: Timeline(ContinuousClock()), unixTime: { 0 })
        #expect(await ledger.recover() != nil)
        try await Bench.run(ledger: ledger) { bench in
            await bench.frame(0)
            let pushing = Task { await bench.connection.push(.markdown(Self.long), to: Self.user) }
            await store.states.wait { $0.last?.count == 3 }
            bench.connection.beginEnding()
            pushing.cancel()
            guard case .unknown(let reason) = await pushing.value else {
                Issue.record("the next process sends it")
                return
            }
            #expect(reason.message.contains("the next start sends it"))
        }
        await ledger.close()
        #expect(standing(store.states.events.last) == ["1false", "false", "false"])
    }
}
