import BotFoundation
import TestSupport
import Testing

@testable import LWSTransport
@testable import WeComAIBot

/// What happens when the network comes back before it is tried again.
@Suite(.timeLimit(.minutes(10)))
struct NetworkTests {
    private static let first: Set<[UInt8]> = [[192, 0, 2, 1]]
    private static let both: Set<[UInt8]> = [[192, 0, 2, 1], [192, 0, 2, 2]]

    /// A connection whose next attempt is far away, and the number of attempts so far.
    private func outage(_ body: (Bench, Int) async throws -> Void) async throws {
        try await Bench.run { configuration in
            configuration.machine.reconnectBase = .seconds(3_600)
            configuration.machine.reconnectCap = .seconds(3_600)
        } _: { bench in
            await bench.subscribe()
            await bench.world.end(1, .lost)
            let retryAt = try #require(await bench.connection.state.retryAt)
            try #require(await retryAt - bench.world.instant > .seconds(60), "another seed, please")
            try await body(bench, await bench.world.attempts)
        }
    }

    @Test func aNetworkThatComesUpIsTriedWithinThreeSeconds() async throws {
        try await outage { bench, attempts in
            await bench.world.setAddresses([])
            await bench.world.advance(by: .seconds(30))
            #expect(await bench.world.attempts == attempts)
            await bench.world.setAddresses(Self.first)
            await bench.world.advance(by: .seconds(3))
            #expect(await bench.world.attempts == attempts + 1)
            await bench.subscribe(2)
            #expect(await bench.connection.state == .ready)
            #expect(bench.lines(from: .info).contains { $0.contains("the network came up: trying again at once") })
        }
    }

    @Test func anAddressThatGoesOrStaysIsNoReason() async throws {
        try await outage { bench, attempts in
            await bench.world.setAddresses(Self.both)
            await bench.world.advance(by: .seconds(3))
            #expect(await bench.world.attempts == attempts + 1)
            await bench.world.end(attempts + 1, .lost)
            await bench.world.setAddresses(Self.first)
            await bench.world.advance(by: .seconds(50))
            #expect(await bench.world.attempts == attempts + 1)
        }
    }

    @Test func whatComesUpWhileAnAttemptFailsIsNoticedAfterwards() async throws {
        try await outage { bench, attempts in
            await bench.world.adopt { $0.opens = false }
            await bench.world.setAddresses(Self.both)
            await bench.world.advance(by: .seconds(3))
            #expect(await bench.world.attempts == attempts + 1)
            await bench.world.setAddresses(Self.both.union([[192, 0, 2, 3]]))
            await bench.world.end(attempts + 1, .lost)
            await bench.world.advance(by: .seconds(3))
            #expect(await bench.world.attempts == attempts + 2)
        }
    }

    @Test func aMachineThatHasSleptTriesAtOnce() async throws {
        try await outage { bench, attempts in
            await bench.world.sleep(for: .seconds(7))
            await bench.world.advance(by: .seconds(1))
            #expect(await bench.world.attempts == attempts + 1)
            #expect(bench.lines(from: .info).contains { $0.contains("the machine has slept") })
        }
    }

    @Test func aMachineThatWasBusyDoesNot() async throws {
        try await outage { bench, attempts in
            await bench.world.sleep(for: .seconds(6))
            await bench.world.advance(by: .zero)
            #expect(await bench.world.attempts == attempts)
        }
    }

    @Test(arguments: [true, false])
    func aServerThatDoesNotWantUsIsNotAskedEarlier(isReached: Bool) throws {
        var rig = try Rig()
        rig.start()
        var retryAt: Instant?
        // Until the wait is one that can be shortened.
        for _ in 0..<10 {
            if isReached {
                rig.opened()
                rig.ack(rig.subscribeID, 45_009)
            } else {
                rig.closed()
            }
            retryAt = rig.retryAt
            if try #require(retryAt) - rig.now > .seconds(2) { break }
            rig.now = try #require(retryAt)
            rig.tick()
        }
        #expect(rig.networkCameUp() == (isReached ? [] : ["state waiting"]))
        #expect((rig.retryAt == retryAt) == isReached)
        #expect(try #require(rig.retryAt) >= rig.now + (isReached ? .seconds(2) : .seconds(1)))
    }

    @Test func thoseBehindOneSwitchComeBackSpreadOut() throws {
        var tenths: [Int: Int] = [:]
        for seed in 1...1_000 {
            var configuration = ConnectionConfiguration()
            (configuration.reconnectBase, configuration.reconnectCap) = (.seconds(3_600), .seconds(3_600))
            var rig = try Rig(configuration, seed: UInt64(seed))
            rig.start()
            rig.closed()
            rig.now += .seconds(20)
            guard !rig.networkCameUp().isEmpty else { continue }
            tenths[Int(try #require(rig.retryAt.map { $0 - rig.now }) / .milliseconds(100)), default: 0] += 1
        }
        // Uniform, it is 100 each with a deviation of 9.5.
        #expect(tenths.count == 10 && tenths.values.allSatisfy { (50...150).contains($0) }, "\(tenths)")
    }

    @Test func anAttemptIsNeverSoonerThanASecondAfterTheLast() async throws {
        try await outage { bench, attempts in
            for number in 0..<20 {
                await bench.world.setAddresses(number.isMultiple(of: 2) ? Self.both : Self.first)
                await bench.world.advance(by: .milliseconds(500))
                await bench.world.end(await bench.world.attempts, .lost)
            }
            #expect(await bench.world.attempts <= attempts + 10)
        }
    }

    @Test func nobodyLooksWhileThereIsAConnection() async throws {
        try await Bench.run { bench in
            await bench.subscribe()
            #expect(await bench.world.armed == 1, "the heartbeat's")
        }
    }

    @Test func loopbackIsNoNetwork() {
        let addresses = NetworkInterfaces.addresses()
        #expect(!addresses.contains([127, 0, 0, 1]) && !addresses.contains([UInt8](repeating: 0, count: 15) + [1]))
        #expect(addresses.allSatisfy { $0.count == 4 || $0.count == 16 })
    }
}
