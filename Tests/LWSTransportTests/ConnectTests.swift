import BotCrypto
import BotFoundation
import Glibc
import LWSTransport
import TestSupport
import Testing

/// What a client says when it cannot connect.
@Suite(.timeLimit(.minutes(10)))
struct ConnectTests {
    private func failure(
        _ url: String,
        trust: TrustRoots = .system,
        proxy: Proxy? = nil,
        configuration: WebSocketConfiguration = shortDeadlines(),
        lookUp: @escaping Resolver.LookUp = Resolver.system
    ) async throws -> TransportError? {
        let loop = try EventLoop(lookUp: lookUp)
        let client = try await Client.connect(url, trust: trust, proxy: proxy, configuration: configuration, on: loop)
        let closure = await client.closed()
        #expect(!client.events.events.contains(.opened))
        #expect(client.events.events.count == 1)
        await loop.shutdown()
        return closure.error
    }

    @Test func nothingListens() async throws {
        let error = try await failure("ws://127.0.0.1:\(unusedPort())")
        #expect(error?.code == .connectFailed)
    }

    @Test func theHostDoesNotAnswer() async throws {
        let silent = SilentListener(fillBacklog: true)
        let error = try await failure("ws://127.0.0.1:\(silent.port)")
        #expect(error?.code == .connectTimeout)
    }

    @Test func theServerDoesNotSpeakTLS() async throws {
        let silent = SilentListener()
        let error = try await failure("wss://127.0.0.1:\(silent.port)")
        #expect(error?.code == .tlsTimeout)
        let loop = try EventLoop()
        let plain = try await EchoServer(on: loop)
        #expect(try await failure("wss://127.0.0.1:\(plain.port)", configuration: .init())?.code == .tlsFailed)
        await loop.shutdown()
    }

    @Test func theServerDoesNotAnswerTheUpgrade() async throws {
        let silent = SilentListener()
        let error = try await failure("ws://127.0.0.1:\(silent.port)")
        #expect(error?.code == .upgradeTimeout)
    }

    @Test func theNameHasNoAddress() async throws {
        let error = try await failure(
            "ws://example.test",
            lookUp: { _ in .failure(.init(.resolveFailed, "no address")) }
        )
        #expect(error?.code == .resolveFailed)
        let label = String(repeating: "x", count: 70)
        #expect(try await failure("ws://\(label)", configuration: noDeadlines())?.code == .resolveFailed)
    }

    @Test func theResolverDoesNotAnswer() async throws {
        let gate = EventRecorder<Void>()
        let blocked = ThreadGate()
        let error = try await failure(
            "ws://example.test",
            lookUp: { _ in
                blocked.pass(); gate.record(()); return .success([])
            }
        )
        #expect(error?.code == .resolveTimeout)
        blocked.open()
        await gate.wait { !$0.isEmpty }
    }

    @Test func theLoopsShutdownDoesNotWaitForTheResolver() async throws {
        let (asked, blocked, passed) = (EventRecorder<Void>(), ThreadGate(), EventRecorder<Void>())
        let loop = try EventLoop(lookUp: { _ in
            asked.record(())
            blocked.pass()
            passed.record(())
            return .success(["127.0.0.1"])
        })
        let client = try await Client.connect("ws://example.test", configuration: noDeadlines(), on: loop)
        await asked.wait { !$0.isEmpty }
        await loop.shutdown()
        #expect(client.events.events.compactMap { $0.closure?.error?.code } == [.loopShutDown])
        blocked.open()
        await passed.wait { !$0.isEmpty }
        await loop.onLoop {}
        #expect(client.events.events.count == 1)
    }

    @Test func everyAddressIsTried() async throws {
        let loop = try EventLoop(lookUp: { _ in .success(["127.0.0.2", "127.0.0.3", "127.0.0.1"]) })
        let server = try await EchoServer(on: loop)
        let client = try await Client.connect("ws://example.test:\(server.port)", on: loop)
        await client.opened()
        #expect(await client.socket.isOpen)
        await loop.shutdown()
    }

    @Test func theMostTellingFailureOfSeveralAddressesIsTold() async throws {
        let loop = try EventLoop()
        let server = try await EchoServer(on: loop, tls: true)
        let error = try await failure(
            "wss://example.test:\(server.port)",
            configuration: .init(),
            lookUp: { _ in .success(["127.0.0.1", "127.0.0.2", "127.0.0.3"]) }
        )
        #expect(error?.code == .certificateRefused, "not that nothing listens at the last one")
        await loop.shutdown()
    }

