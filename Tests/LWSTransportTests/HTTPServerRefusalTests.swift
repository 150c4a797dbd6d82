import BotFoundation
import LWSTransport
import TestSupport
import Testing

/// Requests that the HTTP server gives up, and what it then still owes.
@Suite(.timeLimit(.minutes(10)))
struct HTTPServerRefusalTests {
    /// A server whose handlers heed no cancellation and stay until they are let go.
    private final class Stubborn: Sendable {
        let isOpen = Locked(false)
        let handled = EventRecorder<String>()

        func handle(_ request: HTTPRequest) async -> HTTPResponse {
            handled.record(request.path)
            while request.path == "/stay", !isOpen.withLock({ $0 }) { await Task.yield() }
            return HTTPResponse(status: 200, text: "done\n")
        }

        func listen(on loop: EventLoop, handlers: Int) async throws -> HTTPServer {
            var configuration = HTTPServerConfiguration()
            configuration.maximumHandlers = handlers
            configuration.handlerDeadline = .seconds(3_600)
            return try await HTTPServer.listen(on: loop, configuration) { await self.handle($0) }
        }
    }

    private func exchange(_ server: HTTPServer, _ path: String) async -> String {
        let client = RawHTTPClient(port: await server.port)
        client.send(get(path, "Connection: close\r\n"))
        return await client.receiveAll()
    }

    @Test func handlersThatHeedNoCancellationAreBounded() async throws {
        let (loop, stubborn) = (try EventLoop(), Stubborn())
        let server = try await stubborn.listen(on: loop, handlers: 2)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await server.run() }
            for count in 1...2 {
                let client = RawHTTPClient(port: await server.port)
                client.send(get("/stay"))
                await stubborn.handled.wait { $0.count == count }
            }
            while await server.connectionCount != 0 { await Task.yield() }
            #expect(await exchange(server, "/next").hasPrefix("HTTP/1.1 503 "))
            #expect(stubborn.handled.events == ["/stay", "/stay"])
            stubborn.isOpen.withLock { $0 = true }
            var answer = "503"
            while answer.contains("503") { answer = await exchange(server, "/next") }
            #expect(answer.hasPrefix("HTTP/1.1 200 "))
            await server.stop()
            try await group.waitForAll()
        }
        await loop.shutdown()
    }

    @Test func aRequestThatWasGivenUpBeforeItsTurnIsNotHandled() async throws {
        let (loop, stubborn) = (try EventLoop(), Stubborn())
        let server = try await stubborn.listen(on: loop, handlers: 2)
        do {
            let client = RawHTTPClient(port: await server.port)
            client.send(get("/given-up"))
            while await server.connectionCount == 0 { await Task.yield() }
        }
        while await server.connectionCount != 0 { await Task.yield() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await server.run() }
            #expect(await exchange(server, "/next").hasPrefix("HTTP/1.1 200 "))
            #expect(await exchange(server, "/next").hasPrefix("HTTP/1.1 200 "))
            #expect(stubborn.handled.events == ["/next", "/next"])
            await server.stop()
            try await group.waitForAll()
        }
        await loop.shutdown()
    }

    /// A reset may overtake the answer.
    @Test(arguments: [200_000, 250_000])
    func aBodyThatIsTooLargeIsReadSoThatTheAnswerArrives(size: Int) async throws {
        var configuration = HTTPServerConfiguration()
        configuration.maximumBodyBytes = 100
        try await HTTPServerBench.run(configuration) { bench in
            let client = bench.client()
            client.send(post("/x", "", length: size))
            _ = await client.receive { $0.contains("\r\n\r\n") }
            // Only now comes the body, which a connection that is closed would answer with a reset.
            #expect(client.send([UInt8](repeating: 65, count: size)))
            await bench.connections(0)
            #expect(await client.receiveToTheEnd().isInOrder)
        }
    }

    @Test func aBodyThatNeverEndsIsNotReadForEver() async throws {
        var configuration = HTTPServerConfiguration()
        configuration.maximumBodyBytes = 100
        configuration.writeDeadline = .seconds(3_600)
        try await HTTPServerBench.run(configuration) { bench in
            let (silent, eager) = (bench.client(), bench.client())
            silent.send(post("/x", "a", length: 1_000_000))
            eager.send(post("/x", String(repeating: "a", count: 900_000), length: 1_000_000_000))
            #expect(await silent.receiveAll().hasPrefix("HTTP/1.1 413 "))
            await bench.connections(0)
        }
    }
}
