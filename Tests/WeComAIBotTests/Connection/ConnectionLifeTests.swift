import BotCore
import Testing

@testable import WeComAIBot

struct ConnectionLifeTests {
    static let nanosecond = Duration.nanoseconds(1)

    // MARK: Subscribe

    @Test func subscribeIsFirstAndNothingGoesBeforeItsAnswer() throws {
        var rig = try Rig()
        rig.send(1)
        #expect(rig.start() == ["state connecting", "connect 1"])
        #expect(rig.opened() == ["state subscribing", "write subscribe"])
        #expect(rig.send(2, "b") == [])
        #expect(rig.ack("a") == [], "an answer with another req_id is not the subscribe's")
        #expect(rig.ack("\(rig.subscribeID)x") == [])
        #expect(rig.ack(rig.subscribeID) == ["state ready", "write a1", "write b2"])
    }

    @Test func unansweredSubscribeIsGivenUpAtItsDeadline() throws {
        var rig = try Rig.subscribing()
        #expect(rig.after(.seconds(10) - Self.nanosecond) == [])
        rig.alive()
        #expect(rig.after(Self.nanosecond) == ["abort", "state waiting"])
        #expect(rig.incidents.contains(.subscribeTimedOut))
    }

    @Test func connectThatReportsNothingIsGivenUp() throws {
        var rig = try Rig.connecting()
        #expect(rig.after(.seconds(45) - Self.nanosecond) == [])
        #expect(rig.after(Self.nanosecond) == ["abort", "state waiting"])
    }

