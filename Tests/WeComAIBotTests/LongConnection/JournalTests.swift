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
