import BotCore
import BotFoundation
import LWSTransport
import TestSupport
import Testing

@testable import WeComAIBot

/// When a final update counts as one that may have been seen, and what becomes of it in another process.
@Suite(.timeLimit(.minutes(10)))
struct DepartureTests {
    private struct Departure: Sendable {
        let route: String?
        /// How many frames had been sent by then.
        let frames: Int
    }

    private func send(_ text: String, _ bench: Bench, through channel: any ReplyChannel, link: Int = 1)
        -> (Task<Delivery, Never>, EventRecorder<Departure>)
    {
        let departures = EventRecorder<Departure>()
        let sending = Task {
            await channel.send(BubbleUpdate(bubble: 0, text: text, isFinal: true)) { route in
                departures.record(Departure(route: route, frames: bench.frames(on: link).count))
            }
        }
        return (sending, departures)
    }

    /// Answers a frame, once the socket has passed it on.
    private func answer(_ bench: Bench, _ requestID: String, _ code: Int = 0, on link: Int = 1) async {
        await bench.world.advance(by: .zero)
        await bench.acknowledge(requestID, code, on: link)
    }

    private func turn(_ route: String?, finals: [SavedAnswer.Final]) -> SavedTurn {
        let conversation = Conversation(kind: .single, id: "user")
        return SavedTurn(
            number: 1,
            message: Inbound(id: "m", kind: .text, conversation: conversation, sender: "user", text: ""),
            route: nil,
            receivedAt: 0,
            answer: SavedAnswer(
                finals: finals,
                bubble: 1,
                text: "",
                isShown: false,
                isComplete: true,
                route: route
            )
        )
    }

    @Test func aFinalUpdateDepartsWhenThereIsAConnectionAndNotBefore() async throws {
        try await Bench.run { bench in
            let (sending, departures) = send("好", bench, through: bench.channel("REQ-1").channel)
            await bench.frame(0)
            for _ in 0..<100 { await Task.yield() }
            #expect(departures.events.isEmpty, "it is not subscribed")
            await bench.subscribe()
            let frame = await bench.frame(1)
            #expect(departures.events.map(\.frames) == [1], "said before it was sent")
            await answer(bench, frame.requestID)
            #expect(await sending.value == .delivered)
            #expect(departures.events.count == 1)
        }
    }

    @Test func whatWaitsForAConnectionUntilTheEndNeverDeparts() async throws {
        for cancels in [false, true] {
            try await Bench.run { bench in
                await bench.frame(0)
                let (sending, departures) = send("好", bench, through: bench.channel("REQ-1").channel)
                if cancels { sending.cancel() } else { await bench.connection.stop() }
                guard case .refused(let reason) = await sending.value, reason.code == nil else {
                    Issue.record("not turned away")
                    return
                }
                #expect(departures.events.isEmpty)
            }
        }
    }

    @Test func aConnectionThatComesBackLetsItDepart() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            await bench.world.end(1, .lost)
            let (sending, departures) = send("好", bench, through: bench.channel("REQ-1").channel, link: 2)
            await bench.reconnect(2)
            await answer(bench, await bench.frame(1, on: 2).requestID, on: 2)
            #expect(await sending.value == .delivered)
            #expect(departures.events.count == 1)
        }
    }

    @Test func anotherWayIsWrittenDownBeforeItIsTakenAndIsNotTakenAgain() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            let (sending, departures) = send("全文", bench, through: bench.channel("REQ-1").channel)
            await answer(bench, await bench.frame(1).requestID, 846_604)
            let push = await bench.frame(2)
            #expect(push.command == "aibot_send_msg")
            #expect(departures.events.map(\.frames) == [1, 2])
            let route = try #require(departures.events.last?.route)
            // If it was not sent, it goes where the rest goes.
            let unsent = SavedAnswer.Final(bubble: 0, text: "全文", mayHaveArrived: false)
            let other = try #require(await bench.connection.channel(resuming: turn(route, finals: [unsent])))
            let (pushing, _) = send("全文", bench, through: other)
            let second = await bench.frame(3)
            #expect(second.command == "aibot_send_msg")
            await answer(bench, second.requestID)
            guard case .redirected = await pushing.value else {
                Issue.record("not redirected")
                return
            }
            // If the process died when that was written down, or a moment later, the answer may be there, as a message of its own.
            let left = SavedAnswer.Final(bubble: 0, text: "全文", mayHaveArrived: true)
            let resumed = try #require(await bench.connection.channel(resuming: turn(route, finals: [left])))
            let (again, _) = send("全文", bench, through: resumed)
            await answer(bench, push.requestID)
            _ = await sending.value
            await bench.connection.stop()
            guard case .unknown = await again.value else {
                Issue.record("not unknown")
                return
            }
            #expect(bench.frames().count == 4, "nothing is sent")
        }
    }
}
