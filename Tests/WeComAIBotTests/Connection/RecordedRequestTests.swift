import BotCore
import Testing

@testable import WeComAIBot

/// Requests of which it is written down that they leave, before they do.
struct RecordedRequestTests {
    @Test func itLeavesWhenThatIsWrittenDownAndNotBefore() throws {
        var rig = try Rig.connecting()
        #expect(rig.send(1, "a", .once, isRecorded: true) == [])
        rig.opened()
        let actions = rig.ack(rig.subscribeID)
        #expect(actions.contains("1 departing") && !actions.contains("write a1"))
        #expect(rig.after(.seconds(1)) == [])
        #expect(rig.depart(1) == ["write a1"])
        #expect(rig.depart(1) == [], "once")
        rig.written("a1")
        #expect(rig.ack("a") == ["1 delivered"])
    }

    @Test func othersDoNotWaitForItUnlessTheyComeAfterItByTheSameID() throws {
        var rig = try Rig.ready()
        #expect(rig.send(1, "a", .once, isRecorded: true) == ["1 departing"])
        #expect(rig.send(2, "a") == [])
        #expect(rig.send(3, "b") == ["write b3"])
        #expect(rig.depart(1) == ["write a1"])
        rig.written("a1")
        #expect(rig.ack("a") == ["1 delivered", "write a2"])
    }

    @Test func noMoreAreAskedForThanMayGo() throws {
        var rig = try Rig.ready()
        let limit = RateLimits().perMinute
        for id in 1...limit + 1 {
            let asked = rig.send(id, "a\(id)", .once, in: "u", isRecorded: true)
            #expect(asked == (id <= limit ? ["\(id) departing"] : []), "\(id)")
        }
        for id in 1...limit { #expect(rig.depart(UInt64(id)) == ["write a\(id)\(id)"]) }
        #expect(rig.depart(UInt64(limit + 1)) == [])
    }

    @Test func oneThatIsCancelledBeforeItLeavesIsNotCounted() throws {
        var rig = try Rig.ready()
        let limit = RateLimits().perMinute
        for id in 1...limit { rig.send(id, "a\(id)", .once, in: "u", isRecorded: true) }
        #expect(rig.send(limit + 1, "b", .once, in: "u", isRecorded: true) == [])
        #expect(rig.cancel(1) == ["1 waiting", "1 refused"])
        #expect(rig.after(RateBudget.minute).contains("\(limit + 1) departing"))
    }

    @Test func whatWasNotWhollyWrittenWaitsAgainAndIsWrittenDownAnew() throws {
        var rig = try Rig.ready()
        rig.send(1, "a", .once, isRecorded: true)
        rig.send(2, "b", .once, isRecorded: true)
        rig.send(3, "c", .once, isRecorded: true)
        rig.depart(1)
        rig.depart(2)
        rig.written("a1")
        let old = rig.epoch
        let lost = rig.closed()
        #expect(lost.contains("1 unknown"))
        #expect(lost.contains("2 waiting") && lost.contains("3 waiting"))
        #expect(rig.depart(3, epoch: old) == [])
        let actions = rig.reconnect()
        #expect(actions.suffix(2) == ["2 departing", "3 departing"])
        #expect(rig.depart(3, epoch: old) == [], "that was written down before it waited again")
        #expect(rig.depart(2) == ["write b2"])
        #expect(rig.depart(3) == ["write c3"])
    }

    @Test(arguments: [6000, 45_009])
    func whatIsRefusedInPassingWaitsAgain(code: Int) throws {
        var rig = try Rig.ready()
        rig.send(1, "a", .once, in: "u", isRecorded: true)
        rig.depart(1)
        rig.written("a1")
        #expect(rig.ack("a", code) == ["1 waiting"])
        #expect(rig.depart(1) == [])
        #expect(rig.after(.seconds(5)).contains("1 departing"))
        #expect(rig.depart(1) == ["write a1"])
    }

    @Test func whatNobodyCanHaveSeenIsLeftWhenItStops() throws {
        var rig = try Rig.ready()
        for (id, requestID) in [(1, "a"), (2, "b"), (3, "c"), (4, "d")] {
            rig.send(id, requestID, .once, isRecorded: true)
        }
        rig.send(5, "e", .once)
        for id in [1, 2, 3] { rig.depart(UInt64(id)) }
        rig.written("a1")
        rig.written("c3")
        rig.written("e5")
        rig.ack("a")
        rig.ack("c", 6000)
        #expect(
            rig.stop() == [
                "2 unknown", "3 left", "3 refused 6000", "4 left", "4 refused", "5 unknown", "close 1000",
                "state closing",
            ]
        )
        #expect(rig.send(6, "f", .once, isRecorded: true) == ["6 left", "6 refused"])
        #expect(rig.depart(4) == [])
    }
}
