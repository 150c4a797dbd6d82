import BotCrypto
import BotFoundation
import Glibc
import LWSTransport
import TestSupport
import Testing

/// What the HTTP server understands and answers.
@Suite(.timeLimit(.minutes(10)))
struct HTTPServerTests {
    @Test func aRequestInOddPiecesIsOneRequest() async throws {
        try await HTTPServerBench.run { bench in
            let client = bench.client()
            let text =
                "POST /%E4%BD%A0%20b/../c?x=1&y=a%2Bb%26+c HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\n"
                + "X-Other: no\r\nContent-Length: 6\r\n\r\n你好"
            var rest = Array(text.utf8)[...]
            for size in [1, 9, 45, 70, 1, .max] {
                client.send(Array(rest.prefix(size)))
                rest = rest.dropFirst(size)
                await bench.loop.onLoop {}  // between two pieces the loop may read the one before
            }
            #expect(await client.response(endingWith: " 6\n").hasPrefix("HTTP/1.1 200 OK\r\n"))
            let request = bench.requests.events.first
            #expect(request?.path == "/c")
            #expect(request?.query == "x=1&y=a%2Bb%26%20c")
            #expect(request?.headers == ["host": "x", "content-type": "text/xml"])
            #expect(request?.body == Array("你好".utf8))
        }
    }

    @Test func drainingLetsAResponseBeSentAndDropsWhoWaits() async throws {
        try await HTTPServerBench.run { bench in
            let (idle, partial, busy) = (bench.client(), bench.client(), bench.client())
            partial.send("GET /x HTT")
            busy.send(get("/wait"))
            await bench.requests.wait { $0.count == 1 }
            async let drained: Void = bench.server.drain(within: .seconds(60))
            #expect(await idle.receiveAll() == "")
            #expect(await partial.receiveAll() == "")
            bench.open()
            #expect(await busy.receiveAll().hasSuffix("GET /wait 0\n"))
            await drained
            #expect(await bench.server.connectionCount == 0)
        }
    }

    @Test func drainingEndsInTime() async throws {
        try await HTTPServerBench.run { bench in
            let busy = bench.client()
            busy.send(get("/wait"))
            await bench.requests.wait { $0.count == 1 }
            await bench.server.drain(within: .milliseconds(50))
            #expect(await bench.server.connectionCount == 1)
            await bench.server.stop()
            #expect(await busy.receiveAll() == "")
        }
    }

