import BotCrypto
import BotFoundation
import Glibc
import LWSTransport
import TestSupport
import Testing

/// Servers that misbehave: each ends with its error, and in time.
@Suite(.timeLimit(.minutes(10)))
struct HTTPClientLimitTests {
    private func limited(_ change: (inout HTTPClientConfiguration) -> Void) -> HTTPClientConfiguration {
        var configuration = patientClient()
        change(&configuration)
        return configuration
    }

    // MARK: - Time

    @Test func connectingHasADeadline() async throws {
        let short = limited { $0.connectDeadline = .milliseconds(200) }
        let full = SilentListener(fillBacklog: true)
        #expect(try await outcome("http://127.0.0.1:\(full.port)", short).error?.code == .connectTimeout)
        let silent = SilentListener()
        #expect(try await outcome("https://127.0.0.1:\(silent.port)", short).error?.code == .tlsTimeout)
        let (blocked, passed) = (ThreadGate(), EventRecorder<Void>())
        let resolving = try await outcome(
            "http://name.test",
            short,
            lookUp: { _ in
                blocked.pass()
                passed.record(())
                return .success([])
            }
        )
        #expect(resolving.error?.code == .resolveTimeout)
        blocked.open()
        await passed.wait { !$0.isEmpty }
    }

    @Test func theFirstByteHasADeadline() async throws {
        let short = limited { $0.firstByteDeadline = .milliseconds(200) }
        let server = ScriptedServer { connection in
            _ = connection.readHead()
            connection.waitForEnd()
        }
        #expect(try await outcome("http://127.0.0.1:\(server.port)", short).error?.code == .firstByteTimeout)
        await server.ended.wait { !$0.isEmpty }
    }

