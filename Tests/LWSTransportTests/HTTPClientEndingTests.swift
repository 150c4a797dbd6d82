import BotCrypto
import BotFoundation
import Glibc
import LWSTransport
import TestSupport
import Testing

/// How requests end before their time, and what they leave behind.
@Suite(.timeLimit(.minutes(10)))
struct HTTPClientEndingTests {
    /// Where a request can be when something happens to it.
    enum Stage: CaseIterable { case resolving, connecting, securing, waiting, inHead, inBody }

    /// A request that hangs at `stage`.
    private final class Hang: Sendable {
        let loop: EventLoop
        let server: ScriptedServer
        let full = SilentListener(fillBacklog: true)
        let isThere = EventRecorder<Void>()
        let blocked = ThreadGate()
        let stage: Stage

        init(_ stage: Stage) throws {
            self.stage = stage
            let (isThere, blocked) = (isThere, blocked)
            loop = try EventLoop(lookUp: { _ in
                isThere.record(())
                blocked.pass()
                return .success(["127.0.0.1"])
            })
            server = ScriptedServer { connection in
                if stage == .securing { _ = connection.read(1) } else { _ = connection.readHead() }
                switch stage {
                case .inHead: connection.send("HTTP/1.1 200 OK\r\nX:")
                case .inBody: connection.send("HTTP/1.1 200 OK\r\n\r\nabc")
                default: break
                }
                isThere.record(())
                connection.waitForEnd()
            }
        }

        var url: String {
            switch stage {
            case .resolving: "http://name.test"
            case .connecting: "http://127.0.0.1:\(full.port)"
            case .securing: "https://127.0.0.1:\(server.port)"
            default: "http://127.0.0.1:\(server.port)"
            }
        }

        func run() async -> Outcome {
            if stage == .connecting { isThere.record(()) }
            return await HTTPClient(loop: loop, configuration: patientClient()).outcome(url)
        }

        /// The server has seen the end, where it was reached.
        func finish() async {
            blocked.open()
            if stage != .resolving, stage != .connecting { await server.ended.wait { !$0.isEmpty } }
        }
    }

    @Test(arguments: Stage.allCases)
    func cancellingClosesTheConnection(stage: Stage) async throws {
        let hang = try Hang(stage)
        let task = Task { await hang.run() }
        await hang.isThere.wait { !$0.isEmpty }
        task.cancel()
        #expect(await task.value.error?.code == .cancelled)
        await hang.finish()
        await hang.loop.shutdown()
    }

    @Test func aCancelledTaskSendsNothing() async throws {
        let loop = try EventLoop()
        let server = ScriptedServer { $0.waitForEnd() }
        let (task, go) = (EventRecorder<Void>(), EventRecorder<Void>())
        let running = Task {
            task.record(())
            await go.wait { !$0.isEmpty }
            return await HTTPClient(loop: loop, configuration: patientClient()).outcome(
                "http://127.0.0.1:\(server.port)"
            )
        }
        await task.wait { !$0.isEmpty }
        running.cancel()
        go.record(())
        #expect(await running.value.error?.code == .cancelled)
        await loop.shutdown()
    }

    @Test(arguments: Stage.allCases)
    func theLoopsShutdownEndsIt(stage: Stage) async throws {
        let hang = try Hang(stage)
        async let outcome = hang.run()
        await hang.isThere.wait { !$0.isEmpty }
        await hang.loop.shutdown()
        #expect(await outcome.error?.code == .loopShutDown)
        await hang.finish()
        #expect(await hang.run().error?.code == .loopShutDown)
    }

    @Test func aBodyThatNobodyReadsClosesTheConnection() async throws {
        let loop = try EventLoop()
        let server = ScriptedServer { connection in
            _ = connection.readHead()
            connection.send("HTTP/1.1 200 OK\r\n\r\nabc")
            connection.waitForEnd()
        }
        let client = HTTPClient(loop: loop, configuration: patientClient())
        let request = HTTPClientRequest(url: "http://127.0.0.1:\(server.port)")
        _ = try await client.send(request)
        await server.ended.wait { $0.count == 1 }
        do {
            var iterator = try await client.send(request).body.makeAsyncIterator()
            #expect(try await iterator.next() == Array("abc".utf8))
            #expect(server.ended.events.count == 1)
        }
        await server.ended.wait { $0.count == 2 }
        await loop.shutdown()
    }

    /// The server feels it when the reader is behind.
    @Test func readingStopsWhileTheReaderIsBehind() async throws {
        let loop = try EventLoop()
        let sent = EventRecorder<Int>()
        let server = ScriptedServer { connection in
            _ = connection.readHead()
            connection.send("HTTP/1.1 200 OK\r\n\r\n")
            sent.record(connection.sendUntilStuck(atMost: 256 << 20))
        }
        var configuration = patientClient()
        configuration.maximumBodyBytes = .max
        let response = try await HTTPClient(loop: loop, configuration: configuration)
            .send(HTTPClientRequest(url: "http://127.0.0.1:\(server.port)"))
        let total = await sent.wait { !$0.isEmpty }[0]
        #expect(total < 64 << 20)
        #expect(try await response.body.bytes().count == total)
        await loop.shutdown()
    }

    @Test func theOutcomeIsToldToWhoeverAsksAgain() async throws {
        let loop = try EventLoop()
        let server = ScriptedServer(answering: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc")
        let response = try await HTTPClient(loop: loop).send(HTTPClientRequest(url: "http://127.0.0.1:\(server.port)"))
        var iterator = response.body.makeAsyncIterator()
        #expect(try await iterator.next() == Array("abc".utf8))
        #expect(try await iterator.next() == nil)
        #expect(try await iterator.next() == nil)
        await loop.shutdown()
        #expect(try await iterator.next() == nil)
    }

    /// In a process of its own: other tests have descriptors too.
    @Test func aThousandRequestsLeaveNothingBehind() async {
        await #expect(processExitsWith: .success) {
            try await HTTPServerBench.run(tls: true) { tls in
                try await HTTPServerBench.run { plain in
                    let closing = ScriptedServer(answering: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
                    let loop = try EventLoop()
                    var trusting = patientClient()
                    trusting.trust = .pem(tls.authority?.certificatePEM ?? [])
                    let client = HTTPClient(loop: loop, configuration: trusting)
                    let (insecure, secure) = ("http://127.0.0.1:\(plain.port)", "https://localhost:\(tls.port)")
                    let good = ["\(insecure)/forgotten", "\(secure)/forgotten"]
                    let bad = [
                        "http://127.0.0.1:\(closing.port)", "http://127.0.0.1:1", "https://127.0.0.1:\(plain.port)",
                        "\(insecure)/large",
                    ]
                    for url in good + bad { _ = await client.outcome(url) }
                    let before = try ProcessFigures.now().descriptors
                    for number in 0..<1_000 {
                        let isGood = !number.isMultiple(of: 10)
                        let outcome = await client.outcome(isGood ? good[number % 2] : bad[number / 10 % bad.count])
                        guard (outcome.error == nil) == isGood else { exit(1) }
                    }
                    await loop.shutdown()
                    let after = try ProcessFigures.now().descriptors
                    guard after <= before else { exit(2) }
                }
            }
        }
    }
}

extension ScriptedServer.Connection {
    /// Sends until the peer has taken nothing for half a second, or `limit` bytes; how many were taken.
    fileprivate func sendUntilStuck(atMost limit: Int) -> Int {
        limitSending(milliseconds: 500)
        let data = [UInt8](repeating: 65, count: 65_536)
        var total = 0
        while total < limit, case let count = sendOnce(data), count > 0 { total += count }
        return total
    }
}
