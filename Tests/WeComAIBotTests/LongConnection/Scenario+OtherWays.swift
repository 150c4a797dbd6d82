import BotCore
import BotFoundation
import GatewaySimulator
import TestSupport
import Testing

@testable import WeComAIBot

extension FrameFilter {
    /// The last frame of a stream.
    fileprivate static let last = FrameFilter(commands: [.respond], isFinal: true)
    /// Any other frame of a stream.
    fileprivate static let intermediate = FrameFilter(commands: [.respond], isFinal: false)
    /// A message that answers nothing.
    fileprivate static let push = FrameFilter(commands: [.send])
}

extension Stage {
    /// What was sent to a chat without answering anything, in order.
    func pushed(to chat: String) -> [String] {
        far.observed.events.compactMap { event in
            guard case .sent(chat, "markdown", let text) = event else { return nil }
            return text
        }
    }

    /// The finished bubbles of an answer, in order.
    func finished(_ message: PushedMessage) -> [Bubble] {
        far.observed.events.bubbles(of: message).filter(\.isFinished)
    }

    /// How many frames with a command arrived.
    func arrived(_ command: ClientCommand) -> Int {
        far.observed.events.count { if case .received(_, command.rawValue, _, _) = $0 { true } else { false } }
    }

    /// Feeds a piece of an answer and waits until the user sees it. A moment passes where a bubble was finished without it.
    func feed(_ piece: String, of message: PushedMessage) async {
        feed.put(piece)
        var known = 0
        while !Task.isCancelled {
            let bubbles = await far.observed.wait { [known] events in
                let bubbles = events.bubbles(of: message)
                return bubbles.last?.text.hasSuffix(piece) == true || bubbles.count { $0.isFinished } > known
            }.bubbles(of: message)
            if bubbles.contains(where: { $0.text.hasSuffix(piece) }) { return }
            known = bubbles.count { $0.isFinished }
            await far.pass(.milliseconds(300))
        }
    }

    func expectRedirected(_ message: PushedMessage, _ code: Int) async {
        let outcome = await outcome(of: message)
        guard case .redirected(let reason) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(reason.code == code)
        while dispatcher.statistics.active > 0 { await Task.yield() }
        #expect(dispatcher.statistics.redirected == 1 && dispatcher.statistics.delivered == 1)
        let lines = log.records.filter { $0.level == .notice }.map(\.message)
        #expect(lines.count == 1 && lines.first?.contains("another way") == true)
    }

    func expectUnknown(_ message: PushedMessage) async {
        let outcome = await outcome(of: message)
        guard case .unknown = outcome else {
            Issue.record("\(outcome)")
            return
        }
    }
}

extension [Observation.Event] {
    /// Every state of an answer's bubbles, in order.
    func bubbles(of message: PushedMessage) -> [Bubble] {
        compactMap { event in
            guard case .updated(message.messageID, _, let bubble) = event else { return nil }
            return bubble
        }
    }
}

