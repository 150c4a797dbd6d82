import BotCore
import Foundation
import Testing

@testable import WeComAIBot

/// From the open socket to the acknowledged answer.
@Suite(.timeLimit(.minutes(10)))
struct SubscribeAndReplyTests {
    /// The system before this one took the first frame after its subscribe for the answer to it, whatever it was.
    @Test func subscribeIsTheFirstFrameAndNothingGoesBeforeItsAnswer() async throws {
        try await Bench.run { bench in
            let subscribe = await bench.frame(0)
            let expected: NSDictionary = [
                "cmd": "aibot_subscribe", "headers": ["req_id": subscribe.requestID],
                "body": ["bot_id": Bench.botID, "secret": Bench.secret],
            ]
            #expect(subscribe.object == expected)
            #expect(await bench.connection.state == .subscribing)

            let message = await bench.push(id: "1")
            let answer = await bench.send("答", through: message)
            await bench.world.advance(by: .seconds(9))
            await bench.acknowledge("REQ-1")
            #expect(bench.frames().map(\.command) == ["aibot_subscribe"])

            await bench.acknowledge(subscribe.requestID)
            #expect(await bench.connection.state == .ready)
            #expect(await bench.frame(1).requestID == "REQ-1")
            await bench.acknowledge("REQ-1")
            #expect(await answer.value == .delivered)
        }
    }