    @Test(arguments: [853_000, 600_041, 93_019, 40_001, 40_013])
    func rejectedCredentialsAreTriedAgainSlowly(code: Int) throws {
        var rig = try Rig.subscribing()
        var bound = Duration.seconds(15)
        let since = rig.now
        for _ in 0..<9 {
            #expect(rig.ack(rig.subscribeID, code) == ["close 1000", "state credentialsRejected"])
            guard case .credentialsRejected(since, let retryAt, let actual) = rig.machine.state else {
                Issue.record("\(rig.machine.state)")
                return
            }
            #expect(actual.rawValue == code)
            #expect((bound / 2...bound).contains(retryAt - rig.now))
            bound = min(bound * 2, .seconds(600))
            rig.now = retryAt - Self.nanosecond
            #expect(rig.tick() == [])
            rig.now = retryAt
            #expect(rig.tick().last?.hasPrefix("connect") == true)
            rig.opened()
        }
        rig.ack(rig.subscribeID)
        rig.closed()
        rig.reconnect()
        rig.closed()
        rig.now = try #require(rig.retryAt)
        rig.tick()
        rig.opened()
        rig.ack(rig.subscribeID, code)
        #expect(
            try #require(rig.retryAt) - rig.now <= .seconds(15),
            "a successful subscribe starts from the first again"
        )
    }

    @Test(arguments: [45_009, 45_033, -1, 846_609, 6000, 846_605, 1, 853_006])
    func anyOtherRefusalOfASubscribeIsAnOrdinaryFailure(code: Int) throws {
        var rig = try Rig.subscribing()
        #expect(rig.ack(rig.subscribeID, code) == ["close 1000", "state waiting"])
        #expect(try #require(rig.retryAt) - rig.now <= .seconds(1))
    }

    // MARK: Heartbeat

    @Test func pingGoesEveryIntervalWhileReady() throws {
        var rig = try Rig.ready()
        for _ in 0..<2000 {
            #expect(rig.after(.seconds(30) - Self.nanosecond) == [])
            #expect(rig.after(Self.nanosecond) == ["write ping"])
            #expect(rig.ack(rig.pingID) == [])
        }
    }

    @Test func silenceAfterAPingIsNoticedWithinOneAndAHalfIntervals() throws {
        var rig = try Rig.ready()
        rig.after(.seconds(30))
        #expect(rig.after(.seconds(15) - Self.nanosecond) == [])
        #expect(rig.after(Self.nanosecond) == ["abort", "state waiting"])
        #expect(rig.incidents.contains(.heartbeatLost))
    }

    @Test(arguments: ["alive", "ping", "other", "refused"])
    func anyByteAfterAPingIsLife(sign: String) throws {
        var rig = try Rig.ready()
        rig.after(.seconds(30))
        rig.after(.seconds(15) - Self.nanosecond)
        switch sign {
        case "alive": rig.alive()
        case "ping": rig.ack(rig.pingID)
        case "other": rig.ack("nobody")
        default: rig.ack(rig.pingID, 45_009)
        }
        #expect(rig.after(Self.nanosecond) == [])
        #expect(rig.after(.seconds(15)) == ["write ping"])
        #expect(rig.incidents.contains(.heartbeatRefused(.frequencyLimit)) == (sign == "refused"))
    }

    @Test func lifeBeforeThePingDoesNotCount() throws {
        var rig = try Rig.ready()
        rig.after(.seconds(30) - Self.nanosecond)
        rig.alive()
        rig.after(Self.nanosecond)
        #expect(rig.after(.seconds(15)) == ["abort", "state waiting"])
    }

    @Test func pingThatIsToldNotSubscribedEndsTheConnection() throws {
        var rig = try Rig.ready()
        rig.after(.seconds(30))
        #expect(rig.ack(rig.pingID, 846_609) == ["abort", "state waiting"])
        #expect(rig.incidents.contains(.subscriptionLost))
    }

    @Test func pingIsMatchedByItsWholeID() throws {
        var rig = try Rig.ready()
        rig.after(.seconds(30))
        rig.ack("\(rig.pingID)0")
        #expect(rig.incidents.contains(.unknownAcknowledgement(RequestID(rawValue: "\(rig.pingID)0"), .ok)))
    }

    @Test func clockThatJumpsHoursCostsOneReconnect() throws {
        var rig = try Rig.ready()
        rig.sendWritten(1, "a", .finalUpdate)
        rig.after(.seconds(2))
        rig.alive()
        #expect(rig.after(.seconds(8 * 3600)) == ["write ping", "1 unknown"], "no ping was outstanding: ask first")
        #expect(rig.after(.seconds(8 * 3600)) == ["abort", "state waiting"])
        rig.reconnect()
        #expect(rig.epoch == 2)
        #expect(rig.after(.seconds(1_000_000)) == ["write ping"])
    }

    // MARK: Reconnecting

    @Test func waitsGrowUpToTheCapAndAttemptsNeverCrowd() throws {
        var rig = try Rig.connecting()
        for failure in 0..<40 {
            let started = rig.now
            #expect(rig.closed() == ["state waiting"])
            let retryAt = try #require(rig.retryAt)
            let bound = failure < 5 ? Duration.seconds(1 << failure) : .seconds(30)
            #expect(retryAt - rig.now <= max(bound, .seconds(1)))
            #expect(retryAt - started >= .seconds(1))
            rig.now = retryAt
            #expect(rig.tick().count == 2)
        }
    }

    @Test func waitsAreSpreadOverTheWholeRange() throws {
        var buckets = [0, 0, 0, 0]
        for seed in 0..<400 {
            var rig = try Rig(seed: UInt64(seed))
            rig.start()
            for _ in 0..<8 {
                rig.closed()
                rig.now = try #require(rig.retryAt)
                rig.tick()
            }
            rig.now += .seconds(5)
            rig.closed()
            let wait = try #require(rig.retryAt) - rig.now
            buckets[min(3, Int(wait / .seconds(7.5)))] += 1
        }
        #expect(buckets.allSatisfy { (60...140).contains($0) }, "\(buckets)")
    }

    @Test func connectionThatEndsEarlyIsTriedAgainWithinFourSeconds() throws {
        var rig = try Rig.connecting()
        for _ in 0..<12 {
            rig.closed()
            rig.now = try #require(rig.retryAt)
            rig.tick()
        }
        for _ in 0..<30 {
            rig.opened()
            rig.ack(rig.subscribeID)
            rig.now += .seconds(60) - Self.nanosecond
            rig.alive()
            rig.closed()
            #expect(try #require(rig.retryAt) - rig.now <= .seconds(4))
            rig.now = try #require(rig.retryAt)
            rig.tick()
        }
    }

    @Test(arguments: [(Duration.seconds(60), true), (.seconds(60) - nanosecond, false)])
    func onlyAStablePeriodStartsTheWaitsFromTheFirst(period: Duration, isStable: Bool) throws {
        var longest = Duration.zero
        for seed in 0..<60 {
            var rig = try Rig(seed: UInt64(seed))
            rig.start()
            for _ in 0..<6 {
                rig.closed()
                rig.now = try #require(rig.retryAt)
                rig.tick()
            }
            rig.opened()
            rig.ack(rig.subscribeID)
            rig.now += period
            rig.closed()
            longest = max(longest, try #require(rig.retryAt) - rig.now)
        }
        #expect((longest <= .seconds(1)) == isStable)
    }

    @Test func eventsOfAnOlderConnectionAreIgnored() throws {
        var rig = try Rig.ready()
        rig.sendWritten(1)
        let oldTicket = rig.tickets["a1"] ?? Ticket(rawValue: 0)
        rig.closed()
        rig.reconnect()
        #expect(rig.stateName == "ready")
        #expect(rig.note(rig.machine.closed(epoch: 1, reason: "late", now: rig.now)) == [])
        #expect(rig.note(rig.machine.disconnectedEvent(epoch: 1, now: rig.now)) == [])
        #expect(rig.note(rig.machine.opened(epoch: 1, now: rig.now)) == [])
        #expect(rig.note(rig.machine.written(oldTicket, epoch: 1, now: rig.now)) == [])
        let late = rig.machine.acknowledged(
            RequestID(rawValue: "a"),
            code: .ok,
            message: "",
            epoch: 1,
            now: rig.now
        )
        #expect(rig.note(late) == [])
        rig.written("a1")
        #expect(rig.ack("a") == ["1 delivered"])
    }

    @Test func refusedSubscribeNamesItsCode() throws {
        var rig = try Rig.subscribing()
        rig.ack(rig.subscribeID, 45_009, "too often")
        guard case .waiting(_, let reason) = rig.machine.state else {
            Issue.record("\(rig.machine.state)")
            return
        }
        #expect(reason.contains("45009"))
    }

    // MARK: Displaced

    @Test func displacedConnectionComesBackSlowlyAndMoreSlowly() throws {
        var rig = try Rig.ready()
        let since = rig.now
        var bound = Duration.seconds(60)
        for times in 1...8 {
            #expect(rig.displaced() == ["close 1000", "state displaced"])
            guard case .displaced(since, let retryAt?) = rig.machine.state else {
                Issue.record("\(rig.machine.state)")
                return
            }
            #expect(rig.incidents.last { if case .displaced = $0 { true } else { false } } == .displaced(times: times))
            #expect((bound / 2...bound).contains(retryAt - rig.now))
            bound = min(bound * 4, .seconds(600))
            #expect(rig.closed() == [], "the server closes late; that is not another end")
            rig.now = retryAt - Self.nanosecond
            #expect(rig.tick() == [])
            rig.reconnect()
            rig.now += .seconds(1_200) - Self.nanosecond
        }
        rig.now += Self.nanosecond
        rig.displaced()
        #expect(try #require(rig.retryAt) - rig.now <= .seconds(60), "it held its place for long")
    }

    // MARK: Stop

    @Test func closingEndsAtItsDeadline() throws {
        var rig = try Rig.ready()
        rig.stop()
        #expect(rig.after(.seconds(5) - Self.nanosecond) == [])
        #expect(rig.after(Self.nanosecond) == ["abort", "state stopped"])
        #expect(rig.machine.nextDeadline == nil)
        #expect(rig.start() == [])
    }

    // MARK: Configuration

    @Test func defaultConfigurationHasNoProblems() {
        #expect(ConnectionConfiguration().problems.isEmpty)
    }

    @Test func everyProblemIsNamed() {
        var configuration = ConnectionConfiguration()
        configuration.heartbeatInterval = .zero
        configuration.replyWindow = .seconds(30 * 86_400) + Self.nanosecond
        configuration.reconnectBase = .seconds(31)
        configuration.conflictDelays = [.seconds(-1)]
        configuration.maximumRequests = 0
        configuration.notSubscribedPeriod = .zero
        let error = #expect(throws: ConnectionConfigurationError.self) {
            try Machine(configuration: configuration, seed: 0)
        }
        for field in [
            "heartbeatInterval", "replyWindow", "reconnectBase", "conflictDelays[0]", "maximumRequests",
            "notSubscribedPeriod",
        ] {
            #expect(error?.description.contains(field) == true)
        }
        #expect(error?.problems.count == 6)
    }
}
