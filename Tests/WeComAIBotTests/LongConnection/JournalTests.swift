import BotCore
import BotFoundation
import LWSTransport
import TestSupport
import Testing

@testable import WeComAIBot

/// What an operator reads.
@Suite(.timeLimit(.minutes(10)))
struct JournalTests {
    private func fail(_ bench: Bench, _ message: String) async throws {
        let error = TransportError(.connectFailed, message)
        await bench.world.end(
            await bench.world.attempts,
            WebSocketClosure(code: 1_006, reason: "", byPeer: false, error: error)
        )
        await bench.world.advance(to: try #require(await bench.connection.state.retryAt))
    }

    @Test func theSameTroubleAgainIsSaidOnce() async throws {
        try await Bench.run(opens: false) { bench in
            await bench.world.deeds.wait { !$0.isEmpty }
            for _ in 0..<50 { try await fail(bench, "the cable is out") }
            #expect(bench.lines(from: .info).map { $0.prefix(31) } == ["not connected: the cable is out"])
            try await fail(bench, "another trouble")
            #expect(bench.lines(from: .info).count == 2)
            await bench.world.adopt { $0.opens = true }
            try await fail(bench, "another trouble")
            await bench.subscribe(await bench.world.attempts)
            #expect(bench.lines(from: .info).count == 3)
            #expect(bench.lines(from: .info).last?.hasPrefix("ready after 52 failures") == true)
        }
    }

    @Test func troublesThatTakeTurnsAreSaidOnceEach() async throws {
        try await Bench.run(opens: false) { bench in
            await bench.world.deeds.wait { !$0.isEmpty }
            for index in 0..<60 { try await fail(bench, index.isMultiple(of: 2) ? "no route" : "refused") }
            #expect(bench.lines(from: .info).count == 2)
        }
    }

    @Test func afterAReadyConnectionTheSameTroubleIsNewsAgain() async throws {
        try await Bench.run { bench in
            for link in 1...2 {
                await bench.reconnect(link)
                await bench.world.end(link, .lost)
            }
            #expect(bench.lines(from: .warning).count == 2)
        }
    }

    @Test func aNightOfFlappingIsAHandfulOfLinesAndCountsThem() async throws {
        try await Bench.run { bench in
            for link in 1...300 {
                await bench.reconnect(link)
                await bench.world.end(link, .lost)
            }
            let warnings = bench.lines(from: .warning)
            #expect(warnings.count == 9)
            #expect(warnings.last?.contains("count=256") == true)
            let lines = bench.lines(from: .info)
            #expect(lines.count == 19, "each is followed by its end")
            #expect(lines.last?.hasPrefix("ready") == true)
            #expect(bench.lines(from: .debug).count { $0.hasPrefix("not connected") } == 300, "nothing is hidden")
            await bench.reconnect(301)
            await bench.world.advance(by: .seconds(35))
            for ping in 1...120 {
                await bench.acknowledge(await bench.frame(ping, on: 301).requestID, on: 301)
                await bench.world.advance(by: .seconds(30))
            }
            await bench.world.end(301, .lost)
            #expect(bench.lines(from: .warning).count == 10, "after an hour it is news again")
        }
    }

    @Test func answersThatCannotGoAreAHandfulOfLines() async throws {
        try await Bench.run {
            $0.machine.maximumRequests = 1
        } _: { bench in
            await bench.subscribe()
            let message = await bench.push(id: "1")
            let first = await bench.send("一", through: message)
            for _ in 0..<100 {
                let update = BubbleUpdate(bubble: 0, text: "二", isFinal: true)
                #expect(await message.channel.send(update) != .delivered)
            }
            let lines = bench.lines(from: .warning)
            #expect(lines.count == 7 && lines.allSatisfy { $0.hasPrefix("too many answers wait") })
            #expect(lines.last?.contains("count=64") == true)
            await bench.acknowledge("REQ-1")
            _ = await first.value
        }
    }

    @Test func aWrongSecretIsOneClearLine() async throws {
        try await Bench.run { bench in
            for link in 1...5 {
                await bench.acknowledge(await bench.frame(0, on: link).requestID, 853_000, on: link)
                await bench.world.advance(to: try #require(await bench.connection.state.retryAt))
            }
            let lines = bench.lines(from: .info)
            #expect(lines.count == 1)
            for part in [
                "853000", "WECOM_BOT_ID", "WECOM_BOT_SECRET", Bench.botID, "wss://gateway.example:443", "retry_in=",
            ] {
                #expect(lines.first?.contains(part) == true, "\(part)")
            }
            #expect(bench.log.records.filter { $0.level == .error }.count == 1)
        }
    }

    /// Each refusal costs a connection at most, and the line about that is the usual one.
    @Test func aNightOfRefusedHeartbeatsIsAHandfulOfLines() async throws {
        try await Bench.run { bench in
            for link in 1...64 {
                await bench.reconnect(link)
                for ping in 1...2 {
                    await bench.world.advance(by: .seconds(30))
                    await bench.acknowledge(await bench.frame(ping, on: link).requestID, 45_009, on: link)
                }
            }
            let warnings = bench.lines(from: .warning)
            #expect(warnings.count == 7)
            #expect(warnings.allSatisfy { $0.contains("refused the heartbeat (errcode 45009)") })
            let snapshot = await bench.connection.snapshot()
            #expect(snapshot.lastPong == nil)
            #expect(snapshot.statistics.losses == [.heartbeatRefused: 64])
            #expect(snapshot.statistics.errorCodes == [.frequencyLimit: 128])
        }
    }

    @Test func theAddressIsSaidWithoutItsPathAndTheServerIsNotQuoted() async throws {
        try await Bench.run { bench in
            await bench.world.deliver(
                #"{"headers":{"req_id":"\#(await bench.frame(0).requestID)"},"errcode":853000,"#
                    + #""errmsg":"bad secret: \#(Bench.secret)"}"#,
                on: 1
            )
            #expect(await bench.connection.state.name == "credentialsRejected")
            for line in bench.lines() { #expect(!line.contains("query=1")) }
        }
    }

    @Test func aTracedConversationShowsEveryFrameAndNothingThatIsSecret() async throws {
        try await Bench.run { bench in
            let subscribe = await bench.subscribe()
            let message = await bench.push("看图 https://h.example/p?sign=SIGNATURE", id: "1")
            await bench.world.deliver(
                #"{"cmd":"aibot_msg_callback","headers":{"req_id":"REQ-2"},"body":{"msgid":"MSG-2","chattype":"single","#
                    + #""from":{"userid":"u"},"msgtype":"mixed","mixed":{"msg_item":[{"msgtype":"image","image":{"#
                    + #""url":"https://cos.example/o?sign=SIGNATURE","aeskey":"AESKEY"}}]},"quote":{"msgtype":"file","#
                    + #""file":{"url":"https://cos.example/o?sign=SIGNATURE","aeskey":"AESKEY"}}}}"#,
                on: 1
            )
            await bench.world.deliver("not json SIGNATURE", on: 1)
            let answer = await bench.send("回答", through: message)
            await bench.world.deliver(
                #"{"headers":{"req_id":"REQ-1"},"errcode":0,"errmsg":"ok \#(Bench.secret)","token":"AESKEY"}"#,
                on: 1
            )
            #expect(await answer.value == .delivered)
            let frames = bench.log.records.filter { $0.message == "frame" }
            #expect(frames.allSatisfy { $0.level == .trace })
            func values(_ key: LogKey) -> [String?] { frames.map { $0.metadata.first { $0.key == key }?.value } }
            #expect(values(.direction) == ["out", "in", "in", "in", "in", "out", "in"])
            #expect(values(.command)[0] == "aibot_subscribe" && values(.command)[5] == "aibot_respond_msg")
            #expect(values(.requestID)[1] == subscribe.requestID && values(.requestID)[6] == "REQ-1")
            #expect(values(.bytes)[4] == "18" && values(.frame)[4]?.hasPrefix("(not shown") == true)
            #expect(values(.frame)[5]?.contains("回答") == true)
            for line in bench.lines() {
                for part in ["SIGNATURE", "AESKEY", Bench.secret] { #expect(!line.contains(part)) }
            }
        }
    }

    @Test func aRefusedSubscribeSaysWhatTheServerSaidButNeverTheSecret() async throws {
        try await Bench.run { bench in
            await bench.world.deliver(
                #"{"headers":{"req_id":"\#(await bench.frame(0).requestID)"},"errcode":45009,"#
                    + #""errmsg":"too many calls with \#(Bench.secret)"}"#,
                on: 1
            )
            #expect(bench.lines().contains { $0.contains("45009") && $0.contains("too many calls") })
        }
    }
}
