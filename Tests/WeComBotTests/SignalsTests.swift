import Glibc
import Synchronization
import Testing

@testable import WeComBot

@Suite(.serialized) struct SignalsTests {
    /// The address of the handler that `signal` has now; 0 is the default action.
    private static func handler(of signal: Int32) -> UInt {
        var action = sigaction()
        sigaction(signal, nil, &action)
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: UInt.self)
    }

    @Test func deliveriesArriveInOrder() async throws {
        let signals = try Signals()
        defer { signals.end() }
        var deliveries = signals.deliveries.makeAsyncIterator()
        kill(getpid(), SIGTERM)
        #expect(await deliveries.next() == .terminate)
        kill(getpid(), SIGINT)
        #expect(await deliveries.next() == .interrupt)
        kill(getpid(), SIGTERM)
        #expect(await deliveries.next() == .terminate)
    }

    @Test func endFinishesTheStreamAndMayBeRepeated() async throws {
        let signals = try Signals()
        signals.end()
        signals.end()
        for await signal in signals.deliveries { Issue.record("\(signal)") }
    }

    @Test func everyListenerGetsEveryDelivery() async throws {
        let first = try Signals()
        let second = try Signals()
        defer { second.end() }
        kill(getpid(), SIGINT)
        var deliveries = first.deliveries.makeAsyncIterator()
        #expect(await deliveries.next() == .interrupt)
        var others = second.deliveries.makeAsyncIterator()
        #expect(await others.next() == .interrupt)
        first.end()
        kill(getpid(), SIGTERM)
        #expect(await others.next() == .terminate)
    }

    @Test func aNewListenerGetsNothingOld() async throws {
        let first = try Signals()
        first.end()
        var number = UInt8(SIGINT)
        #expect(write(SignalsRegistry.writeEnd.load(ordering: .acquiring), &number, 1) == 1)
        let second = try Signals()
        defer { second.end() }
        kill(getpid(), SIGTERM)
        var deliveries = second.deliveries.makeAsyncIterator()
        #expect(await deliveries.next() == .terminate)
    }

    @Test func theLastEndRestoresTheDefaultAction() async {
        await #expect(processExitsWith: .signal(SIGTERM)) {
            let first = try Signals()
            let second = try Signals()
            first.end()
            kill(getpid(), SIGTERM)
            var deliveries = second.deliveries.makeAsyncIterator()
            guard await deliveries.next() == .terminate else { exit(1) }
            second.end()
            alarm(20)  // ends the process if the signal does not
            kill(getpid(), SIGTERM)
            while true { pause() }
        }
    }

    @Test func theHandlerThatWasThereIsRestored() async {
        await #expect(processExitsWith: .exitCode(7)) {
            signal(SIGINT) { _ in _exit(7) }
            let before = SignalsTests.handler(of: SIGINT)
            let signals = try Signals()
            guard SignalsTests.handler(of: SIGINT) != before else { exit(1) }
            signals.end()
            guard SignalsTests.handler(of: SIGINT) == before else { exit(2) }
            alarm(20)
            kill(getpid(), SIGINT)
            while true { pause() }
        }
    }

    @Test func noThreadAndNoDescriptorIsLeftBehind() async {
        await #expect(processExitsWith: .exitCode(0)) {
            func entries(_ path: String) -> Int {
                guard let directory = opendir(path) else { return -1 }
                defer { closedir(directory) }
                var count = 0
                while readdir(directory) != nil { count += 1 }
                return count
            }
            let descriptors = entries("/proc/self/fd")
            for _ in 0..<100 { try Signals().end() }
            // The process has others that come and go, but a leak would be a hundred.
            guard entries("/proc/self/fd") < descriptors + 50 else { exit(1) }
            guard entries("/proc/self/task") < 50 else { exit(2) }
            exit(0)
        }
    }
}
