import BotCore
import BotFoundation
import Testing

@testable import WeComAIBot

struct RequestRulesTests {
    static let nanosecond = Duration.nanoseconds(1)

    // MARK: One at a time

    @Test func framesOfOneRequestIDGoOneAfterAnotherAndOthersDoNotWait() throws {
        var rig = try Rig.ready()
        #expect(rig.send(1) == ["write a1"])
        #expect(rig.send(2) == [])
        #expect(rig.send(3) == [])
        #expect(rig.send(4, "b") == ["write b4"])
        rig.written("a1")
        rig.written("b4")
        #expect(rig.ack("a") == ["1 delivered", "write a2"])
        rig.written("a2")
        #expect(rig.ack("a", 846_605) == ["2 refused 846605", "write a3"])
        #expect(rig.ack("b") == ["4 delivered"])
        rig.written("a3")
        #expect(rig.ack("a") == ["3 delivered"])
        #expect(rig.machine.requestCount == 0)
    }

    @Test func deadlineCountsFromTheLastByte() throws {
        var rig = try Rig.ready()
        rig.send(1)
        rig.after(.seconds(20))
        rig.written("a1")
        #expect(rig.after(.seconds(5) - Self.nanosecond) == [])
        #expect(rig.after(Self.nanosecond) == ["1 unknown"])
    }

    @Test func slotStaysTakenUntilTheLateAnswer() throws {
        var rig = try Rig.ready()
        rig.sendWritten(1)
        rig.send(2)
        #expect(rig.after(.seconds(5)) == ["1 unknown"])
        #expect(rig.after(.seconds(4)) == [])
        #expect(rig.ack("a", 846_605) == ["write a2"], "it is the first frame's, however late")
        #expect(rig.incidents.contains(.lateAcknowledgement(RequestID(rawValue: "a"), .invalidRequestID)))
        rig.written("a2")
        #expect(rig.ack("a") == ["2 delivered"])
    }

    @Test func slotIsFreeAtItsExpiry() throws {
        var rig = try Rig.ready()
        rig.sendWritten(1)
        rig.send(2)
        rig.after(.seconds(5))
        #expect(rig.after(.seconds(5) - Self.nanosecond) == [])
        #expect(rig.after(Self.nanosecond).contains("write a2"))
        #expect(rig.incidents.contains(.acknowledgementMissing(RequestID(rawValue: "a"))))
    }

    /// A frame that was given up owes an answer: request 2 of `a` is written, one answer is owed.
    func indebted() throws -> Rig {
        var rig = try Rig.ready()
        rig.sendWritten(1)
        rig.send(2)
        rig.after(.seconds(5))
        rig.after(.seconds(25))
        rig.alive()
        rig.written("a2")
        return rig
    }

    @Test func answerAfterExpiryIsNotCreditedToANewerFrame() throws {
        var rig = try indebted()
        #expect(rig.ack("a") == [], "it may be the first frame's")
        #expect(rig.after(.seconds(5)) == ["2 unknown"])
    }

    @Test(arguments: [(0, 0, "2 delivered"), (0, 846_605, "2 unknown 846605"), (846_605, 0, "2 unknown 0")])
    func newerFrameIsDeliveredOnlyIfBothAnswersSaySo(first: Int, second: Int, outcome: String) throws {
        var rig = try indebted()
        #expect(rig.ack("a", first) == [])
        #expect(rig.ack("a", second) == [outcome])
    }

    @Test func answerBeforeTheNewerFrameIsWrittenIsCertainlyNotIts() throws {
        var rig = try Rig.ready()
        rig.sendWritten(1)
        rig.send(2)
        rig.after(.seconds(5))
        rig.after(.seconds(25))
        #expect(rig.ack("a", 846_605) == [])
        rig.written("a2")
        #expect(rig.ack("a") == ["2 delivered"])
    }

