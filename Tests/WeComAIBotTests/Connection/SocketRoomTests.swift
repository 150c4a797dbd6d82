import BotCore
import Testing

@testable import WeComAIBot

/// What the socket is given at once is bounded: a socket whose queue is full costs the connection, and the next one would be given
/// all of it again.
struct SocketRoomTests {
    /// Frames have two bytes here, so that there is room for two.
    static func narrow() -> ConnectionConfiguration {
        var configuration = ConnectionConfiguration()
        configuration.maximumHandedBytes = 4
        return configuration
    }

    /// Each answer may hold the slot of an unanswered update beside its last one.
    @Test func everyAnswerOfAFullDispatcherFindsAPlace() {
        let dispatcher = DispatcherConfiguration()
        let answers = dispatcher.maximumTotal + dispatcher.maximumBusyReplies
        #expect(ConnectionConfiguration().maximumRequests >= 2 * answers)
    }

    @Test func whatTheSocketHasNoRoomForWaits() throws {
        var rig = try Rig.ready(Self.narrow())
        #expect(rig.send(1, "a") == ["write a1"])
        #expect(rig.send(2, "b") == ["write b2"])
        #expect(rig.send(3, "c") == [])
        #expect(rig.send(4, "d") == [])
        #expect(rig.written("a1") == ["write c3"])
        #expect(rig.written("b2") == ["write d4"])
        #expect(rig.ack("a") == ["1 delivered"])
        #expect(rig.written("c3") == [])
        #expect(rig.ack("c") == ["3 delivered"])
    }

    @Test func newConnectionIsNotGivenEverythingAtOnce() throws {
        var rig = try Rig.ready(Self.narrow())
        for id in 1...5 { rig.send(id, "abcde".map(String.init)[id - 1]) }
        rig.closed()
        #expect(rig.reconnect() == ["state ready", "write a1", "write b2"])
        for (frame, next) in [("a1", "c3"), ("b2", "d4"), ("c3", "e5")] {
            #expect(rig.written(frame) == ["write \(next)"])
        }
    }

    @Test func nextOfTheSameRequestIDWaitsForRoomToo() throws {
        var rig = try Rig.ready(Self.narrow())
        rig.send(1, "a")
        rig.written("a1")
        rig.send(2, "a")
        rig.send(3, "b")
        rig.send(4, "c")
        #expect(rig.ack("a") == ["1 delivered"])
        #expect(rig.written("b3") == ["write a2"])
    }

    @Test func frameThatMetAConflictWaitsForRoomToo() throws {
        var rig = try Rig.ready(Self.narrow())
        rig.sendWritten(1, "a")
        rig.ack("a", 6000)
        rig.send(2, "b")
        rig.send(3, "c")
        #expect(rig.after(.milliseconds(200)) == [])
        #expect(rig.written("b2") == ["write a1"])
        rig.written("a1")
        #expect(rig.ack("a") == ["1 delivered"])
    }

    @Test func whatWaitsForRoomCanBeCancelledAndExpire() throws {
        var rig = try Rig.ready(Self.narrow())
        rig.send(1, "a")
        rig.send(2, "b")
        rig.send(3, "c")
        rig.send(4, "d", validUntil: rig.now + .seconds(1))
        rig.send(5, "e")
        #expect(rig.cancel(3) == ["3 refused"])
        #expect(rig.after(.seconds(1)) == ["4 refused"])
        #expect(rig.written("a1") == ["write e5"])
    }
}
