import BotFoundation
import Foundation
import LWSTransport
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10)))
struct EventLoopTests {
    /// An actor that lives on a loop.
    private actor Resident {
        nonisolated let loop: EventLoop
        nonisolated var unownedExecutor: UnownedSerialExecutor { loop.unownedExecutor }
        private(set) var order: [Int] = []

        init(loop: EventLoop) { self.loop = loop }

        func append(_ number: Int) { order.append(number) }
        func isOnLoop() -> Bool { loop.isCurrent }
    }

    @Test func actorsOnTheLoopRunOnItsThread() async throws {
        let loop = try EventLoop()
        let resident = Resident(loop: loop)
        #expect(await resident.isOnLoop())
        #expect(!loop.isCurrent)
        await loop.shutdown()
    }

    @Test func codeThatIsNotOnTheLoopIsNotRunThere() async throws {
        let loop = try EventLoop()
        @concurrent func userCode() async -> Bool { loop.isCurrent }
        let onLoop = await loop.onLoop { loop.isCurrent }
        #expect(onLoop)
        #expect(await !userCode())
        await loop.shutdown()
    }

    @Test func aRawCallbackEntersAnActorOfTheLoop() async throws {
        let loop = try EventLoop()
        let resident = Resident(loop: loop)
        let seen = EventRecorder<Int>()
        loop.execute {
            resident.assumeIsolated { $0.append(7) }; seen.record(1)
        }
        await seen.wait { !$0.isEmpty }
        #expect(await resident.order == [7])
        await loop.shutdown()
    }

