import BotCore
import BotFoundation
import GatewaySimulator
import TestSupport
import Testing

@testable import WeComAIBot

extension Scenario {
    /// Events, and what is no stream.
    static let replies: [Scenario] = [
        Scenario("whoever enters is welcomed") { stage in
            await stage.ready()
            let event = await stage.push(.enterChat)
            #expect(await stage.outcome(ofEvent: event) == .delivered)
            let answer = await stage.far.answer(toEvent: event)
            #expect(answer?["msgtype"] == "text" && answer?["text"]?["content"] == "欢迎 👋")
        },
        Scenario("a card that is pressed is updated, under the same task id") { stage in
            await stage.ready()
            let event = await stage.push(
                .templateCard(cardType: "button_interaction", eventKey: "yes", taskID: "task_1"),
                in: "wrGROUP"
            )
            #expect(await stage.outcome(ofEvent: event) == .delivered)
            let card = await stage.far.answer(toEvent: event)?["template_card"]
            #expect(card?["task_id"] == "task_1" && card?["main_title"]?["title"] == "pressed yes")
        },
        Scenario("a card is pressed while an answer streams in the same chat") { stage in
            await stage.ready()
            let message = await stage.push("slowly 说着", in: "wrGROUP")
            await stage.beginning(of: message)
            let event = await stage.push(
                .templateCard(cardType: "button_interaction", eventKey: "no", taskID: "t"),
                in: "wrGROUP"
            )
            #expect(await stage.outcome(ofEvent: event) == .delivered, "it does not wait for the answer")
            #expect(stage.outcomes.events.isEmpty)
            stage.gate.record(())
            #expect(await stage.outcome(of: message) == .delivered)
        },
        Scenario("an event that is delivered twice") { stage in
            await stage.ready()
            let event = await stage.push(.enterChat)
            #expect(await stage.outcome(ofEvent: event) == .delivered)
            await stage.far.inject(.now(.repeatCallback(messageID: event.messageID)))
            while stage.events.statistics.duplicates == 0, !Task.isCancelled { await Task.yield() }
            #expect(await stage.outcome(ofEvent: await stage.push(.enterChat, from: "李四")) == .delivered)
            #expect(stage.eventOutcomes.events.count == 2)
        },
        Scenario("an update that is too late is not sent", transports: [.inMemory]) { stage in
            await stage.ready()
            let event = await stage.push(
                .templateCard(cardType: "button_interaction", eventKey: "late", taskID: "t")
            )
            await stage.far.pass(.seconds(5))
            stage.gate.record(())
            let outcome = await stage.outcome(ofEvent: event)
            guard case .refused(let reason) = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(reason.code == nil && reason.message.contains("is over"))
            #expect(stage.arrived(.updateCard) == 0)
        },
        Scenario(
            "an update in the last moment is sent",
            transports: [.inMemory]
        ) { stage in
            await stage.ready()
            let event = await stage.push(
                .templateCard(cardType: "button_interaction", eventKey: "late", taskID: "t")
            )
            await stage.far.pass(.seconds(5) - .nanoseconds(1))
            stage.gate.record(())
            #expect(await stage.outcome(ofEvent: event) == .delivered)
        },
        Scenario("a card and a markdown message beside the answer") { stage in
            await stage.ready()
            for kind in ["card", "markdown"] {
                let message = await stage.push(kind)
                #expect(await stage.outcome(of: message) == .delivered)
                let types = stage.far.observed.events.compactMap { event -> String? in
                    guard case .updated(message.messageID, _, let bubble) = event else { return nil }
                    return bubble.messageType
                }
                #expect(types == [kind == "card" ? "template_card" : "markdown", "stream"])
            }
        },
        // The message may no longer be answered where it was; what was refused was not shown.
        Scenario(
            "a message of its own whose request is refused is pushed",
            faults: [.onFrame(FrameFilter(commands: [.respond]), .answer(.unknownRequest))]
        ) { stage in
            await stage.ready()
            let message = await stage.push("card", from: "李四")
            await stage.answer(to: message)
            let sent = stage.far.observed.events.compactMap { event -> String? in
                guard case .sent("李四", let type, _) = event else { return nil }
                return type
            }
            #expect(sent == ["template_card"])
        },
        Scenario("pushes go to the user and to the group") { stage in
            await stage.ready()
            _ = await stage.outcome(of: await stage.push("在", from: "李四"))
            _ = await stage.outcome(of: await stage.push("在", in: "wrGROUP"))
            let (user, group) = (
                Conversation(kind: .single, id: "李四"), Conversation(kind: .group, id: "wrGROUP")
            )
            #expect(await stage.connection.push(.markdown("一"), to: user) == .delivered)
            #expect(await stage.connection.push(.markdown("二"), to: group) == .delivered)
            #expect(await stage.connection.push(.card(.sample), to: user) == .delivered)
            #expect(stage.pushed(to: "李四") == ["一"] && stage.pushed(to: "wrGROUP") == ["二"])
        },
        Scenario("a push where nobody has spoken is refused by the server", provokesViolations: true) { stage in
            await stage.ready()
            let nowhere = Conversation(kind: .single, id: "nobody")
            let delivery = await stage.connection.push(.markdown("在吗"), to: nowhere)
            guard case .refused(let reason) = delivery else {
                Issue.record("\(delivery)")
                return
            }
            #expect(reason.code == 93_006)
        },
        Scenario("a rating comes with the id that was sent") { stage in
            await stage.ready()
            _ = await stage.outcome(of: await stage.push("在"))
            let event = await stage.push(.feedback(id: "fb-1", type: 2))
            #expect(await stage.outcome(ofEvent: event) == .delivered)
            #expect(stage.pushed(to: "张三") == ["event: feedback_event"])
        },
    ]
}
