import BotFoundation
import Glibc
import LWSTransport
import TestSupport
import Testing

/// Connections through an HTTP proxy.
@Suite(.timeLimit(.minutes(10)))
struct ProxyConnectTests {
    /// Only the proxy can know it.
    private static let name = "gateway.example.test"

    /// A lookup that knows `proxy.test` only.
    private static let lookUp: Resolver.LookUp = { name in
        name == "proxy.test" ? .success(["127.0.0.1"]) : .failure(.init(.resolveFailed, name))
    }

    /// Connects to a server through a proxy, exchanges a message, and returns the proxy's request without its last line.
    private func requestOfAConnection(
        to host: String = name,
        path: String = "/",
        credentials: String = "",
        tls: Bool = true,
        v6: Bool = false
    ) async throws -> (head: String, port: UInt16) {
        let loop = try EventLoop(lookUp: Self.lookUp)
        let bare = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        let server = try await EchoServer(on: loop, tls: tls, names: [bare])
        let trust = tls ? server.trust : .system
        let proxy = TestProxy(.tunnel(to: server.port), v6: v6)
        let client = try await Client.connect(
            "\(tls ? "wss" : "ws")://\(host):\(server.port)\(path)",
            trust: trust,
            proxy: Proxy("http://\(credentials)\(v6 ? "[::1]" : "proxy.test"):\(proxy.port)"),
            on: loop
        )
        await client.opened()
        #expect(client.events.events == [.opened])
        if client.events.events == [.opened] {
            try await client.socket.send(Array("你好".utf8))
            #expect(await client.message() == Array("你好".utf8))
        }
        await loop.shutdown()
        #expect(proxy.requests.events.count == 1)
        return (proxy.requests.events.first ?? "", server.port)
    }

    @Test(arguments: [true, false])
    func theProxyIsAskedForTheNameAndTunnels(tls: Bool) async throws {
        let (head, port) = try await requestOfAConnection(tls: tls)
        #expect(head.hasPrefix("CONNECT \(Self.name):\(port) HTTP/1.1\r\nHost: \(Self.name):\(port)\r\n"))
        #expect(!head.lowercased().contains("authorization"))
    }

