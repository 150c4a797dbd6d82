import BotCore
import Testing

@testable import WeComAIBot

/// What the server throttles, and what we hold back so that it does not.
struct ThrottleTests {
    static let nanosecond = Duration.nanoseconds(1)

    // MARK: 45009 and 45033

    @Test(arguments: [Request.Kind.finalUpdate, .once], [45_009, 45_033])
    func whatMustArriveIsRepeatedAfterGrowingWaitsAndThenRefused(kind: Request.Kind, code: Int) throws {
        var rig = try Rig.ready()
        rig.sendWritten(1, "a", kind, in: "u")
        rig.send(2, "a")
        for wait in [5, 15, 30, 60] {
            #expect(rig.ack("a", code) == [])
            rig.sendWritten(100 + wait, "b")
            #expect(rig.ack("b") == ["\(100 + wait) delivered"], "another req_id does not wait")
            #expect(!rig.after(.seconds(wait) - Self.nanosecond).contains("write a1"))
            rig.ack(rig.pingID)
            #expect(rig.after(Self.nanosecond).contains("write a1"))
            rig.written("a1")
        }
        #expect(rig.ack("a", code) == ["1 refused \(code)", "write a2"])
        #expect(rig.incidents.count { if case .throttled = $0 { true } else { false } } == 5)
    }

    @Test(arguments: [1, 2, 3, 4])
    func oneThatIsTakenAfterSomeRepetitionsIsDelivered(times: Int) throws {
        var rig = try Rig.ready()
        rig.sendWritten(1, in: "u")
        for wait in [5, 15, 30, 60].prefix(times) {
            rig.ack("a", 45_009)
            rig.after(.seconds(wait))
            rig.ack(rig.pingID)
            rig.written("a1")
        }
        #expect(rig.ack("a") == ["1 delivered"])
        #expect(rig.machine.requestCount == 0)
    }

    @Test func anIntermediateUpdateIsRefusedAtOnceAndSoAreTheNextForAMinute() throws {
        var rig = try Rig.ready()
        rig.sendWritten(1, "a", .intermediateUpdate, in: "u")
        #expect(rig.ack("a", 45_009) == ["1 refused 45009"])
        #expect(rig.send(2, "a", .intermediateUpdate, in: "u") == ["2 refused"])
        #expect(rig.send(3, "b", .intermediateUpdate, in: "v") == ["write b3"], "another conversation")
        rig.now += RateBudget.minute - Self.nanosecond
        #expect(rig.send(4, "a", .intermediateUpdate, in: "u") == ["4 refused"])
        rig.now += Self.nanosecond
        #expect(rig.send(5, "a", .intermediateUpdate, in: "u") == ["write a5"])
    }

    @Test func aThrottledConversationHoldsBackWhatIsNewWhileItsOwnIsTried() throws {
        var rig = try Rig.ready()
        rig.sendWritten(1, "a", in: "u")
        rig.ack("a", 45_009)
        #expect(rig.send(2, "b", in: "u") == [])
        #expect(rig.send(3, "c", .once, in: "u") == [])
        #expect(rig.send(4, "d", in: "v") == ["write d4"])
        #expect(rig.after(.seconds(5)) == ["write a1"])
        rig.written("a1")
        #expect(rig.ack("a") == ["1 delivered"])
        rig.now += RateBudget.minute - .seconds(5) - Self.nanosecond
        #expect(!rig.tick().contains { $0.hasPrefix("write b") })
        rig.ack(rig.pingID)
        #expect(rig.after(Self.nanosecond) == ["write b2", "write c3"], "in the order in which they came")
    }

    @Test func aReconnectInBetweenDoesNotShortenTheWait() throws {
        var rig = try Rig.ready()
        rig.sendWritten(1, in: "u")
        rig.ack("a", 45_009)
        let due = rig.now + .seconds(5)
        rig.closed()
        #expect(!rig.reconnect().contains("write a1"))
        rig.now = due - Self.nanosecond
        #expect(rig.tick() == [])
        #expect(rig.after(Self.nanosecond) == ["write a1"])
        rig.written("a1")
        #expect(rig.ack("a") == ["1 delivered"])
    }

