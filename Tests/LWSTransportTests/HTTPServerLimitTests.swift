import BotFoundation
import Foundation
import LWSTransport
import TestSupport
import Testing

/// Where the HTTP server draws the line, and what it leaves behind.
@Suite(.timeLimit(.minutes(10)))
struct HTTPServerLimitTests {
    /// No deadline but those that a test shortens.
    private func patient() -> HTTPServerConfiguration {
        var configuration = HTTPServerConfiguration()
        configuration.idleDeadline = .seconds(3_600)
        configuration.handlerDeadline = .seconds(3_600)
        configuration.writeDeadline = .seconds(3_600)
        configuration.requestDeadline = .seconds(3_600)
        return configuration
    }

    @Test(arguments: [0, 1])
    func theBodyHasALimit(over: Int) async throws {
        var configuration = patient()
        configuration.maximumBodyBytes = 200_000
        try await HTTPServerBench.run(configuration) { bench in
            let client = bench.client()
            client.send(post("/x", String(repeating: "a", count: 200_000 + over)))
            if over == 0 {
                #expect(await client.response(endingWith: "POST /x 200000\n").hasPrefix("HTTP/1.1 200"))
            } else {
                #expect(await client.receiveAll().hasPrefix("HTTP/1.1 413 "))
                #expect(bench.requests.events.isEmpty)
            }
        }
    }

    @Test func theHeadersHaveALimit() async throws {
        try await HTTPServerBench.run(patient()) { bench in
            func answer(_ size: Int) async -> String {
                await bench.exchange(get("/x", "X-Y: \(String(repeating: "a", count: size))\r\nConnection: close\r\n"))
            }
            #expect(await answer(8_000).hasPrefix("HTTP/1.1 200"))
            #expect(await answer(8_200).isEmpty)
            #expect(await bench.exchange(get("/" + String(repeating: "a", count: 8_200))).isEmpty)
        }
    }

    @Test func connectionsHaveALimit() async throws {
        var configuration = patient()
        configuration.maximumConnections = 5
        try await HTTPServerBench.run(configuration) { bench in
            var clients = (0..<5).map { _ in bench.client() }
            for client in clients {
                client.send(get("/x"))
                #expect(await client.response(endingWith: " 0\n").hasPrefix("HTTP/1.1 200"))
            }
            #expect(await bench.exchange(get("/x")).isEmpty)
            #expect(await bench.server.connectionCount == 5)
            clients[0].finishSending()
            #expect(await clients[0].receiveAll().isEmpty)
            clients.removeFirst()
            await bench.connections(4)
            let another = bench.client()
            another.send(get("/x"))
            #expect(await another.response(endingWith: " 0\n").hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test func whoConnectsAndDoesNotGoOnKeepsNobodyOut() async throws {
        var configuration = patient()
        configuration.maximumConnections = 16
        try await HTTPServerBench.run(configuration) { bench in
            let busy = bench.client()
            busy.send(get("/wait"))
            await bench.requests.wait { $0.count == 1 }
            var slow: [RawHTTPClient] = []
            for number in 0..<40 {
                let client = bench.client()
                client.send(number % 2 == 0 ? "GET /x HTTP/1.1\r\nHost:" : post("/x", "a", length: 2))
                slow.append(client)
                let other = bench.client()
                other.send(get("/x"))
                #expect(await other.response(endingWith: " 0\n").hasPrefix("HTTP/1.1 200"))
            }
            #expect(await bench.server.connectionCount <= 15)
            #expect(await slow[0].receiveAll().isEmpty, "the oldest made room")
            bench.open()
            #expect(
                await busy.response(endingWith: " 0\n").hasPrefix("HTTP/1.1 200"),
                "who is answered was not disturbed"
            )
        }
    }

    @Test(arguments: [false, true])
    func aRequestThatDoesNotArriveInTimeIsGivenUp(tls: Bool) async throws {
        var configuration = patient()
        configuration.requestDeadline = .milliseconds(200)
        try await HTTPServerBench.run(configuration, tls: tls) { bench in
            #expect(await bench.exchange("").isEmpty)
            guard !tls else { return }
            #expect(await bench.exchange("GET /x HTTP/1.1\r\nHost:").isEmpty)
            #expect(await bench.exchange(post("/x", "he", length: 5)).hasPrefix("HTTP/1.1 408 "))
            #expect(bench.requests.events.isEmpty)
            // A later request's body, too.
            let client = bench.client()
            client.send(get("/x"))
            #expect(await client.response(endingWith: "GET /x 0\n").hasPrefix("HTTP/1.1 200 "))
            client.send(post("/y", "he", length: 5))
            #expect(await client.receiveAll().hasPrefix("HTTP/1.1 408 "))
            #expect(bench.requests.events.map(\.path) == ["/x"])
        }
    }

    @Test func anIdleConnectionIsClosed() async throws {
        var configuration = patient()
        configuration.idleDeadline = .milliseconds(200)
        try await HTTPServerBench.run(configuration) { bench in
            #expect(await bench.exchange(get("/x")).hasSuffix("GET /x 0\n"))
            #expect(await bench.exchange(get("/x") + "GET /y HT").hasSuffix("GET /x 0\n"))
        }
    }

    @Test func aHandlerThatTakesTooLongIsCancelledAnd503Answered() async throws {
        var configuration = patient()
        configuration.handlerDeadline = .milliseconds(100)
        try await HTTPServerBench.run(configuration) { bench in
            // A handler whose time is over before it was begun is not begun.
            while bench.requests.events.isEmpty {
                #expect(await bench.exchange(get("/wait")).hasPrefix("HTTP/1.1 503 "))
            }
            await bench.cancelled.wait { $0.first == "/wait" }
        }
    }

