import BotCore
import BotFoundation
import GatewaySimulator
import TestSupport
import Testing

@testable import WeComAIBot

extension Scenario {
    /// Something goes wrong, and heals.
    static let faulty: [Scenario] = [
        Scenario("a reset in the middle of an answer") { stage in
            await stage.ready()
            let message = await stage.push("slowly 断线重连")
            await stage.beginning(of: message)
            await stage.far.inject(.now(.reset))
            await stage.ready(times: 2)
            stage.gate.record(())
            #expect(await stage.answer(to: message).text == "echo: slowly 断线重连")
            #expect(await stage.outcome(of: message) == .delivered)
        },
        Scenario("an answer that ends while there is no connection") { stage in
            await stage.ready()
            let message = await stage.push("slowly 离线写完")
            await stage.beginning(of: message)
            await stage.far.inject(.now(.close(code: 1_012)))
            await stage.state("waiting")
            stage.gate.record(())
            await stage.ready(times: 2)
            #expect(await stage.answer(to: message).text == "echo: slowly 离线写完")
            #expect(await stage.outcome(of: message) == .delivered)
        },
        Scenario("the last frame is lost with the connection", faults: [.onFrame(.replies, .instead(.reset))]) {
            stage in
            await stage.ready()
            let message = await stage.push("丢了")
            await stage.ready(times: 2)
            #expect(await stage.answer(to: message) == ("echo: 丢了", 1))
            #expect(await stage.outcome(of: message) == .delivered)
        },
        Scenario(
            "the last frame arrives, its acknowledgement is lost with the connection",
            faults: [.onFrame(.replies, .after(.reset))],
            provokesViolations: true  // the repeated frame is for a stream that is finished
        ) { stage in
            await stage.ready()
            let message = await stage.push("到了")
            #expect(await stage.answer(to: message).text == "echo: 到了")
            await stage.ready(times: 2)
            guard case .unknown(let reason) = await stage.outcome(of: message) else {
                Issue.record("neither delivered nor refused is known")
                return
            }
            #expect(reason.code == 846_608)
        },
        Scenario(
            "an acknowledgement is lost",
            faults: [.dropNextAcknowledgement],
            tune: { if $1 == .gateway { $0.acknowledgementDeadline = .milliseconds(50) } }
        ) { stage in
            await stage.ready()
            let message = await stage.push("没有回音")
            await stage.answer(to: message)
            await stage.far.pass(.seconds(5))
            guard case .unknown = await stage.outcome(of: message) else {
                Issue.record("an answer without acknowledgement is neither delivered nor refused")
                return
            }
            #expect(await stage.connection.state == .ready)
        },
        // Over the socket the slow chat is not waited for: seven seconds are too long.
        Scenario(
            "an acknowledgement of seven seconds in one chat",
            faults: [.onFrame(.answers(in: "slow"), .delay(.seconds(7)))]
        ) { stage in
            await stage.ready()
            let slow = await stage.push("slowly 七秒", from: "slow")
            await stage.beginning(of: slow)
            stage.gate.record(())
            for number in 0..<20 {
                let fast = await stage.push("\(number)", from: "fast")
                #expect(await stage.answer(to: fast) == ("echo: \(number)", 1))
                #expect(await stage.outcome(of: fast) == .delivered)
            }
            guard stage.transport == .inMemory else {
                await stage.far.inject(.now(.reset))  // so that the end need not wait for it
                await stage.ready(times: 2)
                await stage.answer(to: slow)
                return
            }
            #expect(!stage.outcomes.events.contains { $0.messageID == slow.messageID })
            await stage.far.pass(.seconds(7))
            #expect(await stage.answer(to: slow) == ("echo: slowly 七秒", 2))
            #expect(await stage.outcome(of: slow) == .delivered)
        },
        Scenario("6000 twice", faults: [.refuse(.conflict, times: 2)]) { stage in
            await stage.ready()
            let message = await stage.push("冲突")
            await stage.acknowledgements(.conflict)
            await stage.far.pass(.seconds(1))
            #expect(await stage.answer(to: message) == ("echo: 冲突", 1))
            #expect(await stage.outcome(of: message) == .delivered)
            #expect(await stage.connection.statistics.conflicts == 2)
        },
        Scenario("846609 to an answer", faults: [.refuse(.notSubscribed)]) { stage in
            await stage.ready()
            let message = await stage.push("再订阅")
            await stage.ready(times: 2)
            #expect(await stage.answer(to: message) == ("echo: 再订阅", 1))
            #expect(await stage.outcome(of: message) == .delivered)
        },
        Scenario("a gateway that forgets the subscription", provokesViolations: true) { stage in
            await stage.ready()
            let message = await stage.push("slowly 忘了")
            await stage.beginning(of: message)
            await stage.far.inject(.now(.forgetSubscription))
            stage.gate.record(())
            await stage.ready(times: 2)
            #expect(await stage.answer(to: message).text == "echo: slowly 忘了")
            #expect(await stage.outcome(of: message) == .delivered)
        },
        Scenario("displaced by another connection") { stage in
            await stage.ready()
            await stage.far.inject(.now(.displace))
            await stage.state("displaced")
            await stage.ready(times: 2)
            #expect(await stage.answer(to: await stage.push("回来了")).text == "echo: 回来了")
            #expect(await stage.connection.statistics.displacements == 1)
        },
        Scenario("a subscribe that is refused twice, then accepted", faults: [.refuseSubscribe(.throttled, times: 2)]) {
            stage in
            await stage.ready()
            await stage.answer(to: await stage.push("终于"))
            #expect(await stage.connection.statistics.connectionsLost == 2)
        },
        Scenario("a secret that is corrected at the far side", faults: [.refuseSubscribe(.badCredentials, times: 2)]) {
            stage in
            await stage.state("credentialsRejected")
            await stage.ready()
            await stage.answer(to: await stage.push("对了"))
            #expect(stage.log.records.filter { $0.level == .error }.count == 1)
        },
        Scenario(
            "a subscribe that is not answered",
            faults: [.ignoreSubscribe()],
            tune: { if $1 == .gateway { $0.subscribeDeadline = .milliseconds(300) } }
        ) { stage in
            await stage.state("subscribing")
            await stage.far.pass(.seconds(10))
            await stage.ready()
            await stage.answer(to: await stage.push("在吗"))
        },
        Scenario("a mute gateway", tune: { if $1 == .gateway { $0.heartbeatInterval = .milliseconds(400) } }) { stage in
            await stage.ready()
            await stage.answer(to: await stage.push("第一"))
            await stage.far.inject(.now(.mute))
            await stage.far.pass(.seconds(45))
            await stage.ready(times: 2)
            await stage.answer(to: await stage.push("第二"))
        },
        // One piece of it is a message of an unknown type. It is handed on and answered, which the gateway does not expect.
        Scenario("garbage, then a message", provokesViolations: true) { stage in
            await stage.ready()
            for garbage in Garbage.allCases { await stage.far.inject(.now(.garbage(garbage))) }
            #expect(await stage.answer(to: await stage.push("正常")).text == "echo: 正常")
            let statistics = await stage.connection.statistics
            #expect(statistics.malformedFrames == 6)
            #expect(statistics.unhandledCallbacks == 2)
            #expect(statistics.strayAcknowledgements >= 1)
            #expect(statistics.timesReady == 1)
        },
        // An end may overtake the acknowledgement of the last update before it, which is then sent again: harmless, but a frame
        // after finish to the gateway.
        Scenario("every orderly and disorderly end", provokesViolations: true) { stage in
            await stage.ready()
            for (index, code) in [1_000, 1_001, 1_006, 1_008, 1_011, 1_012, 4_000].enumerated() {
                await stage.answer(to: await stage.push("\(code)"))
                await stage.far.inject(.now(.close(code: UInt16(code))))
                await stage.ready(times: index + 2)
            }
            await stage.answer(to: await stage.push("还在"))
            #expect(await stage.connection.statistics.connectionsLost == 7)
        },
    ]
}