    @Test func aCallFromAnotherThreadTraps() async {
        await #expect(processExitsWith: .failure) {
            func claimToBeOnTheLoop(_ loop: EventLoop) { loop.assumeIsolated { _ = $0.schedule(at: .now) {} } }
            claimToBeOnTheLoop(try EventLoop())
        }
    }

    @Test func blocksRunInTheOrderOfTheirSubmission() async throws {
        let loop = try EventLoop()
        let seen = EventRecorder<Int>()
        for number in 0..<1_000 { loop.execute { seen.record(number) } }
        let order = await seen.wait { $0.count == 1_000 }
        #expect(order == Array(0..<1_000))
        await loop.shutdown()
    }

    @Test func workSubmittedByWorkRunsToo() async throws {
        let loop = try EventLoop()
        let seen = EventRecorder<Int>()
        @Sendable func again(_ count: Int) {
            seen.record(count)
            if count < 100 { loop.execute { again(count + 1) } }
        }
        loop.execute { again(0) }
        await seen.wait { $0.count == 101 }
        await loop.shutdown()
    }

    @Test func timersFireInTheOrderOfTheirDeadlinesAndCancelledOnesDoNot() async throws {
        let loop = try EventLoop()
        let seen = EventRecorder<Int>()
        await loop.onLoop {
            loop.assumeIsolated { loop in
                let now = ContinuousClock.now
                loop.schedule(at: now + .milliseconds(30)) { seen.record(3) }
                loop.schedule(at: now + .milliseconds(10)) { seen.record(1) }
                let never = loop.schedule(at: now + .milliseconds(15)) { seen.record(99) }
                loop.schedule(at: now + .milliseconds(20)) { seen.record(2) }
                loop.cancel(never)
            }
        }
        let order = await seen.wait { $0.count >= 3 }
        #expect(order == [1, 2, 3])
        await loop.shutdown()
    }

    @Test func aTimerNeverFiresEarly() async throws {
        let loop = try EventLoop()
        let fired = EventRecorder<ContinuousClock.Instant>()
        let deadlines = (1...20).map { ContinuousClock.now + .microseconds(750 * $0) }
        for deadline in deadlines { await loop.schedule(at: deadline) { fired.record(.now) } }
        let times = await fired.wait { $0.count == deadlines.count }
        for (deadline, time) in zip(deadlines, times) { #expect(time >= deadline) }
        await loop.shutdown()
    }

    @Test func jobsStillRunAfterShutdown() async throws {
        let loop = try EventLoop()
        let resident = Resident(loop: loop)
        await loop.shutdown()
        await loop.shutdown()
        await resident.append(1)
        #expect(await resident.order == [1])
    }

    @Test func shutdownClosesConnectionsAndRefusesNewOnes() async throws {
        let loop = try EventLoop()
        let server = try await EchoServer(on: loop)
        let client = try await Client.connect("ws://127.0.0.1:\(server.port)", on: loop)
        await client.opened()
        await loop.shutdown()
        #expect(await client.closed().code == 1006)
        _ = await server.events.first(\.closure)
        let late = try await Client.connect("ws://127.0.0.1:\(server.port)", on: loop)
        #expect(await late.closed().error?.code == .loopShutDown)
    }

    @Test func aTimerOfALoopThatWasShutDownKeepsNothingAlive() async throws {
        final class Held: Sendable {}
        weak var weakLoop: EventLoop?
        weak var held: Held?
        do {
            let loop = try EventLoop()
            weakLoop = loop
            await loop.shutdown()
            let object = Held()
            held = object
            let timer = await loop.schedule(at: .now) { [loop] in withExtendedLifetime((loop, object)) {} }
            await loop.cancel(timer)
            await loop.schedule(at: .now + .seconds(60)) { [loop] in withExtendedLifetime((loop, object)) {} }
        }
        #expect(held == nil && weakLoop == nil)
    }

    @Test func connectionsThatArriveDuringAShutdownAreHarmless() async throws {
        for _ in 0..<20 {
            let loop = try EventLoop()
            let near = try EventLoop(name: "near")
            let port = try await EchoServer(on: loop).port
            let clients = EventRecorder<WebSocketEvent>()
            let endpoint = try WebSocketEndpoint("ws://127.0.0.1:\(port)")
            await near.onLoop {
                for _ in 0..<20 { _ = WebSocket.connect(to: endpoint, on: near) { clients.record($0) } }
            }
            await loop.shutdown()
            await near.shutdown()
            #expect(clients.events.filter { $0.closure != nil }.count == 20)
        }
    }

    @Test func noJobIsLostWhenTheLoopShutsDown() async throws {
        for _ in 0..<50 {
            let loop = try EventLoop()
            let resident = Resident(loop: loop)
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<20 { group.addTask { await resident.append(number) } }
                group.addTask { await loop.shutdown() }
            }
            #expect(await resident.order.count == 20)
        }
    }

    /// In a process of its own: other tests have descriptors and memory too.
    @Test func aThousandStartsAndStopsLeaveNothingBehind() async {
        await #expect(processExitsWith: .success) {
            func round() async throws {
                let loop = try EventLoop()
                let resident = Resident(loop: loop)
                await resident.append(1)
                await loop.shutdown()
            }
            for _ in 0..<50 { try await round() }
            let before = try ProcessFigures.now()
            for _ in 0..<1_000 { try await round() }
            let after = try ProcessFigures.now()
            guard after.descriptors <= before.descriptors + 8 else { exit(1) }
            guard after.threads <= before.threads + 16 else { exit(2) }
            #if !SANITIZED
                guard after.residentKiB <= before.residentKiB + 8 * 1_024 else { exit(3) }
            #endif
        }
    }
}

/// What the system says about this process.
struct ProcessFigures {
    let descriptors: Int
    let threads: Int
    let residentKiB: Int

    static func now() throws -> ProcessFigures {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        func field(_ name: String) -> Int {
            let line = status.split(separator: "\n").first { $0.hasPrefix(name + ":") }
            return line?.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) } ?? 0
        }
        return ProcessFigures(
            descriptors: try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count,
            threads: field("Threads"),
            residentKiB: field("VmRSS")
        )
    }
}