    @Test func aClientMaySendItsNextRequestAsSoonAsItHasTheResponse() async throws {
        try await HTTPServerBench.run { bench in
            // Several at once, so that the library is never idle.
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<16 {
                    group.addTask {
                        let client = bench.client()
                        for number in 0..<100 {
                            client.send(post("/\(number)", "abc"))
                            let end = "POST /\(number) 3\n"
                            let text = await client.response(endingWith: end)
                            #expect(text.hasPrefix("HTTP/1.1 200") && text.hasSuffix(end))
                        }
                    }
                }
            }
        }
    }

    /// The next request comes as soon as the response before it can be read.
    @Test(arguments: [false, true])
    func aConnectionServesManyRequests(tls: Bool) async throws {
        try await HTTPServerBench.run(tls: tls) { bench in
            guard tls else {
                let client = bench.client()
                for number in 0..<500 {
                    client.send(number.isMultiple(of: 5) ? get("/\(number)") : post("/\(number)", "abc"))
                    let end = number.isMultiple(of: 5) ? "GET /\(number) 0\n" : "POST /\(number) 3\n"
                    #expect(await client.response(endingWith: end).hasSuffix(end))
                }
                #expect(await bench.server.connectionCount == 1)
                return
            }
            guard access("/usr/bin/curl", X_OK) == 0 else { return }
            let urls = (0..<200).map { "https://localhost:\(bench.port)/\($0)" }
            let answers = try await Curl.run(urls + ["-d", "hello"], trusting: bench.authority)
            #expect(answers == (0..<200).map { "POST /\($0) 5\n" }.joined())
        }
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
        try await HTTPServerBench.run { bench in
            let client = bench.client()
            client.send(get("/wait") + get("/2") + get("/3"))
            await bench.requests.wait { $0.count == 1 }
            client.send(get("/4"))
            bench.open()
            let answers = await client.response(endingWith: "GET /4 0\n")
            let bodies = answers.split(separator: "\r\n").filter { $0.hasPrefix("GET") }.map {
                $0.split(separator: "\n")[0]
            }
            #expect(bodies == ["GET /wait 0", "GET /2 0", "GET /3 0", "GET /4 0"])
        }
    }

    /// libwebsockets 4.1 would read its body from the wrong place, and then for ever.
    @Test func aPipelinedRequestWithABodyEndsTheConnection() async throws {
        try await HTTPServerBench.run { bench in
            for first in [get("/1"), post("/1", "abc")] {
                let answers = await bench.exchange(first + post("/2", "hello") + post("/3", "x"))
                #expect(answers.contains(" /1 ") && answers.contains(" 503 "))
            }
            #expect(bench.requests.events.map(\.path) == ["/1", "/1"])
            let client = bench.client()
            client.send(post("/4", "abc"))
            #expect(await client.response(endingWith: "POST /4 3\n").hasPrefix("HTTP/1.1 200"))
        }
    }

    /// Nor with a request before it that the library itself refuses.
    @Test func aPipelinedRequestWithABodyBehindAnUpgradeEndsTheConnection() async throws {
        try await HTTPServerBench.run { bench in
            let upgrade = "GET /1 HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: a\r\n\r\n"
            let answers = await bench.exchange(upgrade + post("/2", "hello"))
            #expect(answers.hasPrefix("HTTP/1.0 501"), "\(answers)")
            #expect(bench.requests.events.isEmpty)
            let client = bench.client()
            client.send(post("/4", "abc"))
            #expect(await client.response(endingWith: "POST /4 3\n").hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test func headIsAnsweredWithoutABody() async throws {
        try await HTTPServerBench.run { bench in
            let client = bench.client()
            client.send("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n" + get("/b"))
            let answers = await client.response(endingWith: "GET /b 0\n")
            #expect(answers.contains("content-length: 10\r\n\r\nHTTP/1.1 200"))
            client.send(get("/empty") + get("/b"))
            let empty = await client.response(endingWith: "GET /b 0\n")
            #expect(empty.hasPrefix("HTTP/1.1 204 \r\n\r\nHTTP/1.1 200"), "\(empty)")
        }
    }

    @Test(arguments: [
        ("PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 405),
        ("DELETE /x HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        // What libwebsockets does not know or cannot parse it answers itself.
        ("BREW /x HTTP/1.1\r\nHost: x\r\n\r\n", 403),
        ("\u{16}\u{3}\u{1}\r\n\r\n", 403),
        ("GET x HTTP/1.1\r\n\r\n", 403),
        ("GET /%zz HTTP/1.1\r\n\r\n", 403),
        ("POST /x HTTP/1.1\r\nHost: x\r\n\r\n", 411),
        ("POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 501),
        ("GET /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello", 501),
        ("POST /x HTTP/1.1\r\nContent-Length: -5\r\n\r\nhello", 400),
        ("POST /x HTTP/1.1\r\nContent-Length: 5x\r\n\r\nhello", 400),
        ("POST /x HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\nhello", 400),
        ("POST /x HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400),
        ("GET /%00x HTTP/1.1\r\n\r\n", 400),
        ("GET /%ff HTTP/1.1\r\n\r\n", 400),
        ("GET /x HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: a\r\n\r\n", 501),
        ("GET /x HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AA\r\n\r\n", 501),
    ])
    func whatCannotBeHandledIsRefused(request: String, status: Int) async throws {
        try await HTTPServerBench.run { bench in
            let answer = await bench.exchange(request)
            #expect(answer.split(separator: " ").dropFirst().first == "\(status)", "\(answer)")
            #expect(bench.requests.events.isEmpty)
        }
    }

    @Test func aTunnelIsNotMade() async throws {
        try await HTTPServerBench.run { bench in
            #expect(await bench.exchange("CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n").isEmpty)
        }
        let loop = try EventLoop()
        let server = try await EchoServer(on: loop)
        let client = RawHTTPClient(port: server.port)
        client.send("CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(await client.receiveAll().isEmpty)
        await loop.shutdown()
    }

    /// A header that a handler took from somewhere must not become two.
    /// They would contradict what the server writes itself, and a client would find the end where there is none.
    @Test(arguments: ["Content-Length", "transfer-encoding", "Connection", "a/b", ""])
    func aHeaderThatIsNotTheHandlersIsRefusedAndLogged(name: String) async throws {
        let capture = LogCapture()
        var configuration = HTTPServerConfiguration()
        configuration.log = capture.log
        try await HTTPServerBench.run(configuration) { bench in
            let answer = await bench.exchange(get("/header?\(name)", "Connection: close\r\n"))
            #expect(answer.hasPrefix("HTTP/1.1 500 ") && answer.hasSuffix("content-length: 0\r\n\r\n"), "\(answer)")
            #expect(capture.messages(from: .error).count == 1)
            #expect(await bench.exchange(get("/header?x", "Connection: close\r\n")).hasPrefix("HTTP/1.1 200 "))
            #expect(capture.messages(from: .error).count == 1)
        }
    }

    @Test(arguments: ["/split", "/status"])
    func aResponseThatCannotBeSentIs500(path: String) async throws {
        try await HTTPServerBench.run { bench in
            let client = bench.client()
            client.send(get(path) + get("/b"))
            let answers = await client.response(endingWith: "GET /b 0\n")
            #expect(answers.hasPrefix("HTTP/1.1 500 ") && !answers.contains("cookie"))
        }
    }

    @Test func oneHTTP10RequestClosesTheConnection() async throws {
        try await HTTPServerBench.run { bench in
            #expect(await bench.exchange("GET /x HTTP/1.0\r\n\r\n").hasSuffix("GET /x 0\n"))
            #expect(await bench.exchange(get("/x", "Connection: close\r\n")).hasSuffix("GET /x 0\n"))
        }
    }

    @Test func aClientThatExpectsToContinueIsToldTo() async throws {
        try await HTTPServerBench.run { bench in
            let client = bench.client()
            client.send("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
            #expect(await client.response(endingWith: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
            client.send("hello")
            #expect(await client.response(endingWith: " 5\n").hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test func twoHundredSlowHandlersDoNotWaitForOneAnother() async throws {
        try await HTTPServerBench.run { bench in
            let clients = (0..<200).map { _ in bench.client() }
            for client in clients { client.send(get("/wait")) }
            await bench.requests.wait { $0.count == 200 }
            // The loop and a handler that does not wait are as quick as ever.
            let quick = bench.client()
            quick.send(get("/quick"))
            #expect(await quick.response(endingWith: "GET /quick 0\n").hasPrefix("HTTP/1.1 200"))
            bench.open()
            for client in clients {
                #expect(await client.response(endingWith: "GET /wait 0\n").hasPrefix("HTTP/1.1 200"))
            }
        }
    }

    @Test func curlIsServedWithTLS() async throws {
        guard access("/usr/bin/curl", X_OK) == 0 else { return }
        try await HTTPServerBench.run(tls: true) { bench in
            let url = "https://localhost:\(bench.port)/a?b=%E5%AD%97"
            let answer = try await Curl.run([url, url, "-d", "hello"], trusting: bench.authority)
            #expect(answer == "POST /a?b=%E5%AD%97 5\nPOST /a?b=%E5%AD%97 5\n")
            let large = try await Curl.run([url, "--data-binary", "@-"], trusting: bench.authority, input: 3 << 20)
            #expect(large == "POST /a?b=%E5%AD%97 \(3 << 20)\n")
            let refused = try await Curl.run(
                [url, "-i", "--data-binary", "@-"],
                trusting: bench.authority,
                input: 5 << 20
            )
            #expect(refused.contains(" 413 "))
            #expect(bench.requests.events.count == 3)
        }
    }
}