    @Test func repeatedAnswerIsNotCreditedToAFrameThatIsNotWritten() throws {
        var rig = try Rig.ready()
        rig.sendWritten(1)
        rig.send(2)
        rig.ack("a")
        #expect(rig.ack("a") == [])
        rig.written("a2")
        #expect(rig.ack("a", 846_605) == ["2 refused 846605"])
    }

    @Test func debtsVanishWithTheConnection() throws {
        var rig = try indebted()
        #expect(rig.closed() == ["state waiting"])
        #expect(rig.reconnect().last == "write a1")
        rig.written("a1")
        #expect(rig.ack("a") == ["write a2"])
        rig.written("a2")
        #expect(rig.ack("a") == ["2 delivered"])
    }

    @Test func tooManyUnansweredFramesReplaceTheConnection() throws {
        var configuration = ConnectionConfiguration()
        configuration.maximumUnanswered = 3
        var rig = try Rig.ready(configuration)
        for id in 1...3 { rig.sendWritten(id, "r\(id)", .once) }
        rig.after(.seconds(5))
        rig.after(.seconds(25))
        rig.alive()
        #expect(rig.stateName == "ready")
        rig.sendWritten(4, "r4", .once)
        rig.send(5, "r4")
        rig.after(.seconds(5))
        #expect(rig.after(.seconds(25)).suffix(2) == ["abort", "state waiting"], "and nothing more is handed to it")
        #expect(rig.incidents.contains(.tooManyUnanswered))
        #expect(rig.reconnect().last == "write r45")
    }

    // MARK: Verdicts

    @Test(arguments: [6000, -1, 846_601, 846_602, 846_606])
    func whatPassesIsRepeatedThreeTimesThenRefused(code: Int) throws {
        var rig = try Rig.ready()
        rig.send(1)
        rig.send(2)
        for wait in [200, 400, 800] {
            rig.written("a1")
            #expect(rig.ack("a", code) == [])
            #expect(rig.after(.milliseconds(wait) - Self.nanosecond) == [])
            #expect(rig.after(Self.nanosecond) == ["write a1"])
        }
        rig.written("a1")
        #expect(rig.ack("a", code) == ["1 refused \(code)", "write a2"])
    }

    @Test func serverTextIsCutBetweenCharacters() throws {
        func clipped(_ message: String) throws -> String? {
            var rig = try Rig.ready()
            rig.sendWritten(1)
            rig.ack("a", 40_058, message)
            guard case .resolve(1, .refused(let reason)) = rig.log.last else { return nil }
            return reason.message
        }
        let exact = String(repeating: "a", count: 194) + "汉字"
        #expect(try clipped(exact) == exact)
        #expect(try clipped(exact + "a") == exact)
        #expect(try clipped(String(repeating: "a", count: 199) + "字") == String(repeating: "a", count: 199))
        let family = "👨‍👩‍👧‍👦"
        #expect(try clipped(String(repeating: family, count: 9)) == String(repeating: family, count: 8))
    }

    // MARK: The end of a connection

    @Test(arguments: [
        (Request.Kind.finalUpdate, []), (.intermediateUpdate, ["1 unknown"]), (.once, ["1 unknown"]),
    ])
    func writtenFrameAtTheEndOfAConnection(kind: Request.Kind, told: [String]) throws {
        var rig = try Rig.ready()
        rig.sendWritten(1, "a", kind)
        #expect(rig.closed() == told + ["state waiting"])
        #expect(rig.reconnect().contains("write a1") == told.isEmpty)
    }

    @Test(arguments: [Request.Kind.finalUpdate, .intermediateUpdate, .once])
    func frameThatWasNotWhollyWrittenGoesAgain(kind: Request.Kind) throws {
        var rig = try Rig.ready()
        rig.send(1, "a", kind)
        rig.send(2, "a", kind)
        #expect(rig.closed() == ["state waiting"])
        #expect(rig.reconnect().last == "write a1")
        rig.written("a1")
        #expect(rig.ack("a") == ["1 delivered", "write a2"])
    }