    @Test func messagesAreHandedOnWithTheirOwnWayBack() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            let single = await bench.push("单聊 👋🏽", id: "1", user: "李四")
            let group = await bench.push("@Bot 群聊", id: "2", user: "wang", group: "wrGROUP")
            #expect(single.message.conversation == Conversation(kind: .single, id: "李四"))
            #expect(single.message.text == "单聊 👋🏽")
            #expect(group.message.conversation == Conversation(kind: .group, id: "wrGROUP"))
            #expect(group.message.sender == "wang")
            let capabilities = single.channel.capabilities
            #expect(capabilities.maximumBytes == 20_480 && capabilities.streams)
            #expect(capabilities.bubbleWindow == .seconds(330) && capabilities.keepAlive == .seconds(225))
            // In the order opposite to that of the messages.
            for (message, id) in [(group, "REQ-2"), (single, "REQ-1")] {
                let answer = await bench.send("to \(id)", through: message)
                #expect(bench.frames().last?.requestID == id)
                #expect(bench.frames().last?.content == "to \(id)")
                await bench.acknowledge(id)
                #expect(await answer.value == .delivered)
            }
            #expect(await bench.connection.statistics.messages == 2)
        }
    }

    @Test func everyUpdateIsTheDocumentedFrame() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            let message = await bench.push(id: "1")
            let updates: [(text: String, isFinal: Bool, bubble: Int)] = [
                ("", false, 0), ("半句 \"引号\" / \\ \n", false, 0), ("整句 👩‍👩‍👧‍👦 e\u{301}", true, 0), ("next", true, 1),
            ]
            var ids: [String] = []
            for (index, update) in updates.enumerated() {
                let answer = await bench.send(
                    update.text,
                    final: update.isFinal,
                    bubble: update.bubble,
                    through: message
                )
                let frame = await bench.frame(index + 1)
                let id = try #require(frame.streamID)
                let expected: NSDictionary = [
                    "cmd": "aibot_respond_msg", "headers": ["req_id": "REQ-1"],
                    "body": [
                        "msgtype": "stream",
                        "stream": ["id": id, "finish": update.isFinal, "content": update.text] as [String: Any],
                    ] as [String: Any],
                ]
                #expect(frame.object == expected)
                #expect(frame.isFinal == update.isFinal)
                ids.append(id)
                await bench.acknowledge("REQ-1")
                #expect(await answer.value == .delivered)
            }
            #expect(Set(ids[..<3]).count == 1, "one bubble, one id")
            #expect(ids[3] != ids[2], "another bubble, another id")
        }
    }

    @Test func anAnswerOfTheMaximumGoesAndOneByteMoreIsRefusedHere() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            let message = await bench.push(id: "1")
            let most = String(repeating: "字", count: 6_826) + "ab"
            #expect(most.utf8.count == 20_480)
            let tooLong = await message.channel.send(BubbleUpdate(bubble: 0, text: most + "c", isFinal: true))
            guard case .refused(let reason) = tooLong else {
                Issue.record("\(tooLong)")
                return
            }
            #expect(reason.code == nil)
            #expect(reason.message.contains("20481") && reason.message.contains("20480"))
            #expect(bench.frames().count == 1)
            let answer = await bench.send(most, through: message)
            await bench.acknowledge("REQ-1")
            #expect(await answer.value == .delivered)
        }
    }

    @Test func oneFrameAtATimeOfARequestAndOthersDoNotWaitForIt() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            let slow = await bench.push(id: "1")
            let other = await bench.push(id: "2", user: "lisi")
            let first = await bench.send("half", final: false, through: slow)
            let second = await bench.send("half and half", through: slow)
            let fast = await bench.send("at once", through: other)
            #expect(bench.frames().dropFirst().map(\.requestID) == ["REQ-1", "REQ-2"])
            await bench.acknowledge("REQ-2")
            #expect(await fast.value == .delivered)
            await bench.acknowledge("REQ-1")
            #expect(await first.value == .delivered)
            #expect(bench.frames().last?.content == "half and half")
            await bench.acknowledge("REQ-1", 40_058)
            #expect(await second.value == .refused(.init(code: 40_058, "text 40058")))
        }
    }

    @Test func aMissingAcknowledgementIsUnknownAtFiveSecondsAndTheNextFrameWaitsForTen() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            let message = await bench.push(id: "1")
            let first = await bench.send("half", final: false, through: message)
            let second = await bench.send("whole", through: message)
            await bench.world.advance(by: .seconds(5) - .nanoseconds(1))
            #expect(await bench.connection.unsettled == 2)
            await bench.world.advance(by: .nanoseconds(1))
            guard case .unknown = await first.value else {
                Issue.record("\(await first.value)")
                return
            }
            await bench.world.advance(by: .seconds(5) - .nanoseconds(1))
            #expect(bench.frames().count == 2)
            await bench.world.advance(by: .nanoseconds(1))
            #expect(bench.frames().last?.content == "whole")
            // It comes after all, with the newer frame on its way: it is not taken for that one's.
            await bench.acknowledge("REQ-1", 846_608)
            #expect(await bench.connection.statistics.strayAcknowledgements == 1)
            await bench.acknowledge("REQ-1")
            guard case .unknown = await second.value else {
                Issue.record("\(await second.value)")
                return
            }
        }
    }

    @Test func conflictIsRepeatedThreeTimesAndThenTheTextIsPushed() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            let message = await bench.push(id: "1")
            let answer = await bench.send("冲突", through: message)
            for (index, wait) in [Duration.milliseconds(200), .milliseconds(400), .milliseconds(800)].enumerated() {
                await bench.acknowledge("REQ-1", 6_000)
                await bench.world.advance(by: wait - .nanoseconds(1))
                #expect(bench.frames().count == index + 2)
                await bench.world.advance(by: .nanoseconds(1))
                #expect(bench.frames().count == index + 3)
            }
            #expect(Set(bench.frames().dropFirst().map(\.text)).count == 1, "the same frame to the byte")
            await bench.acknowledge("REQ-1", 6_000)
            let push = await bench.frame(5)
            #expect(push.command == "aibot_send_msg")
            #expect(await bench.connection.statistics.conflicts == 3)
            await bench.acknowledge(push.requestID)
            #expect(await answer.value == .redirected(.init(code: 6_000, "text 6000")))
        }
    }

    @Test func aCancelledSendIsToldOnceAndItsFrameHoldsItsPlace() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            let message = await bench.push(id: "1")
            let written = await bench.send("half", final: false, through: message)
            let queued = await bench.send("more", final: false, through: message)
            queued.cancel()
            #expect(await queued.value == .refused(.init("cancelled before it was sent")))
            written.cancel()
            #expect(await written.value == .unknown(.init("cancelled after it was sent")))
            let next = await bench.send("whole", through: message)
            #expect(bench.frames().count == 2, "the cancelled frame's acknowledgement is still awaited")
            await bench.acknowledge("REQ-1")
            #expect(bench.frames().last?.content == "whole")
            await bench.acknowledge("REQ-1")
            #expect(await next.value == .delivered)
        }
    }

    @Test func aSendOfACancelledTaskIsToldAtOnce() async throws {
        try await Bench.run { bench in
            await bench.frame(0)
            let message = await bench.push(id: "1")
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return await message.channel.send(BubbleUpdate(bubble: 0, text: "没人等", isFinal: true))
            }
            #expect(await task.value == .refused(.init("cancelled before it was sent")))
            #expect(await bench.connection.unsettled == 0)
        }
    }
}