    /// A private gateway's URL may carry a token.
    @Test func theMessageDoesNotRepeatThePath() async throws {
        let notWebSocket = TestProxy(.answer("403 Forbidden"))
        let error = try await failure("ws://127.0.0.1:\(notWebSocket.port)/gate?token=hunter2", configuration: .init())
        #expect(error?.code == .upgradeRefused)
        #expect(error?.message.contains("hunter2") == false)
    }

    @Test func anUnknownAuthorityIsRefused() async throws {
        let loop = try EventLoop()
        let server = try await EchoServer(on: loop, tls: true)
        let other = try CertificateAuthority()
        for trust in [TrustRoots.system, .pem(other.certificatePEM)] {
            let error = try await failure("wss://localhost:\(server.port)", trust: trust, configuration: .init())
            #expect(error?.code == .certificateRefused)
        }
        await loop.shutdown()
    }

    @Test(arguments: ["wss://localhost", "wss://127.0.0.1", "wss://[::1]"])
    func aCertificateForAnotherNameIsRefused(url: String) async throws {
        let loop = try EventLoop()
        let host = url.contains("::1") ? "::1" : "127.0.0.1"
        let server = try await EchoServer(on: loop, tls: true, names: ["example.test"], host: host)
        let error = try await failure("\(url):\(server.port)", trust: server.trust, configuration: .init())
        #expect(error?.code == .certificateRefused, "\(String(describing: error))")
        await loop.shutdown()
    }

    @Test(arguments: ["wss://localhost", "wss://127.0.0.1", "wss://[::1]"])
    func aCertificateForTheNameIsAccepted(url: String) async throws {
        let loop = try EventLoop()
        let host = url.contains("::1") ? "::1" : "127.0.0.1"
        let server = try await EchoServer(on: loop, tls: true, host: host)
        let client = try await Client.connect("\(url):\(server.port)", trust: server.trust, on: loop)
        await client.opened()
        #expect(client.events.events.first == .opened)
        await loop.shutdown()
    }

    @Test(arguments: [CertificateValidity.expired, .notYetValid])
    func aCertificateThatIsNotValidNowIsRefused(validity: CertificateValidity) async throws {
        let loop = try EventLoop()
        let server = try await EchoServer(on: loop, tls: true, validity: validity)
        let error = try await failure("wss://localhost:\(server.port)", trust: server.trust, configuration: .init())
        #expect(error?.code == .certificateRefused)
        await loop.shutdown()
    }

    @Test func aSecondCertificateOfABundleIsTrustedToo() async throws {
        let loop = try EventLoop()
        let server = try await EchoServer(on: loop, tls: true)
        let other = try CertificateAuthority()
        let bundle = other.certificatePEM + Array("\n".utf8) + (server.authority?.certificatePEM ?? [])
        let client = try await Client.connect("wss://localhost:\(server.port)", trust: .pem(bundle), on: loop)
        await client.opened()
        #expect(client.events.events.first == .opened)
        await loop.shutdown()
    }

    @Test func aServersOwnCertificateCanBeTrusted() async throws {
        let loop = try EventLoop()
        let own = try CertificateAuthority.selfSigned(names: ["localhost"])
        var listen = WebSocketServer.Configuration()
        listen.tls = (own.certificatePEM, own.privateKeyPEM)
        let server = try await WebSocketServer.listen(on: loop, listen) { _ in }
        let url = "wss://localhost:\(await server.port)"
        let client = try await Client.connect(url, trust: .pem(own.certificatePEM), on: loop)
        await client.opened()
        #expect(client.events.events.first == .opened)
        #expect(try await failure(url, configuration: .init())?.code == .certificateRefused)
        await loop.shutdown()
    }

    @Test func aLeafCanBeTrustedWithoutItsAuthority() async throws {
        let loop = try EventLoop()
        let leaf = try CertificateAuthority().issue(names: ["localhost"])
        var listen = WebSocketServer.Configuration()
        listen.tls = (leaf.certificatePEM, leaf.privateKeyPEM)
        let server = try await WebSocketServer.listen(on: loop, listen) { _ in }
        let url = "wss://localhost:\(await server.port)"
        let client = try await Client.connect(url, trust: .pem(leaf.certificatePEM), on: loop)
        await client.opened()
        #expect(client.events.events.first == .opened)
        await loop.shutdown()
    }