    @Test(arguments: [false, true])
    func aClientThatLeavesCancelsItsHandler(pipelines: Bool) async throws {
        try await HTTPServerBench.run(patient()) { bench in
            var client: RawHTTPClient? = bench.client()
            client?.send(get("/wait") + (pipelines ? get("/next") : ""))
            await bench.requests.wait { $0.count == 1 }
            client = nil
            await bench.cancelled.wait { $0 == ["/wait"] }
            await bench.connections(0)
            #expect(bench.requests.events.count == 1)
        }
    }

    @Test(arguments: [false, true])
    func aClientThatDoesNotReadIsDropped(pipelines: Bool) async throws {
        var configuration = patient()
        configuration.writeDeadline = .milliseconds(300)
        try await HTTPServerBench.run(configuration) { bench in
            let client = RawHTTPClient(port: bench.port, receiveBuffer: 4_096)
            client.send(get("/large") + (pipelines ? get("/large") : ""))
            await bench.requests.wait { $0.count == 1 }
            await bench.connections(0)
            #expect(await client.countAll() < 16 << 20)
        }
    }

    @Test func aSlowReaderGetsItAll() async throws {
        try await HTTPServerBench.run(patient()) { bench in
            let client = RawHTTPClient(port: bench.port, receiveBuffer: 4_096)
            client.send(get("/large") + get("/large", "Connection: close\r\n"))
            await bench.requests.wait { !$0.isEmpty }
            #expect(await client.countAll() > 32 << 20)
        }
    }

    @Test func stoppingWithRequestsUnderWayCancelsThem() async throws {
        for shutsDown in [false, true] {
            var clients: [RawHTTPClient] = []
            var port: UInt16 = 0
            try await HTTPServerBench.run(patient()) { bench in
                port = bench.port
                clients = (0..<20).map { _ in bench.client() }
                for client in clients { client.send(get("/wait") + get("/x")) }
                clients += [bench.client()]
                clients.last?.send("GET /half")
                await bench.requests.wait { $0.count == 20 }
                if shutsDown { await bench.loop.shutdown() } else { await bench.server.stop() }
                await bench.cancelled.wait { $0.count == 20 }
                #expect(await bench.server.connectionCount == 0)
            }
            for client in clients { #expect(await client.receiveAll() == "") }
            #expect(await RawHTTPClient(port: port).receiveAll().isEmpty)
        }
    }

    @Test func cancellingTheServersTaskStopsIt() async throws {
        let loop = try EventLoop()
        let server = try await HTTPServer.listen(on: loop, .init()) { _ in HTTPResponse(status: 204) }
        let task = Task { await server.run() }
        let client = RawHTTPClient(port: await server.port)
        client.send(get("/"))
        #expect(await client.response(endingWith: "\r\n\r\n").hasPrefix("HTTP/1.1 204"))
        task.cancel()
        await task.value
        #expect(await client.receiveAll().isEmpty)
        await loop.shutdown()
    }

    @Test func aPortInUseIsRefused() async throws {
        let loop = try EventLoop()
        let silent = SilentListener()
        var configuration = HTTPServerConfiguration()
        configuration.port = silent.port
        await #expect(throws: TransportError.self) {
            _ = try await HTTPServer.listen(on: loop, configuration) { _ in HTTPResponse(status: 204) }
        }
        await loop.shutdown()
    }

    /// Whatever a client sends meanwhile, the loop sleeps while a handler works and while a client does not read.
    @Test func waitingCostsNoTime() async {
        await #expect(processExitsWith: .success) {
            var configuration = HTTPServerConfiguration()
            configuration.handlerDeadline = .seconds(1)
            configuration.writeDeadline = .seconds(1)
            try await HTTPServerBench.run(configuration) { bench in
                func spent() -> Double { Double(clock()) / Double(CLOCKS_PER_SEC) }
                for request in [get("/wait"), post("/wait", "abc"), get("/large"), post("/large", "abc")] {
                    let client = RawHTTPClient(port: bench.port, receiveBuffer: 4_096)
                    let before = spent()
                    client.send(request + get("/next"))
                    await bench.requests.wait { !$0.isEmpty }
                    client.send(get("/next"))
                    // One that waits is answered after a second.
                    let clock = request.contains("/wait") ? client : bench.client()
                    clock.send(request.contains("/wait") ? "" : get("/wait"))
                    _ = await clock.receiveAll()
                    guard spent() - before < 0.4 else { exit(1) }
                }
            }
        }
    }

    @Test func aThousandRequestsLeaveNothingBehind() async {
        await #expect(processExitsWith: .success) {
            try await HTTPServerBench.run { bench in
                func serve(_ times: Int) async {
                    for number in 0..<times {
                        let client = bench.client()
                        switch number % 4 {
                        case 0: client.send(get("/forgotten"))
                        case 1: client.send(post("/forgotten", String(repeating: "a", count: 70_000)))
                        case 2: client.send("nonsense\r\n\r\n")
                        default: client.send(post("/x", "half", length: 100))
                        }
                        client.finishSending()
                        _ = await client.receiveAll()
                    }
                    await bench.connections(0)
                }
                await serve(200)
                let before = try ProcessFigures.now()
                await serve(1_000)
                let after = try ProcessFigures.now()
                guard after.descriptors <= before.descriptors else { exit(1) }
                #if !SANITIZED
                    guard after.residentKiB <= before.residentKiB + 2_048 else { exit(2) }
                #endif
            }
        }
    }
}

extension HTTPServerBench {
    /// Waits until the server has `count` connections.
    func connections(_ count: Int) async {
        while await server.connectionCount != count { await Task.yield() }
    }
}