    @Test(arguments: [
        "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 200 OK\r\nX:", "HTTP/1.1 200 OK\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ])
    func aServerThatStopsIsGivenUp(answer: String) async throws {
        let short = limited { $0.idleDeadline = .milliseconds(200) }
        let server = ScriptedServer { connection in
            _ = connection.readHead()
            connection.send(answer)
            connection.waitForEnd()
        }
        let outcome = try await outcome("http://127.0.0.1:\(server.port)", short)
        #expect(outcome.error?.code == .idleTimeout && outcome.text == (answer.contains("abc") ? "abc" : ""))
        await server.ended.wait { !$0.isEmpty }
    }

    @Test func aServerThatTakesNoRequestIsGivenUp() async throws {
        let short = limited { $0.idleDeadline = .milliseconds(200) }
        let silent = SilentListener()
        let body = [UInt8](repeating: 65, count: 16 << 20)
        let request = HTTPClientRequest(method: "POST", url: "http://127.0.0.1:\(silent.port)", body: body)
        #expect(try await outcome(request, short).error?.code == .idleTimeout)
    }

    @Test(arguments: ["HTTP/1.1 200 OK\r\nX: ", "HTTP/1.1 200 OK\r\n\r\n"])
    func theWholeHasADeadline(beginning: String) async throws {
        let short = limited { $0.overallDeadline = .milliseconds(300) }
        let server = ScriptedServer { connection in
            _ = connection.readHead()
            connection.send(beginning)
            while connection.send("a") { usleep(10_000) }
        }
        #expect(try await outcome("http://127.0.0.1:\(server.port)", short).error?.code == .overallTimeout)
        await server.ended.wait { !$0.isEmpty }
    }

    /// The reader's slowness is not the server's.
    @Test func whileTheReaderIsBehindNoIdleTimeRuns() async throws {
        let short = limited {
            $0.idleDeadline = .milliseconds(100)
            $0.maximumBodyBytes = 8 << 20
        }
        let loop = try EventLoop()
        let server = ScriptedServer { connection in
            _ = connection.readHead()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(8 << 20)\r\n\r\n")
            connection.send([UInt8](repeating: 65, count: 8 << 20))
        }
        let response = try await HTTPClient(loop: loop, configuration: short)
            .send(HTTPClientRequest(url: "http://127.0.0.1:\(server.port)"))
        let waited = EventRecorder<Void>()
        await loop.onLoop {
            loop.assumeIsolated { _ = $0.schedule(at: .now + .milliseconds(500)) { waited.record(()) } }
        }
        await waited.wait { !$0.isEmpty }
        #expect(try await response.body.bytes().count == 8 << 20)
        await loop.shutdown()
    }

    // MARK: - Size

    @Test(arguments: [0, 1])
    func headAndBodyHaveLimits(over: Int) async throws {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
        let server = ScriptedServer(answering: head + String(repeating: "a", count: 100_000))
        let small = limited { $0.maximumHeaderBytes = head.utf8.count - over }
        let headOutcome = try await outcome("http://127.0.0.1:\(server.port)", small)
        #expect(headOutcome.error?.code == (over == 0 ? nil : .headersTooLarge))
        let short = limited { $0.maximumBodyBytes = 100_000 - over }
        let bodyOutcome = try await outcome("http://127.0.0.1:\(server.port)", short)
        #expect(bodyOutcome.error?.code == (over == 0 ? nil : .bodyTooLarge))
        #expect(bodyOutcome.body.count == (over == 0 ? 100_000 : 0) && !(bodyOutcome.isLate && over == 1))
    }

    @Test(arguments: ["", "Transfer-Encoding: chunked\r\n"])
    func aBodyWithoutEndIsCutOff(header: String) async throws {
        let server = ScriptedServer { connection in
            _ = connection.readHead()
            connection.send("HTTP/1.1 200 OK\r\n\(header)\r\n")
            let data = String(repeating: "a", count: 4_096)
            while connection.send(header.isEmpty ? data : "1000\r\n\(data)\r\n") {}
        }
        let outcome = try await outcome("http://127.0.0.1:\(server.port)", limited { $0.maximumBodyBytes = 1 << 20 })
        #expect(outcome.error?.code == .bodyTooLarge && outcome.body.count <= 1 << 20 && outcome.isLate)
        await server.ended.wait { !$0.isEmpty }
    }

    @Test(arguments: ["X: a\r\n", "a", "\u{0}\u{1}", "HTTP/1.1 100 Continue\r\n\r\n"])
    func aHeadWithoutEndIsCutOff(piece: String) async throws {
        let server = ScriptedServer { connection in
            _ = connection.readHead()
            if piece.hasPrefix("X") { connection.send("HTTP/1.1 200 OK\r\n") }
            while connection.send(String(repeating: piece, count: 100)) {}
        }
        let error = try await outcome("http://127.0.0.1:\(server.port)").error
        #expect(error?.code == (piece.hasPrefix("X") || piece.hasPrefix("H") ? .headersTooLarge : .invalidResponse))
    }

    // MARK: - Endings

    @Test(arguments: [
        "", "H", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n", "HTTP/1.1 100 Continue\r\n\r\n",
    ])
    func aServerThatBreaksOffIsNeverBelieved(answer: String) async throws {
        let server = ScriptedServer(answering: answer)
        let outcome = try await outcome("http://127.0.0.1:\(server.port)")
        #expect(outcome.error?.code == .incomplete && outcome.text == (answer.contains("abcd") ? "abcd" : ""))
    }

    @Test func aBodyWithoutALengthMustEndInOrder() async throws {
        for isReset in [false, true] {
            let seen = ThreadGate()
            let server = ScriptedServer { connection in
                _ = connection.readHead()
                connection.send("HTTP/1.1 200 OK\r\n\r\nabc")
                seen.pass()
                if isReset { connection.reset() }
            }
            let loop = try EventLoop()
            let response = try await HTTPClient(loop: loop, configuration: patientClient())
                .send(HTTPClientRequest(url: "http://127.0.0.1:\(server.port)"))
            var iterator = response.body.makeAsyncIterator()
            #expect(try await iterator.next() == Array("abc".utf8))
            seen.open()
            do throws(HTTPClientError) {
                #expect(try await iterator.next() == nil && !isReset)
            } catch {
                #expect(error.code == .incomplete && isReset)
            }
            await loop.shutdown()
        }
    }

    /// Without TLS's own end, somebody on the way may have cut it.
    @Test func aBodyWithoutALengthThatIsCutOffUnderTLSIsNotWhole() async throws {
        for isCut in [false, true] {
            let server = try await TLSCommand()
            defer { server.kill() }  // and not before
            try server.send("HTTP/1.0 200 OK\r\n\r\nabc")
            let loop = try EventLoop()
            let configuration = limited { $0.trust = .pem(server.authority.certificatePEM) }
            let response = try await HTTPClient(loop: loop, configuration: configuration)
                .send(HTTPClientRequest(url: "https://localhost:\(server.port)"))
            var iterator = response.body.makeAsyncIterator()
            #expect(try await iterator.next() == Array("abc".utf8))
            if isCut { server.kill() } else { try server.finish() }
            do throws(HTTPClientError) {
                #expect(try await iterator.next() == nil && !isCut)
            } catch {
                #expect(error.code == .incomplete && isCut)
            }
            await loop.shutdown()
        }
    }

    @Test(arguments: [
        "SSH-2.0-x\r\n", "\u{15}\u{3}\u{1}\u{0}", "HTTP/1.1 OK\r\n\r\n", "HTTP/1.1 101 Switching\r\n\r\n",
    ])
    func whatIsNotHTTPIsTold(answer: String) async throws {
        let server = ScriptedServer(answering: answer)
        #expect(try await outcome("http://127.0.0.1:\(server.port)").error?.code == .invalidResponse)
    }

    @Test func anAnswerMayComeBeforeTheRequestIsSent() async throws {
        let server = ScriptedServer { connection in
            _ = connection.readHead()
            connection.send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
            connection.waitForEnd()
        }
        let body = [UInt8](repeating: 65, count: 16 << 20)
        let request = HTTPClientRequest(method: "POST", url: "http://127.0.0.1:\(server.port)/你".escaped, body: body)
        let outcome = try await outcome(request)
        #expect(outcome.status == 413 && outcome.text == "no" && outcome.error == nil)
    }

    /// A URL may be signed.
    @Test func noMessageRepeatsThePath() async throws {
        let short = limited {
            $0.firstByteDeadline = .milliseconds(50)
            $0.isAllowed = { $0.port != 1 }
        }
        let (silent, garbage) = (SilentListener(), ScriptedServer(answering: "garbage"))
        for port in [silent.port, garbage.port, unusedPort(), 1] {
            let error = try await outcome("http://127.0.0.1:\(port)/gate?token=hunter2", short).error
            #expect(error.map { !"\($0)".contains("hunter2") } == true)
        }
    }
}

extension String {
    /// As it may stand in a URL.
    fileprivate var escaped: String {
        utf8.map { $0 < 0x80 ? String(UnicodeScalar($0)) : "%" + String($0, radix: 16) }.joined()
    }
}