extension Scenario {
    /// The way an answer was begun is closed.
    static let otherWays: [Scenario] = [
        Scenario("a stream that has expired goes on as another", prepare: { $0.streamLifetime = .nanoseconds(1) }) {
            stage in
            await stage.ready()
            let message = await stage.push("slowly 过期")
            await stage.beginning(of: message)
            await stage.far.pass(.seconds(1))
            stage.gate.record(())
            await stage.expectRedirected(message, 846_608)
            #expect(stage.finished(message).map(\.text) == ["echo: slowly 过期"])
            #expect(stage.arrived(.send) == 0)
        },
        Scenario(
            "a stream that has expired, and the next is refused too",
            faults: [.onFrame(.last, .answer(.streamOver), skipping: 1)],
            prepare: { $0.streamLifetime = .nanoseconds(1) }
        ) { stage in
            await stage.ready()
            let message = await stage.push("slowly 又过期", in: "wrGROUP")
            await stage.beginning(of: message)
            await stage.far.pass(.seconds(1))
            stage.gate.record(())
            await stage.expectRedirected(message, 846_608)
            #expect(stage.pushed(to: "wrGROUP") == ["echo: slowly 又过期"])
            #expect(stage.finished(message).isEmpty)
        },
        Scenario("846605 to the last frame", faults: [.onFrame(.last, .answer(.unknownRequest))]) { stage in
            await stage.ready()
            let message = await stage.push("失效 👩‍👩‍👧‍👦")
            await stage.expectRedirected(message, 846_605)
            #expect(stage.pushed(to: "张三") == ["echo: 失效 👩‍👩‍👧‍👦"])
        },
        Scenario(
            "846605 to the first frame of an answer of three bubbles",
            faults: [.onFrame(.intermediate, .answer(.unknownRequest))]
        ) { stage in
            await stage.ready()
            let message = await stage.push("fed")
            let text = String(repeating: "很长的一行，没有尽头。\n", count: 1_500)
            stage.feed.put("开头\n")
            await stage.acknowledgements(.unknownRequest)
            stage.feed.put(text)
            stage.feed.put("")
            await stage.expectRedirected(message, 846_605)
            #expect(stage.pushed(to: "张三").joined() == "开头\n" + text)
            #expect(stage.arrived(.send) == 3)
            #expect(stage.arrived(.respond) == 1, "a req_id that was refused is not used again")
        },
        Scenario("6000 four times to the last frame", faults: [.refuse(.conflict, times: 4)]) { stage in
            await stage.ready()
            let message = await stage.push("一直冲突")
            await stage.acknowledgements(.conflict)
            await stage.far.pass(.seconds(2))
            await stage.expectRedirected(message, 6_000)
            #expect(stage.pushed(to: "张三") == ["echo: 一直冲突"])
        },
        Scenario(
            "a req_id does not survive the reconnect",
            provokesViolations: true,
            prepare: { $0.requestsSurviveReconnect = false }
        ) { stage in
            await stage.ready()
            let message = await stage.push("slowly 断线")
            await stage.beginning(of: message)
            await stage.far.inject(.now(.close(code: 1_012)))
            await stage.ready(times: 2)
            stage.gate.record(())
            await stage.expectRedirected(message, 846_605)
            #expect(stage.pushed(to: "张三") == ["echo: slowly 断线"])
        },
        Scenario(
            "a last frame that may have arrived goes no other way",
            faults: [.onFrame(.last, .after(.reset))],
            provokesViolations: true,
            prepare: { $0.requestsSurviveReconnect = false }
        ) { stage in
            await stage.ready()
            let message = await stage.push("到了没有")
            await stage.ready(times: 2)
            await stage.expectUnknown(message)
            #expect(stage.arrived(.send) == 0)
        },
        Scenario("content that is refused", faults: [.onFrame(.last, .answer(40_201))]) { stage in
            await stage.ready()
            let message = await stage.push("不许说")
            let outcome = await stage.outcome(of: message)
            #expect(outcome.reason?.code == 40_201 && !outcome.isDelivered)
            #expect(stage.arrived(.send) == 0)
        },
        Scenario(
            "every way is refused",
            faults: [.onFrame(.last, .answer(.windowOver)), .onFrame(.push, .answer(.invalidChat))]
        ) { stage in
            await stage.ready()
            let message = await stage.push("没有路")
            guard case .refused(let reason) = await stage.outcome(of: message) else {
                Issue.record("what nobody saw is not delivered")
                return
            }
            #expect(reason.code == 93_006 && reason.message.contains("846604"))
        },
        Scenario(
            "the acknowledgement of a push is lost",
            faults: [.onFrame(.last, .answer(.unknownRequest)), .onFrame(.push, .dropAcknowledgement)],
            tune: { if $1 == .gateway { $0.acknowledgementDeadline = .milliseconds(50) } }
        ) { stage in
            await stage.ready()
            let message = await stage.push("没有回音")
            await stage.far.observed.wait { $0.contains { if case .sent = $0 { true } else { false } } }
            await stage.far.pass(.seconds(5))
            await stage.expectUnknown(message)
            await stage.far.pass(.seconds(60))
            #expect(stage.pushed(to: "张三").count == 1)
        },
        Scenario(
            "the connection ends with a push on its way",
            faults: [.onFrame(.last, .answer(.unknownRequest)), .onFrame(.push, .after(.reset))]
        ) { stage in
            await stage.ready()
            let message = await stage.push("只推一次")
            await stage.ready(times: 2)
            await stage.expectUnknown(message)
            #expect(stage.pushed(to: "张三").count == 1)
        },
        // On a socket the same in little, with a window of 0.4 s.
        Scenario(
            "an answer that takes twenty minutes",
            prepare: { $0.streamLifetime = .seconds(6 * 60) },
            window: { $0 == .gateway ? .milliseconds(400) : nil }
        ) { stage in
            await stage.ready()
            let message = await stage.push("fed")
            var text = ""
            for number in 0..<(stage.transport == .gateway ? 6 : 400) {
                let piece = number % 7 == 6 ? "第\(number)段。\n\n" : "第\(number)步👍🏽，"
                text += piece
                await stage.feed(piece, of: message)
                await stage.far.pass(.seconds(3))
            }
            stage.feed.put("")
            #expect(await stage.outcome(of: message) == .delivered)
            let bubbles = stage.finished(message)
            #expect(bubbles.map(\.text).joined() == text)
            #expect(bubbles.count >= (stage.transport == .gateway ? 2 : 4))
            #expect(bubbles.allSatisfy { !$0.text.isEmpty })
            let streams = stage.far.observed.events.bubbles(of: message).map(\.streamID)
            #expect(Set(streams) == Set(bubbles.map(\.streamID)), "no bubble is left open")
        },
        Scenario("an answer that is silent for twenty minutes", transports: [.inMemory]) { stage in
            await stage.ready()
            let message = await stage.push("fed")
            await stage.feed("想一想", of: message)
            func frames(_ count: Int) async {
                await stage.far.observed.wait { events in
                    events.count { if case .acknowledged(_, message.requestID, .ok) = $0 { true } else { false } }
                        >= count
                }
            }
            await stage.far.pass(.seconds(225))
            await frames(2)
            await stage.far.pass(.seconds(105))
            await frames(3)
            for _ in 0..<14 { await stage.far.pass(.seconds(60)) }
            #expect(stage.finished(message).map(\.text) == ["想一想"], "finished in time, and no empty bubble after it")
            stage.feed.put("好了")
            stage.feed.put("")
            #expect(await stage.outcome(of: message) == .delivered)
            #expect(stage.finished(message).map(\.text) == ["想一想", "好了"])
        },
    ]
}
