import BotCore
import BotFoundation
import GatewaySimulator
import TestSupport
import Testing

@testable import WeComAIBot

extension Scenario {
    /// Nothing goes wrong.
    static let ordinary: [Scenario] = [
        Scenario("a text, and its answer") { stage in
            await stage.ready()
            let single = await stage.push("你好 👩‍👩‍👧‍👦 e\u{301} \"\\/")
            let group = await stage.push("@Bot 群里", in: "wrGROUP")
            #expect(await stage.answer(to: single) == ("echo: 你好 👩‍👩‍👧‍👦 e\u{301} \"\\/", 1))
            #expect(await stage.answer(to: group) == ("echo: @Bot 群里", 1))
            #expect(await stage.outcome(of: single) == .delivered)
            #expect(await stage.outcome(of: group) == .delivered)
        },
        Scenario("an answer in two parts") { stage in
            await stage.ready()
            let message = await stage.push("slowly 慢慢来")
            await stage.beginning(of: message)
            stage.gate.record(())
            #expect(await stage.answer(to: message) == ("echo: slowly 慢慢来", 2))
            #expect(await stage.outcome(of: message) == .delivered)
        },
        Scenario("an answer of three bubbles") { stage in
            await stage.ready()
            let text = String(repeating: "很长的一行，没有尽头。\n", count: 1_500)
            let message = await stage.push(text)
            #expect(await stage.outcome(of: message) == .delivered)
            let bubbles = stage.far.observed.events.compactMap { event -> Bubble? in
                guard case .updated(message.messageID, _, let bubble) = event, bubble.isFinished else { return nil }
                return bubble
            }
            #expect(bubbles.count == 3)
            #expect(bubbles.allSatisfy { $0.text.utf8.count <= 20_480 })
            let joined = bubbles.map(\.text).joined()
            #expect(joined.filter { $0 != "\n" } == "echo: \(text)".filter { $0 != "\n" })
        },
        Scenario("a message that is delivered twice") { stage in
            await stage.ready()
            let message = await stage.push("只答一次")
            await stage.answer(to: message)
            await stage.far.inject(.now(.repeatCallback(messageID: message.messageID)))
            await stage.received.wait { $0.count == 2 }
            #expect(stage.dispatcher.statistics.duplicates == 1)
            #expect(await stage.outcome(of: await stage.push("另一条")) == .delivered)
            #expect(stage.outcomes.events.count == 2)
        },
        Scenario("twenty chats at once") { stage in
            await stage.ready()
            var messages: [PushedMessage] = []
            for chat in 0..<20 { messages.append(await stage.push("slowly \(chat)", from: "user-\(chat)")) }
            for message in messages { await stage.beginning(of: message) }
            stage.gate.record(())
            for (chat, message) in messages.enumerated() {
                #expect(await stage.answer(to: message).text == "echo: slowly \(chat)")
                #expect(await stage.outcome(of: message) == .delivered)
            }
        },
        Scenario("a burst of 500 messages") { stage in
            await stage.ready()
            try await burst(500, stage)
        },
        // In memory only: on a socket it adds half a minute of sanitized time, and nothing that the burst of 500 does not show.
        Scenario(
            "2,000 messages leave nothing behind",
            transports: [.inMemory],
            tune: { machine, _ in machine.rateLimits = RateLimits(perMinute: 1_000, perHour: 10_000) }
        ) { stage in
            await stage.ready()
            for _ in 0..<10 { try await burst(200, stage) }
            let statistics = stage.dispatcher.statistics
            #expect(statistics.delivered == 2_000)
            #expect(statistics.active == 0 && statistics.queued == 0)
            #expect(await stage.connection.unsettled == 0)
        },
        Scenario("45 short messages of one conversation within a minute", transports: [.inMemory]) { stage in
            await stage.ready()
            var messages: [PushedMessage] = []
            for number in 0..<45 { messages.append(await stage.push("短 \(number)", from: "快手")) }
            await stage.paced(1)
            let other = await stage.push("别人", from: "慢手")
            #expect(await stage.outcome(of: other) == .delivered, "another conversation does not wait")
            #expect(stage.outcomes.events.count == 31)
            await stage.far.pass(RateBudget.minute)
            for message in messages { #expect(await stage.outcome(of: message) == .delivered) }
            let opened = stage.far.observed.events.compactMap { event -> ContinuousClock.Instant? in
                guard case .updated(_, "快手", let bubble) = event, bubble.frames == 1 else { return nil }
                return bubble.startedAt
            }
            #expect(opened.count == 45)
            for start in opened {
                #expect(opened.count { $0 >= start && start.duration(to: $0) <= .seconds(60) } <= 30)
            }
            #expect(
                stage.outcomes.events.filter { $0.messageID != other.messageID }.map(\.messageID)
                    == messages.map(\.messageID)
            )
        },
    ]

    /// So many messages at once, in 25 chats; each is answered, and those of one chat in order.
    private static func burst(_ count: Int, _ stage: Stage) async throws {
        let before = stage.outcomes.events.count
        var messages: [PushedMessage] = []
        for number in 0..<count { messages.append(await stage.push("\(number)", from: "user-\(number % 25)")) }
        let outcomes = await stage.outcomes.wait { $0.count >= before + count }[before...]
        #expect(outcomes.allSatisfy { $0.delivery == .delivered })
        for user in 0..<25 {
            let expected = messages.filter { $0.chat == "user-\(user)" }.map(\.messageID)
            #expect(outcomes.map(\.messageID).filter(Set(expected).contains) == expected)
        }
        // The lane of the last turn is emptied a moment after its answer is known.
        while stage.dispatcher.statistics.active > 0 { await Task.yield() }
    }
}
