import Testing

@testable import WeComAIBot

/// A half-open connection takes everything and answers nothing: what was written to it may have gone nowhere.
struct DoubtfulFinalTests {
    @Test(arguments: [5, 10, 29])
    func finalThatWentToADeadConnectionGoesAgain(seconds: Int) throws {
        var rig = try Rig.ready()
        rig.sendWritten(1)
        #expect(rig.after(.seconds(5)) == ["1 unknown"])
        rig.after(.seconds(seconds - 5))
        #expect(rig.closed() == ["state waiting"])
        #expect(rig.reconnect().last == "write a1")
        rig.written("a1")
        #expect(rig.ack("a") == [])
        #expect(rig.machine.requestCount == 0)
        rig.closed()
        #expect(!rig.reconnect().contains("write a1"))
    }

    @Test func itGoesBeforeWhatIsNewerInItsLane() throws {
        var rig = try Rig.ready()
        rig.sendWritten(1)
        rig.after(.seconds(10))
        rig.sendWritten(2)
        rig.send(3)
        rig.closed()
        #expect(rig.reconnect().last == "write a1")
        rig.written("a1")
        #expect(rig.ack("a") == ["write a2"])
        rig.written("a2")
        #expect(rig.ack("a") == ["2 delivered", "write a3"])
    }

    @Test func finalThatTheServerHasReadIsNotRepeated() throws {
        var rig = try Rig.ready()
        rig.sendWritten(1)
        #expect(rig.after(.seconds(30)).contains("write ping"))
        rig.after(.zero)
        rig.ack(rig.pingID)
        rig.closed()
        #expect(!rig.reconnect().contains("write a1"))
    }

    @Test func onePingBeforeProvesNothing() throws {
        var rig = try Rig.ready()
        rig.after(.seconds(30))
        rig.now += .milliseconds(1)
        rig.sendWritten(1)
        rig.ack(rig.pingID)
        rig.after(.seconds(10))
        rig.closed()
        #expect(rig.reconnect().contains("write a1"))
    }

    @Test func itIsTriedOnThreeConnectionsMore() throws {
        var rig = try Rig.ready()
        rig.sendWritten(1)
        for _ in 0..<3 {
            rig.after(.seconds(10))
            rig.closed()
            #expect(rig.reconnect().contains("write a1"))
            rig.written("a1")
        }
        rig.after(.seconds(10))
        rig.closed()
        #expect(!rig.reconnect().contains("write a1"))
    }
}