    @Test func closingSocketMaySendWhatItWasHanded() throws {
        var rig = try Rig.ready()
        rig.send(1, "a", .once)
        rig.send(2, "b", .finalUpdate)
        rig.send(3, "a", .once)
        #expect(rig.displaced() == ["close 1000", "1 unknown", "state displaced"])
        #expect(rig.reconnect().suffix(2) == ["write b2", "write a3"])
    }

    @Test func waitingFramesGoInTheOrderInWhichTheyCame() throws {
        var rig = try Rig.connecting()
        for (id, requestID) in [(1, "c"), (2, "a"), (3, "c"), (4, "b"), (5, "a")] { rig.send(id, requestID) }
        rig.opened()
        #expect(rig.ack(rig.subscribeID) == ["state ready", "write c1", "write a2", "write b4"])
    }

    @Test(arguments: [Request.Kind.once, .intermediateUpdate])
    func frameWhoseWaiterWasToldIsNotRepeated(kind: Request.Kind) throws {
        var rig = try Rig.ready()
        rig.sendWritten(1, "a", kind)
        rig.after(.seconds(5))
        rig.sendWritten(2, "b", kind)
        rig.cancel(2)
        rig.closed()
        #expect(rig.reconnect() == ["state subscribing", "write subscribe", "state ready"].suffix(1))
        #expect(rig.machine.requestCount == 0)
    }

    @Test func refusalOfARepeatedFrameIsNotCertain() throws {
        var rig = try Rig.ready()
        rig.sendWritten(1)
        rig.closed()
        rig.reconnect()
        rig.written("a1")
        #expect(rig.ack("a", 846_605) == ["1 unknown 846605"], "the first copy may have arrived")
    }

    @Test func conflictIsForgivenWhenTheConnectionEnds() throws {
        var rig = try Rig.ready()
        rig.sendWritten(1, "a", .once)
        rig.ack("a", 6000)
        #expect(rig.closed() == ["state waiting"])
        #expect(rig.reconnect().last == "write a1", "it was refused, so it was not shown")
    }

    // MARK: Cancelling and stopping

    @Test func cancelledFrame() throws {
        var rig = try Rig.ready()
        rig.send(1)
        rig.send(2)
        rig.send(3)
        #expect(rig.cancel(2) == ["2 refused"])
        #expect(rig.cancel(2) == [])
        #expect(rig.cancel(1) == ["1 unknown"])
        rig.written("a1")
        #expect(rig.after(.seconds(9)) == [], "the slot is kept")
        #expect(rig.ack("a") == ["write a3"])
        rig.written("a3")
        #expect(rig.ack("a", 6000) == [])
        #expect(rig.cancel(3) == ["3 refused 6000"])
        #expect(rig.machine.requestCount == 0)
    }

    @Test func cancelledWrittenFrameKeepsItsSlotUntilItsExpiry() throws {
        var rig = try Rig.ready()
        rig.sendWritten(1)
        rig.send(2)
        #expect(rig.cancel(1) == ["1 unknown"])
        #expect(rig.after(.seconds(10) - Self.nanosecond) == [])
        #expect(rig.after(Self.nanosecond).contains("write a2"))
    }

    @Test func cancelAfterTheAnswerIsSilent() throws {
        var rig = try Rig.ready()
        rig.sendWritten(1)
        rig.ack("a")
        #expect(rig.cancel(1) == [])
    }

    @Test func stopTellsEverybody() throws {
        var rig = try Rig.ready()
        rig.send(1, "a")
        rig.send(2, "a")
        rig.sendWritten(3, "b")
        rig.sendWritten(4, "c")
        rig.sendWritten(5, "d")
        rig.after(.seconds(4))
        rig.ack("c", 6000)
        rig.written("c4")
        rig.now += .milliseconds(100)
        rig.cancel(5)
        rig.send(6, "e")
        let told = rig.stop()
        #expect(told.prefix(5) == ["1 unknown", "2 refused", "3 unknown", "4 refused 6000", "6 unknown"])
        #expect(told.suffix(2) == ["close 1000", "state closing"])
        #expect(rig.send(7) == ["7 refused"])
    }