    @Test func aWaitThatEndsWithoutAConnectionGoesWithTheNext() throws {
        var rig = try Rig.ready()
        rig.sendWritten(1, in: "u")
        rig.ack("a", 45_009)
        rig.closed()
        rig.now += .seconds(30)
        rig.tick()
        rig.opened()
        #expect(rig.ack(rig.subscribeID) == ["state ready", "write a1"])
    }

    @Test func aThrottledFrameCanBeCancelledStoppedAndBecomeTooOld() throws {
        for (ending, told) in [("cancel", "1 refused 45009"), ("stop", "1 refused 45009"), ("late", "1 refused 45009")]
        {
            var rig = try Rig.ready()
            rig.send(1, validUntil: rig.now + .seconds(3), in: "u")
            rig.written("a1")
            rig.ack("a", 45_009)
            switch ending {
            case "cancel": #expect(rig.cancel(1) == [told])
            case "stop": #expect(rig.stop().first == told)
            default:
                #expect(rig.after(.seconds(3) - Self.nanosecond) == [])
                #expect(rig.after(Self.nanosecond) == [told])
            }
            #expect(rig.machine.requestCount == 0)
        }
    }

    @Test func aFrameThatMayHaveArrivedIsUnknownWhenItIsThrottledToTheEnd() throws {
        var configuration = ConnectionConfiguration()
        configuration.throttleDelays = []
        var rig = try Rig.ready(configuration)
        rig.sendWritten(1, in: "u")
        rig.closed()
        #expect(rig.reconnect().contains("write a1"))
        rig.written("a1")
        #expect(rig.ack("a", 45_009) == ["1 unknown 45009"])
    }

    // MARK: The budget

    private func tight(_ limit: Int = 2) throws -> Rig {
        var configuration = ConnectionConfiguration()
        configuration.rateLimits.perMinute = limit
        return try Rig.ready(configuration)
    }

