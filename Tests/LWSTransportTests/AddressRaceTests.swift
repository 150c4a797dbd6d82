import BotFoundation
import Glibc
import TestSupport
import Testing

@testable import LWSTransport

/// Which of a server's addresses a client ends up with, and what the kernel is told of it.
@Suite(.timeLimit(.minutes(10)))
struct AddressRaceTests {
    /// The addresses that do not answer get a head start of 250 ms each, and no more.
    @Test func anAddressThatDoesNotAnswerDoesNotHoldTheOthersUp() async throws {
        let dead = SilentListener(fillBacklog: true)
        let loop = try EventLoop(lookUp: { _ in .success(["127.0.0.1", "127.0.0.1", "127.0.0.2"]) })
        let server = try await EchoServer(on: loop, host: "127.0.0.2", port: dead.port)
        let client = try await Client.connect(
            "ws://example.test:\(dead.port)",
            configuration: noDeadlines(),
            on: loop
        )
        await client.opened()
        #expect(await client.socket.isOpen)
        try await client.socket.send(Array("字".utf8))
        #expect(await client.message() == Array("字".utf8))
        #expect(server.sockets.events.count == 1)
        await client.socket.close()
        #expect(await client.closed().code == 1000)
        #expect(client.events.events.count { $0.closure != nil } == 1)
        await loop.shutdown()
    }

