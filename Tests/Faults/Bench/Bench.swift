import BotCore
import BotCrypto
import BotFoundation
import FoundationEssentials
import GatewaySimulator
import Glibc
import LWSTransport
import WeComAIBot

/// The simulated service behind a fault proxy, and a loop for its clients.
final class Bench: Sendable {
    static let botID = "aib-faults"

    let context: Context
    let relay: Relay
    let gateway: Gateway
    /// In front of the gateway.
    let proxy: FaultProxy
    /// Where the gateway itself listens.
    let gatewayPort: UInt16
    /// Messages that answer no callback, and how often each came.
    let pushed = Locked<[String: Int]>([:])
    private let home: EventLoop
    private let loop: EventLoop
    private let trust: [UInt8]
    private let files = Locked<[String]>([])
    private let watching: Task<Void, Never>

    /// A service that knows these bots.
    init(
        _ context: Context,
        bots: [String] = [Bench.botID],
        listener: GatewayListener = .init(),
        configure: (inout GatewayConfiguration) -> Void = { _ in },
        lookUp: @escaping Resolver.LookUp = Resolver.system
    ) async throws {
        self.context = context
        let secrets = bots.map { ($0, Self.secret(of: $0)) }
        var service = GatewayConfiguration(credentials: Dictionary(uniqueKeysWithValues: secrets))
        service.seed = context.seed
        configure(&service)
        home = try EventLoop(name: "gateway")
        loop = try EventLoop(name: "clients", log: context.audit.log(), lookUp: lookUp)
        gateway = try await Gateway.start(on: home, configuration: service, listener: listener)
        gatewayPort = await gateway.port
        trust = gateway.certificateAuthorityPEM ?? []
        relay = try Relay()
        proxy = try FaultProxy(to: gatewayPort, on: relay)
        let observations = await gateway.observations(limit: 1_000_000)
        watching = Task { [pushed] in
            for await observation in observations {
                if case .sent(_, _, let text) = observation.event { pushed.withLock { $0[text, default: 0] += 1 } }
            }
        }
    }

    static func secret(of bot: String) -> Secret { Secret("\(Audit.mark)-\(bot)") }

    /// The certificate that clients have to trust.
    var authorityPEM: [UInt8] { trust }

    /// The same in a file, which goes when the bench does.
    func authorityFile() throws -> String {
        let url = FileManager.default.temporaryDirectory.appending(path: "faults-authority-\(gatewayPort).pem")
        try Data(trust).write(to: url)
        files.withLock { $0.append(url.path()) }
        return url.path()
    }

    /// How a client gets to the service, with short waits.
    func configuration(
        bot: String = Bench.botID,
        through proxy: FaultProxy? = nil,
        host: String = "127.0.0.1",
        isSecure: Bool = true
    ) throws -> LongConnectionConfiguration {
        let port = (proxy ?? self.proxy).port
        var configuration = LongConnectionConfiguration(
            botID: bot,
            secret: Self.secret(of: bot),
            endpoint: try WebSocketEndpoint("\(isSecure ? "wss" : "ws")://\(host):\(port)")
        )
        configuration.trust = .pem(trust)
        configuration.heartbeatInterval = .seconds(5)
        configuration.machine.reconnectBase = .milliseconds(10)
        configuration.machine.reconnectCap = .milliseconds(50)
        configuration.machine.minimumAttemptGap = .milliseconds(5)
        return configuration
    }

    /// Starts a client.
    func client(
        _ configuration: LongConnectionConfiguration? = nil,
        clock: any Clock<Duration> = ContinuousClock(),
        dispatching: DispatcherConfiguration = .init(),
        keepsHistory: Bool = true,
        logLevel: Log.Level = .trace,
        handler: @escaping Client.Handler = Client.echo,
        adapt: @escaping Client.Adapter = { $1 }
    ) async throws -> Client {
        try await Client(
            configuration ?? self.configuration(),
            on: loop,
            clock: clock,
            dispatching: dispatching,
            keepsHistory: keepsHistory,
            logLevel: logLevel,
            audit: context.audit,
            handler: handler,
            adapt: adapt
        )
    }

    /// Runs `body` and takes everything down again, whatever happened.
    func run<Value>(_ body: () async throws -> Value) async throws -> Value {
        let result: Result<Value, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        await end()
        return try result.get()
    }

    private func end() async {
        await gateway.stop()
        await watching.value
        await home.shutdown()
        await loop.shutdown()
        relay.stop()
        for file in files.withLock({ $0 }) { unlink(file) }
    }
}