    @Test(arguments: [
        ("user:secret", "dXNlcjpzZWNyZXQ="), ("u:p%40%3A%2F%E5%AF%86", "dTpwQDov5a+G"),
        ("http:%2F%2Fp", "aHR0cDovL3A="),
        ("u:" + String(repeating: "p", count: 91), "dTpwcHBw"),
    ])
    func userAndPasswordAreSent(credentials: String, encoded: String) async throws {
        let (head, _) = try await requestOfAConnection(credentials: credentials + "@")
        let line = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("proxy-authorization: basic ") }
        #expect(line?.split(separator: " ").last?.hasPrefix(encoded) == true, "\(head)")
    }

    @Test func aProxyMayHaveAnIPv6Address() async throws {
        let (head, port) = try await requestOfAConnection(v6: true)
        #expect(head.hasPrefix("CONNECT \(Self.name):\(port) "))
    }

    @Test func anIPv6AddressIsAskedForInBrackets() async throws {
        let (head, port) = try await requestOfAConnection(to: "[2001:db8::1]")
        #expect(head.hasPrefix("CONNECT [2001:db8::1]:\(port) "))
    }

    @Test(arguments: ["", "user:" + String(repeating: "p", count: 88) + "@"])
    func theLongestHostFitsIntoTheRequest(credentials: String) async throws {
        let host = String(repeating: "a.", count: 48) + "com"
        let (head, port) = try await requestOfAConnection(to: host, credentials: credentials)
        #expect(head.hasPrefix("CONNECT \(host):\(port) HTTP/1.1\r\nHost: \(host):\(port)\r\n"), "\(head)")
        #expect(!head.contains("\0"))
    }

    @Test func theCertificateIsCheckedThroughAProxyToo() async throws {
        let loop = try EventLoop(lookUp: Self.lookUp)
        let server = try await EchoServer(on: loop, tls: true, names: ["localhost", "127.0.0.1", "proxy.test"])
        let proxy = TestProxy(.tunnel(to: server.port))
        for (host, trust) in [
            (Self.name, server.trust), (Self.name, .system), ("[2001:db8::1]", server.trust),
            ("10.0.0.1", server.trust),
        ] {
            let url = "wss://\(host):\(server.port)"
            let client = try await Client.connect(url, trust: trust, proxy: Proxy("proxy.test:\(proxy.port)"), on: loop)
            #expect(await client.closed().error?.code == .certificateRefused)
        }
        await loop.shutdown()
    }

    private func failure(proxy: String, tls: Bool, isSilent: Bool = false) async throws -> TransportError? {
        let loop = try EventLoop(lookUp: Self.lookUp)
        var configuration = isSilent ? shortDeadlines() : .init()
        configuration.resolveDeadline = .seconds(60)
        let client = try await Client.connect(
            "\(tls ? "wss" : "ws")://\(Self.name)",
            proxy: Proxy(proxy),
            configuration: configuration,
            on: loop
        )
        let error = await client.closed().error
        #expect(client.events.events.count == 1)
        await loop.shutdown()
        return error
    }

    @Test(
        arguments: [
            "407 Proxy Authentication Required", "403 Forbidden", "502 Bad Gateway", "silence", "hangUp",
        ],
        [true, false]
    )
    func aProxyThatDoesNotConnectIsNamed(how: String, tls: Bool) async throws {
        let behaviour: TestProxy.Behaviour =
            switch how {
            case "silence": .silence
            case "hangUp": .hangUp
            default: .answer(how)
            }
        let proxy = TestProxy(behaviour)
        let error = try await failure(
            proxy: "http://user:hunter2@proxy.test:\(proxy.port)",
            tls: tls,
            isSilent: how == "silence"
        )
        #expect(error?.code == .proxyFailed, "\(String(describing: error))")
        #expect(error?.message.contains("proxy.test:\(proxy.port)") == true, "\(String(describing: error))")
        #expect(error?.message.contains("hunter2") == false)
        #expect(proxy.requests.events.count == 1)
    }

    @Test func aHostThatDoesNotFitIntoTheRequestIsNotAskedFor() async throws {
        let loop = try EventLoop()
        let proxy = TestProxy(.hangUp)
        let host = String(repeating: "a.", count: 49) + "cn"
        let client = try await Client.connect("wss://\(host)", proxy: Proxy("127.0.0.1:\(proxy.port)"), on: loop)
        #expect(await client.closed().error?.code == .invalidEndpoint)
        await loop.shutdown()
        #expect(proxy.requests.events.isEmpty)
    }

    @Test(arguments: [true, false])
    func aTunnelThatEndsAtOnceIsAnError(tls: Bool) async throws {
        let proxy = TestProxy(.answer("200 OK"))
        #expect(try await failure(proxy: "proxy.test:\(proxy.port)", tls: tls) != nil)
    }

    @Test func everyAddressOfAProxyIsTried() async throws {
        let loop = try EventLoop(lookUp: { _ in .success(["127.0.0.2", "::1", "127.0.0.1"]) })
        let server = try await EchoServer(on: loop, tls: true, names: [Self.name])
        let proxy = TestProxy(.tunnel(to: server.port))
        let client = try await Client.connect(
            "wss://\(Self.name):\(server.port)",
            trust: server.trust,
            proxy: Proxy("proxy.test:\(proxy.port)"),
            on: loop
        )
        await client.opened()
        #expect(client.events.events == [.opened])
        await loop.shutdown()
    }

    @Test func aProxyThatCannotBeReachedIsNamed() async throws {
        let refused = unusedPort()
        let error = try await failure(proxy: "proxy.test:\(refused)", tls: true)
        #expect(error?.code == .proxyFailed && error?.message.contains("proxy.test:\(refused)") == true)
        let silent = SilentListener(fillBacklog: true)
        let late = try await failure(proxy: "proxy.test:\(silent.port)", tls: true, isSilent: true)
        #expect(late?.code == .proxyFailed && late?.message.contains("proxy.test:\(silent.port)") == true)
    }

    @Test func aProxyWithoutAnAddressIsNotFound() async throws {
        let error = try await failure(proxy: "unknown.test", tls: true)
        #expect(error?.code == .resolveFailed && error?.message.contains("unknown.test") == true)
    }

    @Test func theEnvironmentIsIgnored() async {
        await #expect(processExitsWith: .success) {
            let proxy = TestProxy(.answer("500 No"))
            for name in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
                setenv(name, "http://127.0.0.1:\(proxy.port)", 1)
            }
            let loop = try EventLoop()
            for tls in [true, false] {
                let server = try await EchoServer(on: loop, tls: tls)
                let url = "\(tls ? "wss" : "ws")://localhost:\(server.port)"
                let client = try await Client.connect(url, trust: tls ? server.trust : .system, on: loop)
                await client.opened()
                guard client.events.events == [.opened] else { exit(1) }
            }
            guard proxy.requests.events.isEmpty else { exit(2) }
        }
    }
}
