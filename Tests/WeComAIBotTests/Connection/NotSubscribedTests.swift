import BotCore
import Testing

@testable import WeComAIBot

/// Errcode 846609: it is a verdict on the connection, and says of the frame only that it was not delivered.
struct NotSubscribedTests {
    private static let nanosecond = Duration.nanoseconds(1)

    /// Subscribes again and again, and the frame is told each time that nobody has, until `end`. Returns how often.
    private func meetNotSubscribed(_ rig: inout Rig, until end: Instant) -> Int {
        var times = 0
        while rig.now < end {
            rig.written("a1")
            #expect(rig.ack("a", 846_609) == ["abort", "state waiting"])
            #expect(rig.reconnect().last == "write a1")
            times += 1
        }
        return times
    }

    @Test(
        arguments: [Request.Kind.finalUpdate, .once, .intermediateUpdate],
        [Duration.seconds(120) - nanosecond, .seconds(120)]
    )
    func notSubscribedIsRepeatedOnTheNextConnectionsForTwoMinutes(kind: Request.Kind, time: Duration) throws {
        var rig = try Rig.ready()
        rig.send(1, "a", kind)
        let first = rig.now
        #expect(meetNotSubscribed(&rig, until: first + .seconds(110)) > 20)
        rig.written("a1")
        rig.now = first + time
        let isOver = time >= .seconds(120)
        #expect(rig.ack("a", 846_609) == (isOver ? ["1 refused 846609"] : []) + ["abort", "state waiting"])
        guard !isOver else { return }
        #expect(rig.reconnect().last == "write a1")
        rig.written("a1")
        #expect(rig.ack("a") == ["1 delivered"])
    }

    @Test func notSubscribedIsNotRepeatedForLongerThanTheFrameIsWorthSending() throws {
        var rig = try Rig.ready()
        rig.send(1, "a", .once, validUntil: rig.now + .seconds(30))
        let end = rig.now + .seconds(30)
        _ = meetNotSubscribed(&rig, until: end - .seconds(5))
        rig.written("a1")
        rig.ack("a", 846_609)
        rig.now = end - Self.nanosecond
        rig.ack(rig.subscribeID, 45_009)
        #expect(!rig.tick().contains("1 refused"))
        #expect(rig.after(Self.nanosecond).contains("1 refused"))
    }

    /// None of the copies had any effect: the conversation has as much left as if there had been one.
    @Test(arguments: [Request.Kind.finalUpdate, .once])
    func notSubscribedCostsNothing(kind: Request.Kind) throws {
        var rig = try Rig.ready()
        rig.send(1, "a", kind, in: "chat")
        #expect(meetNotSubscribed(&rig, until: rig.now + .seconds(79)) > 15)
        rig.written("a1")
        #expect(rig.ack("a") == ["1 delivered"])
        let left = rig.machine.remainingSends(Conversation(kind: .single, id: "chat"), now: rig.now)
        #expect(left == SendBudget(leftThisMinute: 29, leftThisHour: 999, wait: .zero))
        rig.send(2, "a", kind, in: "chat")
        rig.closed()
        #expect(
            rig.machine.remainingSends(Conversation(kind: .single, id: "chat"), now: rig.now) == left,
            "it never left"
        )
    }

    @Test func notSubscribedHandsNothingMoreToTheConnection() throws {
        var rig = try Rig.ready()
        rig.sendWritten(1)
        rig.send(2)
        rig.cancel(1)
        #expect(rig.ack("a", 846_609) == ["abort", "state waiting"])
        #expect(rig.ack("nobody", 846_609) == [])
    }

    @Test func notSubscribedForNobodyIsStillAVerdictOnTheConnection() throws {
        var rig = try Rig.ready()
        #expect(rig.ack("nobody", 846_609) == ["abort", "state waiting"])
    }
}
