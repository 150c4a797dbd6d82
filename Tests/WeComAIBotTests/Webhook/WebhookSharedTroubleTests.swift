import BotCore
import BotFoundation
import Foundation
import TestSupport
import Testing

@testable import WeComAIBot

/// Several processes, a store that does not do its part, and moments that are just too late.
@Suite(.timeLimit(.minutes(3)))
struct WebhookSharedTroubleTests {
    private static let whole = "whole text"

    private func messages(_ process: SharedWorld.Process) -> Int {
        var snapshot = ConnectionSnapshot(.ready, since: .now)
        process.endpoint.answers.fill(&snapshot)
        return snapshot.statistics.messages
    }

    @Test func whatComesWhileAProcessEndsIsForAnother() async throws {
        let world = try await SharedWorld(onlyGroup: true)
        world.a.endpoint.beginEnding()
        let first = await world.a.endpoint.respond(to: try world.platform.text("1", "q"))
        let second = await world.b.endpoint.respond(to: try world.platform.text("1", "q"))
        #expect(first.status == 503 && second.status == 200)
        #expect(messages(world.a) == 0 && messages(world.b) == 1)
    }

    @Test func whatTheStoreHasGoesNoOtherWayWhenTheStoreFails() async throws {
        let world = try await SharedWorld()
        let (stream, channel) = try await world.begin()
        async let delivery = channel.send(.last(Self.whole))
        await world.tell(world.a, until: { $0.phase == .complete }, of: stream)
        await world.clock.waitForSleepers(1)
        _ = try await world.b.ask(stream)
        await world.b.exchange()
        world.store.setDown(true)
        world.clock.advance(by: .seconds(30))
        if case .unknown = await delivery {} else { Issue.record("another process may have told it") }
        #expect(world.a.posted.events.isEmpty)
    }

    @Test func aTextIsTakenBackThoughTheStoreHasJustFailed() async throws {
        let world = try await SharedWorld()
        let (stream, channel) = try await world.begin()
        async let delivery = channel.send(.last(Self.whole))
        await world.tell(world.a, until: { $0.phase == .complete }, of: stream)
        await world.clock.waitForSleepers(1)
        _ = try await world.b.ask(stream)
        await world.b.exchange()
        world.clock.advance(by: .milliseconds(29_500))
        world.store.setDown(true)
        _ = try await world.a.status(ofAsking: "x")
        world.store.setDown(false)
        world.clock.advance(by: .milliseconds(500))
        #expect(await delivery == .delivered)
        #expect(world.a.posted.events.isEmpty)
    }

    @Test func whatEndedElsewhereIsNotSaidWholeHere() async throws {
        let world = try await SharedWorld { $0.streamWindow = .seconds(20) }
        let (stream, channel) = try await world.begin()
        _ = await channel.send(.part("half"))
        await world.a.exchange()
        world.clock.advance(by: .milliseconds(19_999))
        async let delivery = channel.send(.last(Self.whole))
        await world.clock.waitForSleepers(1)
        world.clock.advance(by: .milliseconds(1))
        _ = await world.b.endpoint.reply(to: try world.platform.refresh(stream))  // it does not leave
        await world.a.exchange()
        let own = try await world.a.ask(stream)
        world.clock.advance(by: .seconds(60))
        _ = await delivery
        #expect(!(own.text.contains(Self.whole) && !world.a.posted.events.isEmpty))
    }

    @Test func anEventIsAnsweredInTimeHoweverSlowTheStore() async throws {
        let clock = ManualClock()
        let platform = try Platform()
        let store = SlowStore(clock)
        let process = try await SharedWorld.Process(store, clock, platform)
        let entered = try platform.event(["eventtype": "enter_chat"])
        let isDone = Locked(false)
        let task = Task {
            _ = await process.endpoint.respond(to: entered)
            isDone.withLock { $0 = true }
        }
        let event = try #require(await process.events.next())
        for _ in 0..<60 where !isDone.withLock({ $0 }) {
            await clock.waitForSleepers(1)
            clock.advance(by: .milliseconds(100))
            for _ in 0..<2_000 where !isDone.withLock({ $0 }) { await Task.yield() }
            if clock.sleepers == 0 { break }
        }
        await task.value
        #expect(clock.now.offset <= .seconds(5))
        withExtendedLifetime(event) {}
    }