    // MARK: Bounds

    @Test func queueHolds40000AndNotOneMore() throws {
        var rig = try Rig.connecting()
        for id in 1...40_000 { #expect(rig.send(id, "r\(id % 7)") == []) }
        #expect(rig.send(40_001) == ["40001 refused"])
        #expect(rig.incidents == [.queueFull(RequestID(rawValue: "a"))])
        #expect(rig.cancel(9) == ["9 refused"])
        #expect(rig.send(40_002) == [])
        #expect(rig.stop().count == 40_000 + 2)
    }

    @Test func requestIsRefusedWhenTheReplyWindowIsOver() throws {
        var rig = try Rig()
        rig.send(1)
        rig.now += .seconds(24 * 3600) - Self.nanosecond
        #expect(rig.tick() == [])
        #expect(rig.after(Self.nanosecond) == ["1 refused"])
        #expect(rig.incidents == [.requestTooOld(RequestID(rawValue: "a"))])
    }

    @Test func requestMayHaveAShorterWindow() throws {
        var rig = try Rig()
        rig.send(1, validUntil: rig.now + .seconds(5))
        rig.send(2, validUntil: rig.now + .seconds(48 * 3600))
        #expect(rig.send(3, validUntil: rig.now) == ["3 refused"])
        #expect(rig.after(.seconds(5) - Self.nanosecond) == [])
        #expect(rig.after(Self.nanosecond) == ["1 refused"])
        #expect(rig.after(.seconds(24 * 3600 - 5)) == ["2 refused"])
    }

    @Test func requestThatIsTooOldIsNotHandedOverWhenItsTurnComesLate() throws {
        var rig = try Rig.ready()
        rig.sendWritten(1)
        rig.send(2, validUntil: rig.now + .seconds(60))
        rig.send(3, validUntil: rig.now + .seconds(70))
        rig.sendWritten(4, "b")
        rig.ack("b", 6000)
        #expect(
            rig.after(.seconds(25 * 3600)) == ["write ping", "4 refused 6000", "1 unknown", "2 refused", "3 refused"]
        )
        rig.now += .seconds(1)
        rig.send(5, validUntil: rig.now + .seconds(1))
        rig.closed()
        rig.now += .seconds(1)
        #expect(rig.reconnect().last == "state ready", "the timer was late")
    }

    @Test func cancellingTheFirstOfAQueueLetsTheNextOneGo() throws {
        var rig = try Rig.ready()
        rig.sendWritten(1)
        rig.send(2, validUntil: rig.now + .seconds(1))
        rig.send(3)
        rig.now += .seconds(2)
        #expect(rig.ack("a") == ["1 delivered"], "2 is too old, and the timer is late")
        #expect(rig.cancel(2) == ["2 refused", "write a3"])
    }

    @Test func idThatIsInUseIsRefused() throws {
        var rig = try Rig.ready()
        rig.send(1)
        #expect(rig.send(1, "b") == ["1 refused"])
        #expect(rig.incidents == [.duplicateSend(SendID(rawValue: 1))])
    }
}

struct DeadlineHeapTests {
    @Test func earliestIsFirstWhateverIsSetMovedAndRemoved() {
        let seed = testSeed()
        var generator = SplitMix64(seed: seed)
        var heap = DeadlineHeap<Int>()
        var model: [Int: Instant] = [:]
        for _ in 0..<20_000 {
            let key = Int.random(in: 0..<60, using: &generator)
            if Bool.random(using: &generator) {
                let deadline = Rig.origin + .seconds(Int.random(in: 0..<1000, using: &generator))
                heap.set(deadline, for: key)
                model[key] = deadline
            } else {
                heap.remove(key)
                model[key] = nil
            }
            #expect(heap.count == model.count)
            let first = heap.first
            guard first?.deadline == model.values.min(), first.map({ model[$0.key] == $0.deadline }) ?? true else {
                Issue.record("seed \(seed)")
                return
            }
        }
    }
}
