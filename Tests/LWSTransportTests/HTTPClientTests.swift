import BotCrypto
import BotFoundation
import LWSTransport
import TestSupport
import Testing

/// What an HTTP client sends and gets.
@Suite(.timeLimit(.minutes(10)))
struct HTTPClientTests {
    private func run(tls: Bool, _ body: (HTTPServerBench, HTTPClient, String) async throws -> Void) async throws {
        try await HTTPServerBench.run(tls: tls) { bench in
            var configuration = patientClient()
            configuration.maximumBodyBytes = 16 << 20
            if let authority = bench.authority { configuration.trust = .pem(authority.certificatePEM) }
            let client = HTTPClient(loop: bench.loop, configuration: configuration)
            try await body(bench, client, "\(tls ? "https" : "http")://localhost:\(bench.port)")
        }
    }

    @Test(arguments: [false, true])
    func aRequestIsAnswered(tls: Bool) async throws {
        try await run(tls: tls) { bench, client, base in
            let response = try await client.send(HTTPClientRequest(url: "\(base)/a%20b?x=%E4%BD%A0"))
            #expect(response.status == 200)
            #expect(response.header("content-type") == "text/plain; charset=utf-8")
            #expect(response.header("CONTENT-LENGTH") == "23")
            let body = try await response.body.bytes()
            #expect(String(decoding: body, as: UTF8.self) == "GET /a b?x=%E4%BD%A0 0\n")
            #expect(bench.requests.events.first?.headers["user-agent"] == "swift-wecom-bot")
            #expect(bench.requests.events.first?.headers["host"] == "localhost:\(bench.port)")
        }
    }

    @Test(arguments: [false, true])
    func aBodyIsSent(tls: Bool) async throws {
        try await run(tls: tls) { bench, client, base in
            for size in [0, 1, 100, 16_384, 3 << 20] {
                let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
                let headers = [(name: "Content-Type", value: "application/json")]
                let request = HTTPClientRequest(method: "POST", url: "\(base)/p", headers: headers, body: body)
                #expect(await client.outcome(request).text == "POST /p \(size)\n")
                #expect(bench.requests.events.last?.body == body)
                #expect(bench.requests.events.last?.headers["content-type"] == "application/json")
            }
        }
    }

    @Test(arguments: [false, true])
    func aLargeBodyIsReceived(tls: Bool) async throws {
        try await run(tls: tls) { _, client, base in
            let outcome = await client.outcome("\(base)/large")
            #expect(outcome.error == nil && outcome.body.count == 16 << 20 && outcome.body.allSatisfy { $0 == 65 })
        }
    }

    @Test func whatHasNoBodyEndsAtOnce() async throws {
        try await run(tls: false) { _, client, base in
            let head = await client.outcome(HTTPClientRequest(method: "HEAD", url: "\(base)/large"))
            #expect(head.status == 200 && head.body.isEmpty && head.error == nil)
            #expect(head.headers.contains { $0.name.lowercased() == "content-length" && $0.value == "\(16 << 20)" })
            let empty = await client.outcome("\(base)/empty")
            #expect(empty.status == 204 && empty.body.isEmpty && empty.error == nil)
        }
    }

    @Test func manyRequestsAtOnce() async throws {
        try await run(tls: true) { _, client, base in
            let texts = await withTaskGroup(of: String.self) { group in
                for number in 0..<50 { group.addTask { await client.outcome("\(base)/\(number)").text } }
                return await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(texts == Set((0..<50).map { "GET /\($0) 0\n" }))
        }
    }

    /// What is on the wire, byte by byte.
    @Test func theRequestIsAsItShouldBe() async throws {
        let heads = EventRecorder<String>()
        let server = ScriptedServer { connection in
            heads.record(connection.readHead())
            connection.send(
                "HTTP/1.1 302 Found\r\nLocation: /b\r\nSet-Cookie: a\r\nset-cookie: b\r\nContent-Length: 0\r\n\r\n"
            )
        }
        let response = try await outcome(
            HTTPClientRequest(
                url: "http://127.0.0.1:\(server.port)?q=1",
                headers: [("X-One", "你好"), ("x-one", "a\tb"), ("User-Agent", "test")]
            )
        )
        #expect(
            heads.events == [
                "GET /?q=1 HTTP/1.1\r\nhost: 127.0.0.1:\(server.port)\r\nconnection: close\r\naccept: */*\r\n"
                    + "accept-encoding: identity\r\nX-One: 你好\r\nx-one: a\tb\r\nUser-Agent: test\r\n\r\n"
            ],
            "and a redirect is not followed"
        )
        #expect(response.status == 302)
        #expect(response.headers.map(\.value) == ["/b", "a", "b", "0"])
    }

    @Test(
        arguments: [
            ("", []), ("ftp://a", []), ("http://", []), ("http://a b", []), ("http://user@a", []), ("http://a/#x", []),
            ("http://a/\r\nX: y", []), ("http://你好", []), ("http://a/" + String(repeating: "x", count: 8_000), []),
            ("http://a", [("X", "a\r\nb")]), ("http://a", [("X", "a\u{0}")]), ("http://a", [("X Y", "a")]),
            ("http://a", [("", "a")]),
            ("http://a", [("X\r\nY", "a")]), ("http://a", [("Host", "b")]), ("http://a", [("content-length", "1")]),
            ("http://a", [("Transfer-Encoding", "chunked")]), ("http://a", [("CONNECTION", "keep-alive")]),
        ] as [(String, [(String, String)])]
    )
    func whatCannotBeSentIsRefused(url: String, headers: [(String, String)]) async throws {
        let request = HTTPClientRequest(url: url, headers: headers.map { (name: $0.0, value: $0.1) })
        let error = try await outcome(request, lookUp: { _ in .success(["127.0.0.1"]) }).error
        #expect(error?.code == .invalidRequest)
        #expect(error?.message.contains("keep-alive") == false)
    }

    @Test(arguments: ["get", "", "CONNECT", "GET /x HTTP/1.1\r\nX:", "GÈT"])
    func aMethodThatCannotBeSentIsRefused(method: String) async throws {
        let request = HTTPClientRequest(method: method, url: "http://127.0.0.1:\(unusedPort())")
        #expect(try await outcome(request).error?.code == .invalidRequest)
    }

    @Test func thePathHasALimit() async throws {
        let server = ScriptedServer(answering: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        let path = "/" + String(repeating: "x", count: 7_999)
        #expect(try await outcome("http://127.0.0.1:\(server.port)\(path)").status == 200)
    }
}
