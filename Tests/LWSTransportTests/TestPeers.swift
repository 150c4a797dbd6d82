import BotCrypto
import BotFoundation
import Glibc
import LWSTransport
import Synchronization
import TestSupport

/// Short limits, so that a test of a deadline does not take long.
func shortDeadlines() -> WebSocketConfiguration {
    var configuration = WebSocketConfiguration()
    configuration.resolveDeadline = .milliseconds(200)
    configuration.connectDeadline = .milliseconds(200)
    configuration.tlsDeadline = .milliseconds(200)
    configuration.upgradeDeadline = .milliseconds(200)
    configuration.closeDeadline = .milliseconds(200)
    return configuration
}

/// For what ends for another reason: no load makes one of these pass.
func noDeadlines() -> WebSocketConfiguration {
    var configuration = WebSocketConfiguration()
    configuration.resolveDeadline = .seconds(3_600)
    configuration.connectDeadline = .seconds(3_600)
    configuration.tlsDeadline = .seconds(3_600)
    configuration.upgradeDeadline = .seconds(3_600)
    return configuration
}

/// A WebSocket server whose connections echo, and which records what its connections see.
struct EchoServer {
    let server: WebSocketServer
    let port: UInt16
    let authority: CertificateAuthority?
    let events = EventRecorder<WebSocketEvent>()
    let sockets = EventRecorder<WebSocket>()

    init(
        on loop: EventLoop,
        tls: Bool = false,
        names: [String] = ["localhost", "127.0.0.1", "::1"],
        validity: CertificateValidity = .current,
        configuration: WebSocketConfiguration = .init(),
        host: String = "127.0.0.1",
        port: UInt16 = 0,
        echo: Bool = true
    ) async throws {
        var listen = WebSocketServer.Configuration()
        listen.host = host
        listen.port = port
        listen.connection = configuration
        let authority = tls ? try CertificateAuthority() : nil
        if let authority {
            let leaf = try authority.issue(names: names, validity: validity)
            listen.tls = (leaf.certificatePEM, leaf.privateKeyPEM)
        }
        let (events, sockets) = (events, sockets)
        server = try await WebSocketServer.listen(on: loop, listen) { socket in
            socket.assumeIsolated { socket in
                socket.setEventHandler { [weak socket] event in
                    events.record(event)
                    guard echo, case .message(let bytes, let isText) = event else { return }
                    socket?.assumeIsolated { try? $0.send(bytes, isText: isText) }
                }
            }
            sockets.record(socket)
        }
        self.port = await server.port
        self.authority = authority
    }

    var trust: TrustRoots { .pem(authority?.certificatePEM ?? []) }
}

/// A client and everything it saw.
struct Client {
    let socket: WebSocket
    let events: EventRecorder<WebSocketEvent>

    static func connect(
        _ url: String,
        trust: TrustRoots = .system,
        proxy: Proxy? = nil,
        configuration: WebSocketConfiguration = .init(),
        on loop: EventLoop
    ) async throws -> Client {
        let endpoint = try WebSocketEndpoint(url)
        let events = EventRecorder<WebSocketEvent>()
        let socket = await loop.onLoop {
            WebSocket.connect(
                to: endpoint,
                trust: trust,
                proxy: proxy,
                configuration: configuration,
                on: loop
            ) { events.record($0) }
        }
        return Client(socket: socket, events: events)
    }

    func opened() async { await events.wait { $0.contains(.opened) || $0.contains { $0.closure != nil } } }

    func closed() async -> WebSocketClosure { await events.first(\.closure) }

    func message(_ index: Int = 0) async -> [UInt8] {
        let seen = await events.wait {
            $0.compactMap(\.messageBytes).count > index || $0.contains { $0.closure != nil }
        }
        let messages = seen.compactMap(\.messageBytes)
        return messages.count > index ? messages[index] : []
    }
}

extension WebSocketEvent {
    var closure: WebSocketClosure? { if case .closed(let closure) = self { closure } else { nil } }
    var messageBytes: [UInt8]? { if case .message(let bytes, _) = self { bytes } else { nil } }
}

extension EventLoop {
    /// Runs `body` on the loop.
    func onLoop<Value: Sendable>(_ body: @Sendable () -> Value) -> Value { body() }
}

/// A plain TCP listener that never says anything. With a full backlog it does not even complete the handshake.
final class SilentListener: Sendable {
    let port: UInt16
    private let descriptors: [Int32]

    /// The next connection of those that wait to be accepted. Blocks.
    func accept() -> Int32 { Glibc.accept(descriptors[0], nil, nil) }

    /// Accepts nothing more and ends its own connections, so that nobody blocks on them.
    func end() {
        for descriptor in descriptors { shutdown(descriptor, Int32(SHUT_RDWR)) }
    }

    init(fillBacklog: Bool = false) {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                _ = bind(listener, pointer, size)
                _ = listen(listener, fillBacklog ? 0 : 16)
                _ = getsockname(listener, pointer, &size)
            }
        }
        port = UInt16(bigEndian: address.sin_port)
        var descriptors = [listener]
        for _ in 0..<(fillBacklog ? 4 : 0) {
            let filler = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
            withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = Glibc.connect(filler, $0, size) }
            }
            descriptors.append(filler)
        }
        self.descriptors = descriptors
    }

    deinit {
        for descriptor in descriptors { close(descriptor) }
    }
}

/// A port that nothing listens on.
func unusedPort() -> UInt16 {
    SilentListener().port
}
