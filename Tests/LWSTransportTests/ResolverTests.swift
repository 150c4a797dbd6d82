import BotFoundation
import TestSupport
import Testing

@testable import LWSTransport

@Suite(.timeLimit(.minutes(10)))
struct ResolverTests {
    @Test func aHostIsLookedUpOnceForAllWhoWait() async {
        let (lookUps, answers) = (EventRecorder<String>(), EventRecorder<[String]>())
        let gate = ThreadGate()
        let resolver = Resolver { host in
            lookUps.record(host)
            gate.pass()
            return .success([host])
        }
        for _ in 0..<100 {
            for host in ["a", "b"] { resolver.resolve(host) { answers.record((try? $0.get()) ?? []) } }
        }
        await lookUps.wait { $0.count == 2 }
        gate.open()
        let seen = await answers.wait { $0.count == 200 }
        #expect(seen.count { $0 == ["a"] } == 100 && seen.count { $0 == ["b"] } == 100)
        #expect(lookUps.events.sorted() == ["a", "b"])
        resolver.resolve("a") { answers.record((try? $0.get()) ?? []) }
        await answers.wait { $0.count == 201 }
        #expect(lookUps.events.count == 3)
    }

    @Test(arguments: [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("0:0::1", "::1")])
    func anAddressNeedsNoLookUp(host: String, address: String) {
        #expect(Resolver.numericAddress(host) == address)
        #expect(Resolver.numericAddress("gateway.test") == nil)
    }
}
