import BotCrypto
import BotFoundation
import Glibc
import LWSTransport
import TestSupport
import Testing

/// Whom an HTTP client connects to, through what, and whom it trusts.
@Suite(.timeLimit(.minutes(10)))
struct HTTPClientReachTests {
    private func asking(
        _ asked: EventRecorder<SocketAddress> = .init(),
        _ isAllowed: @escaping @Sendable (SocketAddress) -> Bool
    ) -> HTTPClientConfiguration {
        var configuration = patientClient()
        configuration.isAllowed = { address in
            asked.record(address)
            return isAllowed(address)
        }
        return configuration
    }

    @Test(arguments: ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "name.test"])
    func anAddressThatIsNotAllowedIsNotDialled(host: String) async throws {
        let reached = EventRecorder<Void>()
        let server = ScriptedServer { _ in reached.record(()) }
        let asked = EventRecorder<SocketAddress>()
        let error = try await outcome(
            "http://\(host):\(server.port)",
            asking(asked) { _ in false },
            lookUp: { _ in .success(["127.0.0.1", "127.0.0.2"]) }
        ).error
        #expect(error?.code == .addressNotAllowed)
        #expect(error?.address == asked.events.first && error?.address?.port == server.port)
        #expect(error?.address?.bytes.suffix(1) == [1] && reached.events.isEmpty)
        #expect(asked.events.count == (host == "name.test" ? 2 : 1))
        let size = host.hasPrefix("[") ? 16 : 4
        #expect(error?.address?.bytes.count == size)
    }

    @Test func anAllowedAddressBesideOthersIsDialled() async throws {
        let server = ScriptedServer(answering: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        let asked = EventRecorder<SocketAddress>()
        let allowed = try await outcome(
            "http://name.test:\(server.port)",
            asking(asked) { $0.host == "127.0.0.1" },
            lookUp: { _ in .success(["127.0.0.2", "127.0.0.1", "10.0.0.1", "fe80::1%lo"]) }
        )
        #expect(allowed.status == 200 && allowed.error == nil)
        #expect(Set(asked.events.map(\.host)) == ["127.0.0.2", "127.0.0.1", "10.0.0.1", "fe80::1%lo"])
    }

    @Test func whatANameHasNoAddressForCannotBeReached() async throws {
        let lookUps: [Resolver.LookUp] = [
            { _ in .success([]) }, { _ in .success(["garbage"]) }, { _ in .failure(.init(.resolveFailed, "none")) },
        ]
        for lookUp in lookUps {
            #expect(try await outcome("http://name.test", lookUp: lookUp).error?.code == .resolveFailed)
        }
        #expect(try await outcome("http://127.0.0.1:\(unusedPort())").error?.code == .connectFailed)
    }

    @Test func addressesThatDoNotAnswerDoNotHoldTheOthersUp() async throws {
        let dead = SilentListener(fillBacklog: true)
        var server = HTTPServerConfiguration()
        server.host = "127.0.0.2"
        server.port = dead.port
        try await HTTPServerBench.run(server) { bench in
            let outcome = try await outcome(
                "http://name.test:\(bench.port)/x",
                lookUp: { _ in .success(["127.0.0.1", "127.0.0.3", "127.0.0.1", "127.0.0.2"]) }
            )
            #expect(outcome.text == "GET /x 0\n" && bench.requests.events.count == 1)
        }
    }

    // MARK: - Proxy

    @Test(arguments: [false, true], ["", "%E4%BD%A0:p%40ss@"])
    func aProxyIsGoneThrough(tls: Bool, user: String) async throws {
        try await HTTPServerBench.run(tls: tls) { bench in
            let proxy = TestProxy(.tunnel(to: bench.port))
            var configuration = patientClient()
            configuration.proxy = try Proxy("http://\(user)127.0.0.1:\(proxy.port)")
            if let authority = bench.authority { configuration.trust = .pem(authority.certificatePEM) }
            // The name is the proxy's to resolve.
            let outcome = try await outcome(
                "\(tls ? "https" : "http")://localhost:\(bench.port)/x",
                configuration,
                lookUp: { _ in .failure(.init(.resolveFailed, "none")) }
            )
            #expect(outcome.text == "GET /x 0\n")
            let head = proxy.requests.events.first ?? ""
            #expect(head.hasPrefix("CONNECT localhost:\(bench.port) HTTP/1.1\r\nhost: localhost:\(bench.port)\r\n"))
            #expect(head.contains("proxy-authorization: Basic 5L2gOnBAc3M=\r\n") == !user.isEmpty)
        }
    }

    /// By name, the proxy could find another address than the one that was asked about.
    @Test(arguments: [
        (["127.0.0.1"], "127.0.0.1"), (["10.0.0.1", "127.0.0.1"], "127.0.0.1"),
        (["127.0.0.2", "10.0.0.1"], "127.0.0.2"),
        (["2001:db8::1", "127.0.0.1"], "[2001:db8::1]"), (["10.0.0.1"], nil),
    ])
    func aProxyIsAskedForTheAddressThatIsAllowed(addresses: [String], target: String?) async throws {
        try await HTTPServerBench.run(tls: true) { bench in
            let proxy = TestProxy(.tunnel(to: bench.port))
            var configuration = asking { $0.host != "10.0.0.1" && $0.port == bench.port }
            configuration.proxy = try Proxy("http://127.0.0.1:\(proxy.port)")
            configuration.trust = .pem(try #require(bench.authority).certificatePEM)
            let url = "https://localhost:\(bench.port)/x"
            let outcome = try await outcome(url, configuration, lookUp: { _ in .success(addresses) })
            guard let target else {
                #expect(outcome.error?.code == .addressNotAllowed && proxy.requests.events.isEmpty)
                return
            }
            // The certificate is for the name, and has no address but 127.0.0.1.
            #expect(outcome.text == "GET /x 0\n" && outcome.error == nil)
            #expect(bench.requests.events.first?.headers["host"] == "localhost:\(bench.port)")
            let (head, authority) = (proxy.requests.events.first ?? "", "\(target):\(bench.port)")
            #expect(head.hasPrefix("CONNECT \(authority) HTTP/1.1\r\nhost: \(authority)\r\n"), "\(head)")
            #expect(proxy.requests.events.count == 1)
        }
    }

    @Test func anAddressThatAProxyCannotReachIsNotTheLast() async throws {
        try await HTTPServerBench.run { bench in
            let all = ["[2001:db8::1]", "127.0.0.2", "127.0.0.3"].map { "\($0):\(bench.port)" }
            for unreachable in [all.prefix(2), all.prefix(3)] {
                let proxy = TestProxy(.tunnel(to: bench.port, except: Set(unreachable)))
                var configuration = asking { _ in true }
                configuration.proxy = try Proxy("http://127.0.0.1:\(proxy.port)")
                let outcome = try await outcome(
                    "http://name.test:\(bench.port)/x",
                    configuration,
                    lookUp: { _ in .success(["2001:db8::1", "127.0.0.2", "127.0.0.3"]) }
                )
                #expect(proxy.requests.events.map { $0.split(separator: " ")[1] } == all.map { $0[...] })
                if unreachable.count == 2 {
                    #expect(outcome.text == "GET /x 0\n")
                } else {
                    #expect(outcome.error?.code == .proxyFailed && outcome.error?.message.contains("503") == true)
                    #expect(outcome.error?.message.contains("127.0.0.3") == true)
                }
            }
        }
    }

    @Test func whatAProxyForbidsIsNotTriedElsewhere() async throws {
        let proxy = TestProxy(.answer("403 Forbidden"))
        var configuration = asking { _ in true }
        configuration.proxy = try Proxy("http://127.0.0.1:\(proxy.port)")
        let outcome = try await outcome(
            "http://name.test",
            configuration,
            lookUp: { _ in .success(["127.0.0.2", "127.0.0.3"]) }
        )
        #expect(outcome.error?.code == .proxyFailed && outcome.error?.message.contains("403") == true)
        #expect(proxy.requests.events.count == 1)
    }

    @Test(
        arguments: [
            (.answer("407 Proxy Authentication Required"), "password"), (.answer("403 Forbidden"), "403"),
            (.hangUp, "closed"),
            (.silence, "within"),
        ] as [(TestProxy.Behaviour, String)]
    )
    func aProxyThatRefusesIsTold(behaviour: TestProxy.Behaviour, word: String) async throws {
        let proxy = TestProxy(behaviour)
        var configuration = patientClient()
        if word == "within" { configuration.connectDeadline = .milliseconds(200) }
        configuration.proxy = try Proxy("http://user:hunter2@127.0.0.1:\(proxy.port)")
        let error = try await outcome("https://name.test", configuration).error
        #expect(error?.code == .proxyFailed && error?.message.contains(word) == true, "\(String(describing: error))")
        #expect(error?.message.contains("hunter2") == false)
    }

    @Test func aProxyThatIsNotThereOrNoneIsTold() async throws {
        let garbage = ScriptedServer(answering: "SSH-2.0\r\n")
        for port in [unusedPort(), garbage.port] {
            var configuration = patientClient()
            configuration.proxy = try Proxy("http://127.0.0.1:\(port)")
            #expect(try await outcome("http://name.test", configuration).error?.code == .proxyFailed)
        }
    }

    // MARK: - TLS

    private func tls(
        _ url: String = "https://localhost",
        names: [String] = ["localhost", "127.0.0.1"],
        validity: CertificateValidity = .current,
        trust: (CertificateAuthority) throws -> TrustRoots = { .pem($0.certificatePEM) }
    ) async throws -> Outcome {
        let loop = try EventLoop(lookUp: { _ in .success(["127.0.0.1"]) })
        let server = try await EchoServer(on: loop, tls: true, names: names, validity: validity)
        var configuration = patientClient()
        let authority = try #require(server.authority)
        configuration.trust = try trust(authority)
        let outcome = await HTTPClient(loop: loop, configuration: configuration).outcome("\(url):\(server.port)")
        await loop.shutdown()
        return outcome
    }

    @Test(arguments: ["https://localhost", "https://localhost.", "https://LOCALHOST", "https://127.0.0.1"])
    func aCertificateForTheNameIsAccepted(url: String) async throws {
        // A WebSocket server that answers anything else 404.
        #expect(try await tls(url).status == 404)
    }

    @Test(arguments: [("https://localhost", ["example.test"]), ("https://127.0.0.1", ["localhost", "127.0.0.2"])])
    func aCertificateForAnotherNameIsRefused(url: String, names: [String]) async throws {
        #expect(try await tls(url, names: names).error?.code == .certificateRefused)
    }

    @Test(arguments: [CertificateValidity.expired, .notYetValid])
    func aCertificateThatIsNotValidNowIsRefused(validity: CertificateValidity) async throws {
        #expect(try await tls(validity: validity).error?.code == .certificateRefused)
    }

    @Test func anUnknownAuthorityIsRefused() async throws {
        #expect(try await tls(trust: { _ in .system }).error?.code == .certificateRefused)
        let other = try CertificateAuthority()
        #expect(try await tls(trust: { _ in .pem(other.certificatePEM) }).error?.code == .certificateRefused)
        #expect(try await tls(trust: { _ in .pem([]) }).error?.code == .trustUnusable)
        #expect(try await tls(trust: { _ in .pem(Array("x".utf8)) }).error?.code == .trustUnusable)
        // One does not become the other's: they are kept.
        let loop = try EventLoop()
        let server = try await EchoServer(on: loop, tls: true)
        for round in 0..<20 {
            var configuration = patientClient()
            let isTrusted = round.isMultiple(of: 2)
            configuration.trust = isTrusted ? server.trust : .pem(try CertificateAuthority().certificatePEM)
            let client = HTTPClient(loop: loop, configuration: configuration)
            let outcome = await client.outcome("https://localhost:\(server.port)")
            #expect(outcome.error?.code == (isTrusted ? nil : .certificateRefused), "round \(round): \(outcome)")
        }
        await loop.shutdown()
    }

    @Test func whatIsNotTLSIsTold() async throws {
        for answer in ["HTTP/1.1 400 Bad Request\r\n\r\n", ""] {
            let plain = ScriptedServer { connection in
                _ = connection.read(1)
                connection.send(answer)
            }
            #expect(try await outcome("https://127.0.0.1:\(plain.port)").error?.code == .tlsFailed)
        }
    }
}