    @Test func imagesThatAnotherProcessGaveOutWereNotRefused() async throws {
        let world = try await SharedWorld()
        let (stream, channel) = try await world.begin()
        try channel.attach(AttachedImage([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]))
        async let delivery = channel.sendImages()
        await world.tell(world.a, until: { $0.phase == .complete }, of: stream)
        await world.clock.waitForSleepers(1)
        let answer = try world.platform.answer(await world.b.endpoint.respond(to: world.platform.refresh(stream)))
        let items = (answer["stream"] as? [String: Any])?["msg_item"] as? [[String: Any]]
        await world.b.exchange()
        world.clock.advance(by: .seconds(30))
        let outcome = await delivery
        #expect(items?.count == 1)
        if case .refused = outcome { Issue.record("said not delivered") }
    }

    @Test func aStreamThatWasThereBetweenIsNotLost() async throws {
        let world = try await SharedWorld()
        let (stream, channel) = try await world.begin()
        world.store.forget()
        let first = try await world.b.status(ofAsking: stream)
        await world.a.exchange()
        await world.a.exchange()
        world.clock.advance(by: .seconds(20))  // B is not asked meanwhile; it is there
        #expect(world.store.stream(stream) != nil)
        world.store.forget()
        let second = await world.b.endpoint.respond(to: try world.platform.refresh(stream))
        #expect(first == 503 && second.status == 503)
        withExtendedLifetime(channel) {}
    }

    @Test func whoIsToldThatAnAnswerIsLostIsNotToldItsEnd() async throws {
        let world = try await SharedWorld()
        let (stream, channel) = try await world.begin()
        world.store.forget()
        #expect(try await world.b.status(ofAsking: stream) == 503)
        world.clock.advance(by: .seconds(5))
        #expect(try await world.b.ask(stream).isFinal)
        async let delivery = channel.send(.last(Self.whole))
        await world.tell(world.a, until: { $0.phase == .complete }, of: stream)
        await world.b.exchange()
        await world.a.exchange()
        await world.clock.waitForSleepers(1)
        world.clock.advance(by: .seconds(30))
        if case .redirected = await delivery {} else { Issue.record("it went through the response_url") }
        #expect(world.a.posted.events.count == 1)
    }

    @Test func imagesThatAnotherProcessMayHaveGivenOutAreNotRefused() async throws {
        let world = try await SharedWorld()
        let (stream, channel) = try await world.begin()
        try channel.attach(AttachedImage([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]))
        async let delivery = channel.sendImages()
        await world.tell(world.a, until: { $0.phase == .complete }, of: stream)
        await world.a.exchange()
        await world.clock.waitForSleepers(1)
        _ = try await world.b.ask(stream)
        world.store.setDown(true)
        world.clock.advance(by: .seconds(30))
        if case .unknown = await delivery {} else { Issue.record("another process has shown them") }
    }

    @Test func anEndIsSaidAtOnceAndThenOnceASecond() async throws {
        let world = try await SharedWorld()
        let (stream, channel) = try await world.begin()
        async let delivery = channel.send(.last(Self.whole))
        await world.tell(world.a, until: { $0.phase == .complete }, of: stream)
        await world.clock.waitForSleepers(1)
        _ = try await world.b.ask(stream)
        let shared = try #require(world.b.endpoint.answers.shared)
        for _ in 0..<5 { await shared.synchronise(world.b.endpoint.answers) }
        let end = SharedStreamUpdate(stream, .end)
        #expect(world.store.updates.events.count { $0 == end } == 1)
        await world.b.exchange()
        #expect(world.store.updates.events.count { $0 == end } == 2)
        await world.a.exchange()
        #expect(await delivery == .delivered)
    }

    @Test func anEndIsToldAgainToAStoreThatForgotIt() async throws {
        let world = try await SharedWorld()
        let (stream, channel) = try await world.begin()
        async let delivery = channel.send(.last(Self.whole))
        await world.tell(world.a, until: { $0.phase == .complete }, of: stream)
        await world.clock.waitForSleepers(1)
        _ = try await world.b.ask(stream)
        world.store.forget()
        await world.b.exchange()
        await world.a.exchange()
        await world.a.exchange()
        await world.b.exchange()
        await world.a.exchange()
        world.clock.advance(by: .seconds(30))
        #expect(await delivery == .delivered)
        #expect(world.a.posted.events.isEmpty)
    }
}

/// Claims take 900 ms.
private final class SlowStore: SharedStreamStore {
    let name = "slow"
    private let clock: ManualClock
    init(_ clock: ManualClock) { self.clock = clock }
    func claim(_ name: String, for owner: String, isStream: Bool, lasting: Duration) throws -> String {
        clock.advance(by: .milliseconds(900))
        return owner
    }
    func release(_ name: String, of owner: String) throws {}
    func read(_ stream: String, window: Duration?) throws -> SharedStream? { nil }
    func update(_ updates: [SharedStreamUpdate]) throws -> [SharedStreamStatus?] { updates.map { _ in nil } }
    func close() {}
}