    @Test func thirtyGoAndTheNextWaitsForTheWindow() throws {
        var rig = try Rig.ready()
        for id in 1...30 { #expect(rig.send(id, "r\(id)-", in: "u") == ["write r\(id)-\(id)"]) }
        #expect(rig.send(31, "r31-", in: "u") == [])
        #expect(rig.send(32, "r32-", .once, in: "u") == [])
        #expect(rig.send(33, "r33-", .intermediateUpdate, in: "u") == ["33 refused"])
        #expect(rig.send(34, "r34-", in: "v") == ["write r34-34"])
        #expect(rig.incidents.count { if case .paced = $0 { true } else { false } } == 2)
        for id in 1...30 {
            rig.written("r\(id)-\(id)")
            rig.ack("r\(id)-")
        }
        rig.now += RateBudget.minute - Self.nanosecond
        #expect(rig.tick() == ["write ping"])
        rig.ack(rig.pingID)
        #expect(rig.machine.nextDeadline == rig.now + Self.nanosecond)
        #expect(rig.after(Self.nanosecond) == ["write r31-31", "write r32-32"])
    }

    @Test func aBubbleThatIsOpenCostsNoMore() throws {
        var rig = try tight(1)
        rig.sendWritten(1, "a", .intermediateUpdate, in: "u")
        rig.ack("a")
        rig.sendWritten(2, "a", .intermediateUpdate, in: "u")
        #expect(rig.ack("a") == ["2 delivered"])
        rig.sendWritten(3, "a", in: "u")
        #expect(rig.ack("a") == ["3 delivered"])
        #expect(rig.send(4, "b", in: "u") == [])
    }

    @Test func aBubbleWhoseFirstFrameWasRefusedCostsAgain() throws {
        for isLate in [false, true] {
            var rig = try tight(1)
            rig.sendWritten(1, "a", .intermediateUpdate, in: "u")
            if isLate { rig.after(.seconds(5)) }
            rig.ack("a", 846_605)
            #expect(rig.send(2, "a", in: "u") == [], "it would open the bubble")
        }
    }

    @Test func whatWasLeftOutMakesRoomForTheNextOfItsRequestID() throws {
        var rig = try tight(6)
        for id in 1...4 { rig.send(id, "r\(id)-", in: "u") }
        rig.send(5, "a")
        rig.send(6, "a", .intermediateUpdate, in: "u")
        rig.send(7, "a", .intermediateUpdate, in: "u")
        rig.send(8, "a", in: "v")
        rig.send(9, "b", in: "u")
        rig.written("a5")
        #expect(rig.ack("a") == ["5 delivered", "6 refused", "7 refused", "write a8"])
    }

    @Test func itIsCountedWhenItLeavesHoweverLongItWaited() throws {
        var configuration = ConnectionConfiguration()
        configuration.rateLimits.perMinute = 2
        var rig = try Rig.subscribing(configuration)
        for id in 1...4 { rig.send(id, "r\(id)-", in: "u") }
        rig.now += .seconds(9)
        #expect(rig.ack(rig.subscribeID) == ["state ready", "write r1-1", "write r2-2"])
        for _ in 0..<2 {
            rig.after(.seconds(30))
            rig.ack(rig.pingID)
        }
        #expect(rig.after(.seconds(1)) == ["write r3-3", "write r4-4"])
    }

    @Test func whatIsSentAgainOnTheNextConnectionDoesNotWaitAndCountsAgain() throws {
        var rig = try tight(2)
        rig.sendWritten(1, "a", in: "u")
        rig.sendWritten(2, "b", in: "u")
        rig.send(3, "c", in: "u")
        rig.closed()
        let opened = rig.reconnect()
        #expect(opened.suffix(3) == ["state ready", "write a1", "write b2"])
        let again = rig.now
        for id in ["a1", "b2"] { rig.written(id) }
        for id in ["a", "b"] { rig.ack(id) }
        rig.now = again + RateBudget.minute - Self.nanosecond
        #expect(!rig.tick().contains("write c3"))
        rig.ack(rig.pingID)
        #expect(rig.after(Self.nanosecond) == ["write c3"])
    }

    @Test func whoWaitsCanBeCancelledStoppedAndBecomeTooOldAndOthersFollow() throws {
        for ending in ["cancel", "late", "stop", "lost"] {
            var rig = try tight(1)
            rig.sendWritten(1, "a", in: "u")
            rig.ack("a")
            rig.send(2, "b", validUntil: rig.now + .seconds(10), in: "u")
            rig.send(3, "c", in: "u")
            rig.send(4, "b")
            let left = rig.now
            switch ending {
            case "cancel": #expect(rig.cancel(2) == ["2 refused", "write b4"])
            case "late": #expect(rig.after(.seconds(10)) == ["2 refused", "write b4"])
            case "stop":
                #expect(rig.stop().prefix(3) == ["2 refused", "3 refused", "4 refused"])
                #expect(rig.machine.requestCount == 0)
                continue
            default:
                rig.closed()
                rig.now += .seconds(10)
                #expect(rig.tick().contains("2 refused"))
                #expect(rig.reconnect().suffix(2) == ["state ready", "write b4"])
            }
            rig.written("b4")
            rig.ack("b")
            rig.now = left + RateBudget.minute - Self.nanosecond
            #expect(!rig.tick().contains("write c3"))
            rig.ack(rig.pingID)
            #expect(rig.after(Self.nanosecond) == ["write c3"], "\(ending)")
        }
    }

    @Test func whatComesWhenTheWindowHasJustFreedDoesNotOvertake() throws {
        var rig = try tight(6)
        for id in 1...6 { rig.sendWritten(id, "r\(id)-", in: "u") }
        for id in 1...6 { rig.ack("r\(id)-") }
        rig.send(7, "first", in: "u")
        rig.now += RateBudget.minute  // the timer has not fired yet
        #expect(rig.send(8, "second", .once, in: "u") == [])
        #expect(rig.send(9, "third", .intermediateUpdate, in: "u") == ["9 refused"])
        #expect(rig.tick().filter { $0 != "write ping" } == ["write first7", "write second8"])
    }

    @Test func whatDoesNotCountNeverWaits() throws {
        var rig = try tight(1)
        for id in 1...50 { #expect(rig.send(id, "r\(id)-") == ["write r\(id)-\(id)"]) }
    }

    @Test func conversationsBeyondTheBoundAreReported() throws {
        var configuration = ConnectionConfiguration()
        configuration.maximumConversations = 1
        var rig = try Rig.ready(configuration)
        for id in 1...3 { rig.send(id, "r\(id)-", in: "u\(id)") }
        #expect(rig.incidents == [.budgetsShared])
    }
}