    /// The loser's end is not the winner's, whichever of them it was that began first.
    @Test func theLosersOfARaceAreClosedAndSayNothing() async {
        // In a process of its own: other tests have descriptors too.
        await #expect(processExitsWith: .success) {
            let silent = SilentListener(fillBacklog: true)
            let loop = try EventLoop(lookUp: { _ in .success(["127.0.0.1", "127.0.0.2"]) })
            let server = try await EchoServer(on: loop, host: "127.0.0.2", port: silent.port)
            let before = try ProcessFigures.now().descriptors
            for _ in 0..<3 {
                let client = try await Client.connect(
                    "ws://example.test:\(silent.port)",
                    configuration: noDeadlines(),
                    on: loop
                )
                await client.opened()
                for _ in 0..<50 { try await client.socket.send([65]) }
                _ = await client.message(49)
                await client.socket.close()
                _ = await client.closed()
            }
            guard server.sockets.events.count == 3 else { exit(1) }
            await loop.shutdown()
            guard try ProcessFigures.now().descriptors <= before else { exit(2) }
        }
    }

    /// An address that answers is waited for: the next one is not begun beside it.
    @Test func anAddressThatAnswersIsNotRacedAgainst() async throws {
        let silent = SilentListener()
        let loop = try EventLoop(lookUp: { _ in .success(["127.0.0.1", "127.0.0.2"]) })
        let server = try await EchoServer(on: loop, host: "127.0.0.2", port: silent.port)
        var configuration = noDeadlines()
        configuration.upgradeDeadline = .milliseconds(800)
        configuration.tlsDeadline = .milliseconds(800)
        configuration.connectDeadline = .milliseconds(100)
        let began = ContinuousClock.now
        let client = try await Client.connect(
            "ws://example.test:\(silent.port)",
            configuration: configuration,
            on: loop
        )
        await client.opened()
        #expect(await client.socket.isOpen && server.sockets.events.count == 1)
        #expect(ContinuousClock.now - began >= .milliseconds(800))
        await loop.shutdown()
    }

    /// Both answers are read in the same round of the loop: the second one must not make an open connection of the loser.
    @Test func aLoserWhoseAnswerComesTogetherWithTheWinnersIsClosed() async throws {
        let slow = SilentListener(fillBacklog: true)
        let loop = try EventLoop(lookUp: { _ in .success(["127.0.0.1", "127.0.0.2"]) })
        let far = try EventLoop()
        let servers = [try await EchoServer(on: far), try await EchoServer(on: far)]
        let threads = ThreadPool(name: "race", maximumThreads: 32)
        let (held, gate, sent) = (EventRecorder<Void>(), ThreadGate(), EventRecorder<Void>())
        let relay = { @Sendable (client: Int32, server: UInt16) in
            let hold = {
                held.record(())
                gate.pass()
            }
            AnswerRelay.run(client, to: server, threads, held: hold, sent: { sent.record(()) })
        }
        let quick = AnswerRelay(host: "127.0.0.2", port: slow.port)
        threads.execute { relay(quick.accept(), servers[1].port) }
        let client = try await Client.connect("ws://example.test:\(slow.port)", configuration: noDeadlines(), on: loop)
        // The second address is tried because the first does not accept; then it does.
        await held.wait { $0.count == 1 }
        threads.execute {
            while case let client = slow.accept(), client >= 0 {
                threads.execute { relay(client, servers[0].port) }
            }
        }
        await held.wait { $0.count == 2 }
        let (isBlocked, blocked) = (EventRecorder<Void>(), ThreadGate())
        loop.execute {
            isBlocked.record(())
            blocked.pass()
        }
        await isBlocked.wait { !$0.isEmpty }
        gate.open()
        await sent.wait { $0.count == 2 }
        blocked.open()

        await client.opened()
        try await client.socket.send(Array("字".utf8))
        #expect(await client.message() == Array("字".utf8))
        let isLoserClosed = EventRecorder<Bool>()
        let watching = servers.map { server in
            Task {
                await server.events.wait { $0.contains { $0.closure != nil } }
                if !Task.isCancelled { isLoserClosed.record(true) }
            }
        }
        await loop.onLoop {
            loop.assumeIsolated { _ = $0.schedule(at: .now + .seconds(10)) { isLoserClosed.record(false) } }
        }
        #expect(await isLoserClosed.first { $0 })
        for task in watching { task.cancel() }
        slow.end()
        #expect(await client.socket.isOpen && client.events.events.count { $0 == .opened } == 1)
        await loop.shutdown()
        await far.shutdown()
    }

    @Test func addressFamiliesTakeTurns() {
        #expect(ClientAttempt.interleaved([]) == [])
        #expect(ClientAttempt.interleaved(["1", "2"]) == ["1", "2"])
        #expect(ClientAttempt.interleaved(["::1", "::2", "::3", "1"]) == ["::1", "1", "::2", "::3"])
        #expect(ClientAttempt.interleaved(["1", "::1", "2", "::2", "::3"]) == ["1", "::1", "2", "::2", "::3"])
    }

    @Test(arguments: [45_000, 1_000, 0])
    func aDeadPeerIsFoundByTheKernel(milliseconds: Int) async throws {
        let loop = try EventLoop()
        let server = try await EchoServer(on: loop)
        var configuration = noDeadlines()
        configuration.deadPeerDeadline = .milliseconds(milliseconds)
        let client = try await Client.connect(
            "ws://127.0.0.1:\(server.port)",
            configuration: configuration,
            on: loop
        )
        await client.opened()
        let descriptor = try #require(self.descriptor(connectedTo: server.port))
        #expect(option(descriptor, Int32(IPPROTO_TCP), 18) == Int32(milliseconds), "TCP_USER_TIMEOUT")
        #expect(option(descriptor, SOL_SOCKET, SO_KEEPALIVE) == (milliseconds == 0 ? 0 : 1))
        if milliseconds > 0 {
            let third = max(1, Int32(milliseconds / 3_000))
            #expect(option(descriptor, Int32(IPPROTO_TCP), TCP_KEEPIDLE) == third)
            #expect(option(descriptor, Int32(IPPROTO_TCP), TCP_KEEPINTVL) == third)
            #expect(option(descriptor, Int32(IPPROTO_TCP), TCP_KEEPCNT) == 3)
        }
        await loop.shutdown()
    }

    /// Its kernel answers every probe, but nothing is read there: keep-alive does not find that.
    @Test func aPeerThatTakesNothingMoreIsFoundByTheKernel() async throws {
        let (loop, far) = (try EventLoop(), try EventLoop())
        let server = try await EchoServer(on: far)
        var configuration = noDeadlines()
        configuration.deadPeerDeadline = .seconds(1)
        let client = try await Client.connect("ws://127.0.0.1:\(server.port)", configuration: configuration, on: loop)
        await client.opened()
        let (isBlocked, blocked) = (EventRecorder<Void>(), ThreadGate())
        far.execute {
            isBlocked.record(())
            blocked.pass()
        }
        await isBlocked.wait { !$0.isEmpty }
        for _ in 0..<24 { try await client.socket.send([UInt8](repeating: 65, count: 1 << 20)) }
        let closure = await client.closed()
        blocked.open()
        #expect(closure.code == 1006 && !closure.byPeer)
        await loop.shutdown()
        await far.shutdown()
    }

    private func option(_ descriptor: Int32, _ level: Int32, _ name: Int32) -> Int32 {
        var value: Int32 = -1
        var size = socklen_t(4)
        getsockopt(descriptor, level, name, &value, &size)
        return value
    }

    private func descriptor(connectedTo port: UInt16) -> Int32? {
        (0..<65_536 as Range<Int32>).first { descriptor in
            var address = sockaddr_in()
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let result = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(descriptor, $0, &size) }
            }
            return result == 0 && UInt16(bigEndian: address.sin_port) == port
        }
    }
}
