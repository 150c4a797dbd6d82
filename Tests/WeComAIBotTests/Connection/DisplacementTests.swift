import BotFoundation
import Testing

@testable import WeComAIBot

/// Two processes with one bot, and the one place that there is for them.
struct DisplacementTests {
    /// Both machines and the place: who subscribes last has it, and the other one is told at once.
    private struct Fight {
        var rigs: [Rig]
        var holder: Int?
        var kicks: [Instant] = []

        init(_ policies: [DisplacementPolicy], seed: UInt64) throws {
            rigs = try policies.enumerated().map { index, policy in
                var configuration = ConnectionConfiguration()
                configuration.displacementPolicy = policy
                return try Rig(configuration, seed: 2 * seed + UInt64(index))
            }
        }

        /// Opens and subscribes, which takes a fifth of a second.
        mutating func subscribe(_ number: Int, at instant: Instant) {
            rigs[number].now = instant
            if rigs[number].stateName == "idle" { rigs[number].start() } else { rigs[number].tick() }
            rigs[number].opened()
            rigs[number].now += .milliseconds(200)
            rigs[number].ack(rigs[number].subscribeID)
            if let loser = holder {
                rigs[loser].now = rigs[number].now
                rigs[loser].displaced()
                rigs[loser].closed()
                kicks.append(rigs[number].now)
            }
            holder = number
        }

        /// Lets both do what they do until `end`.
        mutating func run(until end: Instant) {
            subscribe(0, at: Rig.origin)
            subscribe(1, at: Rig.origin + .seconds(1))
            while let next = next, next.at < end { subscribe(next.number, at: next.at) }
        }

        /// Who comes back next, and when.
        private var next: (number: Int, at: Instant)? {
            rigs.indices.compactMap { number in rigs[number].retryAt.map { (number, $0) } }.min { $0.1 < $1.1 }
        }

        func wars(_ number: Int) -> Int {
            rigs[number].incidents.count { if case .displacementWar = $0 { true } else { false } }
        }
    }

    private static let firstKick = Rig.origin + .milliseconds(1_200)

    /// The numbers of kicks in ten minutes from the first one, over many seeds.
    private func kicks(_ policies: [DisplacementPolicy]) throws -> ClosedRange<Int> {
        let counts = try (0..<UInt64(500)).map { seed in
            var fight = try Fight(policies, seed: seed)
            fight.run(until: Self.firstKick + .seconds(600) - .milliseconds(200))
            return fight.kicks.count
        }
        let range = try #require(counts.min())...(try #require(counts.max()))
        print("displacements in ten minutes, \(policies): \(range)")
        return range
    }

    @Test func twoThatGiveWayDisplaceEachOtherFiveTimesInTenMinutesAtMost() throws {
        #expect(try kicks([.yield, .yield]).upperBound <= 5)
    }

    @Test func takingOverFromOneThatGivesWayIsBounded() throws {
        #expect(try kicks([.takeOver, .yield]).upperBound <= 8)
        #expect(try kicks([.yield, .takeOver]).upperBound <= 8)
    }

    @Test func twoThatTakeOverAreBounded() throws {
        #expect(try kicks([.takeOver, .takeOver]).upperBound <= 8)
    }

    /// The system before this one connected again at once, and so the two displaced each other for ever.
    @Test func whoStopsIsDisplacedExactlyOnce() throws {
        #expect(try kicks([.stop, .yield]) == 1...1)
        #expect(try kicks([.stop, .takeOver]) == 1...1)
        #expect(try kicks([.stop, .stop]) == 1...1)
    }

    /// Each takes the place back when its wait is over, and so is ready for as long as the other one waits.
    @Test(arguments: [DisplacementPolicy.yield, .takeOver])
    func inTheLongRunTheyDisplaceEachOtherEverMoreRarely(policy: DisplacementPolicy) throws {
        var fight = try Fight([policy, policy], seed: 1)
        fight.run(until: Rig.origin + .seconds(6 * 3600))
        let late = fight.kicks.count { $0 > Rig.origin + .seconds(5 * 3600) }
        // An hour has 12 times 300 s, the shortest of the longest waits. By then both give way.
        #expect((1...12).contains(late))
        #expect([fight.wars(0), fight.wars(1)] == [1, 1], "one fight is one alarm of each")
    }

    /// Their waits grow, and so the times for which each holds the place.
    @Test(arguments: 0..<100)
    func twoThatGiveWayAreToldSoWithinTheLongestOfTheirWaits(seed: UInt64) throws {
        var fight = try Fight([.yield, .yield], seed: seed)
        // One minute each, four minutes each, and ten minutes.
        fight.run(until: Rig.origin + .seconds(2 * 60 + 2 * 240 + 600 + 10))
        #expect([fight.wars(0), fight.wars(1)] == [1, 1])
    }

    @Test func theThirdDisplacementInARowIsAWar() throws {
        let long = Duration.seconds(1_200)
        for (held, isWar) in [(long - .nanoseconds(1), true), (long, false)] {
            var configuration = ConnectionConfiguration()
            configuration.displacementPolicy = .takeOver
            var rig = try Rig.ready(configuration)
            rig.displaced()
            rig.reconnect()
            rig.displaced()
            #expect(!rig.incidents.contains { if case .displacementWar = $0 { true } else { false } }, "two are none")
            rig.reconnect()
            rig.now += held
            rig.displaced()
            #expect(rig.incidents.contains(.displacementWar(times: 3)) == isWar)
            let wait = try #require(rig.retryAt) - rig.now
            #expect(isWar ? wait >= .seconds(300) : wait <= .seconds(2))
            guard isWar else { continue }
            rig.reconnect()
            rig.displaced()
            #expect(rig.incidents.count { if case .displacementWar = $0 { true } else { false } } == 1, "said once")
            rig.reconnect()
            rig.now += long
            rig.displaced()
            #expect(try #require(rig.retryAt) - rig.now <= .seconds(2), "it held its place for long")
        }
    }
}