    @Test func connectionsOfOneLoopDoNotShareTheirTrust() async throws {
        let loop = try EventLoop()
        let (one, two) = (try await EchoServer(on: loop, tls: true), try await EchoServer(on: loop, tls: true))
        func isAccepted(_ server: EchoServer, by trust: TrustRoots) async throws -> Bool {
            let client = try await Client.connect("wss://localhost:\(server.port)", trust: trust, on: loop)
            await client.opened()
            defer { _ = client }
            let isOpen = client.events.events.first == .opened
            await client.socket.abort()
            return isOpen
        }
        #expect(try await isAccepted(one, by: one.trust))
        #expect(try await isAccepted(two, by: two.trust))
        #expect(try await !isAccepted(two, by: one.trust))
        #expect(try await !isAccepted(one, by: two.trust))
        #expect(try await isAccepted(one, by: one.trust))
        #expect(try await !isAccepted(one, by: .system))
        #expect(try await isAccepted(one, by: one.trust))
        #expect(try await isAccepted(two, by: two.trust))
        await loop.shutdown()
    }

    @Test func aTrustFileWithoutCertificatesIsNamed() async throws {
        let error = try await failure("wss://localhost:1", trust: .pem(Array("nothing".utf8)))
        #expect(error?.code == .trustUnusable)
        #expect(throws: TransportError.self) { try TrustRoots.file("/nonexistent/ca.pem") }
        #expect(throws: TransportError.self) { try TrustRoots.file("/etc/hostname") }
    }

    @Test func aDamagedCertificateAmongOthersIsAnError() throws {
        let whole = try CertificateAuthority().certificatePEM
        try TrustRoots.pem(whole + Array("a note\n".utf8) + whole).check()
        let damaged = Array("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".utf8)
        for pem in [damaged, damaged + whole, whole + damaged, Array(whole.prefix(200)), []] {
            let error = #expect(throws: TransportError.self) { try TrustRoots.pem(pem).check() }
            #expect(error?.code == .trustUnusable)
        }
        try TrustRoots.system.check()
    }

    @Test func aTrustFileIsRead() throws {
        let roots = try TrustRoots.file("/etc/ssl/certs/ca-certificates.crt")
        guard case .pem(let bytes) = roots else { Issue.record("not a file"); return }
        #expect(!bytes.isEmpty)
    }

    @Test(arguments: ["127.0.0.1", "several.test"])
    func abortWhileConnectingEndsWithoutAnErrorAndTriesNothingElse(host: String) async throws {
        let silent = SilentListener()
        let loop = try EventLoop(lookUp: { _ in .success(["127.0.0.1", "127.0.0.2"]) })
        for closes in [false, true] {
            let client = try await Client.connect(
                "ws://\(host):\(silent.port)",
                configuration: noDeadlines(),
                on: loop
            )
            if closes { await client.socket.close() } else { await client.socket.abort() }
            let closure = await client.closed()
            #expect(closure == WebSocketClosure(code: 1006, reason: "", byPeer: false, error: nil), "closes: \(closes)")
            await client.socket.abort()
            #expect(client.events.events.count == 1)
        }
        await loop.shutdown()
    }

    @Test func aClientThatIsAbortedAtOnceNeverConnects() async throws {
        let looking = EventRecorder<Void>()
        let loop = try EventLoop(lookUp: { _ in
            looking.record(()); return .success(["127.0.0.1"])
        })
        let far = try EventLoop(name: "far")
        let server = try await EchoServer(on: far)
        let events = EventRecorder<WebSocketEvent>()
        for (round, name) in (0..<100).flatMap({ [($0, "gateway.test"), ($0, "127.0.0.1")] }) {
            let endpoint = try WebSocketEndpoint("ws://\(name):\(server.port)")
            await loop.onLoop {
                let socket = WebSocket.connect(to: endpoint, on: loop) { events.record($0) }
                // The loop stands still meanwhile, so that the address is there before the abort.
                while name == "gateway.test", looking.events.count <= round { sched_yield() }
                for _ in 0..<200 { sched_yield() }
                socket.assumeIsolated { $0.abort() }
            }
        }
        await events.wait { $0.count == 200 }
        #expect(events.events.allSatisfy { $0.closure?.error == nil && $0 != .opened })
        await loop.shutdown()
        await far.shutdown()
        #expect(server.sockets.events.isEmpty)
    }

