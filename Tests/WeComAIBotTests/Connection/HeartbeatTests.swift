import BotCore
import Testing

@testable import WeComAIBot

/// Pings that are refused, and pings that nobody reads.
struct HeartbeatTests {
    private static let nanosecond = Duration.nanoseconds(1)

    /// The time of the next ping comes; it leaves.
    private func ping(_ rig: inout Rig) {
        #expect(rig.after(.seconds(30)) == ["write ping"])
        rig.written("ping")
    }

    // MARK: Refused

    @Test(arguments: [45_009, -1, 6000, 846_605, 1])
    func theSecondRefusalInARowEndsTheConnection(code: Int) throws {
        var rig = try Rig.ready()
        ping(&rig)
        #expect(rig.ack(rig.pingID, code) == [])
        #expect(rig.machine.lastPong == nil, "no answer that counts")
        ping(&rig)
        #expect(rig.ack(rig.pingID, code) == ["abort", "state waiting"])
        guard case .waiting(let retryAt, let reason) = rig.machine.state else { return }
        #expect(reason.contains("errcode \(code)") && retryAt - rig.now <= .seconds(1))
        #expect(rig.incidents.count { $0 == .heartbeatRefused(ErrorCode(rawValue: code)) } == 2)
        #expect(rig.incidents.count { $0 == .heartbeatsRefused(ErrorCode(rawValue: code)) } == 1)
        #expect(rig.reconnect().last == "state ready")
        ping(&rig)
        #expect(rig.ack(rig.pingID, code) == [], "another connection is counted anew")
    }

    @Test func aRefusalBetweenAnswersIsNone() throws {
        var rig = try Rig.ready()
        for _ in 0..<20 {
            ping(&rig)
            rig.ack(rig.pingID)
            let pong = rig.now
            ping(&rig)
            #expect(rig.ack(rig.pingID, 45_009) == [])
            #expect(rig.ack(rig.pingID, 45_009) == [], "the same one again")
            #expect(rig.machine.lastPong == pong)
        }
        #expect(rig.stateName == "ready")
    }

    @Test(arguments: [853_000, 600_041, 93_019, 40_001, 40_013])
    func credentialsThatAreNoLongerTrueAreToldByTheNextSubscribe(code: Int) throws {
        var rig = try Rig.ready()
        ping(&rig)
        #expect(rig.ack(rig.pingID, code) == ["abort", "state waiting"])
        rig.now = try #require(rig.retryAt)
        rig.tick()
        rig.opened()
        #expect(rig.ack(rig.subscribeID, code) == ["close 1000", "state credentialsRejected"])
    }

    @Test func whatWasWrittenBeforeARefusedPingHasBeenRead() throws {
        var rig = try Rig.ready()
        rig.sendWritten(1)
        rig.after(.seconds(5))
        rig.after(.seconds(5))
        rig.after(.seconds(20))
        rig.written("ping")
        rig.ack(rig.pingID, 853_000)
        #expect(rig.reconnect() == ["state ready"])
    }

    // MARK: Unanswered

    /// Callbacks arrive all the time.
    private func listen(_ rig: inout Rig, for seconds: Int) -> [String] {
        (0..<seconds * 10).flatMap { _ in
            rig.alive()
            return rig.after(.milliseconds(100))
        }
    }

    @Test func aDeadWriteHalfIsNoticedAtTheThirdPingWhateverArrives() throws {
        var rig = try Rig.ready()
        ping(&rig)
        #expect(listen(&rig, for: 30) == ["write ping"])
        rig.written("ping")
        rig.alive()
        #expect(rig.after(.seconds(30) - Self.nanosecond) == [])
        rig.alive()
        #expect(rig.after(Self.nanosecond) == ["abort", "state waiting"])
        #expect(rig.incidents == [.heartbeatUnanswered])
        #expect(rig.reconnect().last == "state ready")
        ping(&rig)
        #expect(listen(&rig, for: 30) == ["write ping"], "another connection is counted anew")
    }

    /// It was told long ago that nobody knows, and its slot is free.
    @Test func whatWentIntoADeadWriteHalfGoesAgain() throws {
        var rig = try Rig.ready()
        ping(&rig)
        rig.sendWritten(1)
        #expect(listen(&rig, for: 30) == ["1 unknown", "write ping"])
        rig.written("ping")
        _ = listen(&rig, for: 30)
        #expect(rig.stateName == "waiting")
        #expect(rig.reconnect().last == "write a1")
    }

    @Test(arguments: ["pong", "refused pong", "old pong", "request", "stray"])
    func anyAcknowledgementShowsThatWeAreRead(kind: String) throws {
        var rig = try Rig.ready()
        for _ in 0..<20 {
            ping(&rig)
            let old = rig.pingID
            rig.alive()
            ping(&rig)
            rig.alive()
            rig.after(.seconds(29))
            switch kind {
            case "pong": rig.ack(rig.pingID)
            case "refused pong":
                rig.ack(rig.pingID, 45_009)
                ping(&rig)
                rig.ack(rig.pingID)
                rig.now += .seconds(29)
            case "old pong": rig.ack(old)
            case "request":
                rig.sendWritten(1)
                rig.ack("a", 846_605)
            default: rig.ack("nobody")
            }
            #expect(rig.after(.seconds(1)) == ["write ping"])
            rig.written("ping")
            rig.ack(rig.pingID)
        }
    }

    @Test func aBurstOfCallbacksAroundThePongIsNoHarm() throws {
        var rig = try Rig.ready()
        for _ in 0..<10 {
            ping(&rig)
            for number in 0..<2_000 {
                rig.alive()
                if number == 1_000 { rig.ack(rig.pingID) }
            }
        }
        #expect(rig.stateName == "ready")
    }

    /// They stand behind something large that goes slowly, and the server cannot answer them yet.
    @Test func pingsThatHaveNotLeftAreNotMissed() throws {
        var rig = try Rig.ready()
        for _ in 0..<10 {
            #expect(rig.after(.seconds(30)) == ["write ping"])
            rig.alive()
        }
        rig.written("ping")
        ping(&rig)
        rig.alive()
        #expect(rig.after(.seconds(30)) == ["abort", "state waiting"], "two have left")
    }
}