    @Test func anAddressThatCannotEvenBeTriedIsPassedOver() async throws {
        let unreachable = ["255.255.255.255", "ff02::1", "2001:db8::1", "::2"]
        let loop = try EventLoop(lookUp: {
            $0 == "none.test" ? .success(unreachable) : .success(unreachable + ["127.0.0.1"])
        })
        let server = try await EchoServer(on: loop)
        let client = try await Client.connect("ws://gateway.test:\(server.port)", on: loop)
        await client.opened()
        #expect(client.events.events == [.opened])
        for name in ["none.test", "255.255.255.255", "[ff02::1]"] {
            let client = try await Client.connect(
                "ws://\(name):\(server.port)",
                configuration: shortDeadlines(),
                on: loop
            )
            let code = await client.closed().error?.code
            #expect(code == .connectFailed || code == .connectTimeout)
            #expect(client.events.events.count == 1)
        }
        await loop.shutdown()
    }

    @Test func withoutDescriptorsAConnectionFailsAndALaterOneSucceeds() async {
        await #expect(processExitsWith: .success) {
            let loop = try EventLoop()
            let server = try await EchoServer(on: loop)
            let url = "ws://127.0.0.1:\(server.port)"
            let next = open("/dev/null", O_RDONLY)
            close(next)
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(7), &limit)
            var none = rlimit(rlim_cur: rlim_t(next), rlim_max: limit.rlim_max)
            setrlimit(__rlimit_resource_t(7), &none)
            var code: TransportError.Code?
            // Not the first time if a thread that was just starting held one, and has given it back.
            for _ in 1...5 where code != .connectFailed {
                while open("/dev/null", O_RDONLY) >= 0 {}
                let refused = try await Client.connect(url, configuration: shortDeadlines(), on: loop)
                code = await refused.closed().error?.code
            }
            guard code == .connectFailed else { exit(1) }
            setrlimit(__rlimit_resource_t(7), &limit)
            let client = try await Client.connect(url, on: loop)
            await client.opened()
            guard client.events.events == [.opened] else { exit(2) }
        }
    }

    @Test func attemptsThatCannotBeginLeaveNothingBehind() async {
        await #expect(processExitsWith: .success) {
            let loop = try EventLoop()
            let server = try await EchoServer(on: loop)
            let (other, none) = (SilentListener(), Array("no".utf8))
            func fail(_ times: Int) async throws {
                for _ in 0..<times {
                    let client = try await Client.connect("wss://127.0.0.1:1", trust: .pem(none), on: loop)
                    guard await client.closed().error?.code == .trustUnusable else { exit(1) }
                    var listen = WebSocketServer.Configuration()
                    for (port, tls) in [(server.port, nil), (other.port, nil), (0, (none, none))] {
                        (listen.port, listen.tls) = (port, tls)
                        do {
                            _ = try await WebSocketServer.listen(on: loop, listen) { _ in }
                            exit(2)
                        } catch {
                            // The port is in use, or this is no certificate.
                        }
                    }
                }
            }
            try await fail(500)
            let before = try ProcessFigures.now()
            try await fail(5_000)
            let after = try ProcessFigures.now()
            guard after.descriptors <= before.descriptors else { exit(3) }
            #if !SANITIZED
                guard after.residentKiB <= before.residentKiB + 512 else { exit(4) }
            #endif
        }
    }

    @Test func manyClientsComeAndGo() async throws {
        let loop = try EventLoop()
        let server = try await EchoServer(on: loop, tls: true)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<50 {
                group.addTask {
                    let client = try await Client.connect(
                        "wss://localhost:\(server.port)",
                        trust: server.trust,
                        on: loop
                    )
                    await client.opened()
                    try await client.socket.send(Array("number \(number)".utf8))
                    #expect(await client.message() == Array("number \(number)".utf8))
                    if number % 2 == 0 { await client.socket.close() } else { await client.socket.abort() }
                    _ = await client.closed()
                }
            }
            try await group.waitForAll()
        }
        await loop.shutdown()
    }
}
