import BotCrypto
import BotFoundation
import Foundation
import GatewaySimulator
import LWSTransport
import TestSupport
import Testing

@testable import WeComBot

/// A bot made with the public API, and a gateway on a real socket for it.
struct BotBench: Sendable {
    typealias Handler = @Sendable (Inbound, Reply) async throws -> Void

    static let botID = "aib-bench"
    static let secret = "s3cr3t-of-the-bench"

    let home: EventLoop
    let gateway: Gateway
    let configuration: Configuration
    let lines = EventRecorder<Log.Record>()

    /// A gateway, and a configuration for it.
    init(
        _ service: GatewayConfiguration = GatewayConfiguration(botID: botID, secret: Secret(secret)),
        listener: GatewayListener = .init(),
        _ configure: (inout Configuration) -> Void = { _ in }
    ) async throws {
        home = try EventLoop(name: "gateway")
        gateway = try await Gateway.start(on: home, configuration: service, listener: listener)
        var configuration = Configuration(botID: Self.botID, secret: Secret(Self.secret))
        configuration.webSocketURL = await gateway.url
        configuration.certificateAuthorityFile = try Self.file(gateway.certificateAuthorityPEM ?? [])
        configuration.heartbeatInterval = .seconds(1)
        configure(&configuration)
        self.configuration = configuration
    }

    /// A file with that content, which lives as long as the process.
    static func file(_ bytes: [UInt8]) throws -> String {
        let url = FileManager.default.temporaryDirectory.appending(path: "bot-bench-\(UUID().uuidString).pem")
        try Data(bytes).write(to: url)
        return url.path()
    }

    /// The MD5 of some bytes.
    static func md5(_ bytes: [UInt8]) throws -> String {
        let checksum = try MD5Checksum()
        try checksum.update(bytes)
        return try checksum.finish()
    }

    /// A bot whose log is kept.
    ///
    /// - Parameter drainDeadline: How long handlers may take when it ends; all else has time enough.
    func bot(drainDeadline: Duration = .seconds(10)) throws -> Bot {
        let lines = lines
        let log = Log(level: .trace) { lines.record($0) }
        return try Bot(configuration: configuration, log: log, schedule: .patient(handlers: drainDeadline))
    }

    /// Runs `body` while a bot runs that answers with `handler`, asks it to end, and waits until it has.
    func run(
        _ handler: @escaping Handler,
        drainDeadline: Duration = .seconds(10),
        _ body: (Bot) async throws -> Void
    ) async throws {
        let bot = try bot(drainDeadline: drainDeadline)
        let running = Task { try await bot.run(handlesSignals: false, handler) }
        do { try await body(bot) } catch { Issue.record(error) }
        bot.stop()
        try await running.value
        try await end()
    }

    /// Stops the gateway and looks at what was logged.
    func end() async throws {
        await gateway.stop()
        await home.shutdown()
        for record in lines.events {
            let line = Self.text(record)
            #expect(!line.contains(Self.secret) && !line.contains("response_code"))
        }
        if let file = configuration.certificateAuthorityFile { try FileManager.default.removeItem(atPath: file) }
    }

    /// A line as text.
    static func text(_ record: Log.Record) -> String {
        ([record.message] + record.metadata.map { "\($0.key)=\($0.value)" }).joined(separator: " ")
    }

    /// The lines at `level` or above.
    func text(from level: Log.Level) -> [String] { lines.events.filter { $0.level >= level }.map(Self.text) }

    /// Waits for a line at `level` or above that has `part` in it.
    func line(from level: Log.Level, with part: String) async -> String {
        await lines.first { record in
            let text = Self.text(record)
            return record.level >= level && text.contains(part) ? text : nil
        }
    }

    /// Waits until a connection has ended: its code.
    func closeCode() async throws -> UInt16? {
        let end = try await gateway.waitForObservation {
            if case .closed = $0.event { true } else { false }
        }
        guard case .closed(_, let code) = end.event else { return nil }
        return code
    }

    /// The rules that were broken so far.
    static func violations(_ observations: AsyncStream<Observation>) async -> [String] {
        var violations: [String] = []
        for await observation in observations {
            if case .violation(_, let text) = observation.event { violations.append(text) }
        }
        return violations
    }

    /// Answers with the text itself, in three pieces.
    static let echo: Handler = { message, reply in
        await reply.write("echo: ")
        await reply.write(String(message.text.prefix(2)))
        await reply.write(String(message.text.dropFirst(2)))
    }
}

extension ShutdownSchedule {
    /// Handlers have so long; all else has time enough.
    static func patient(handlers: Duration) -> ShutdownSchedule {
        var schedule = ShutdownSchedule(.seconds(40))
        schedule.handlers = handlers
        (schedule.verdicts, schedule.closing, schedule.rest) = (.seconds(5), .seconds(5), .seconds(2))
        return schedule
    }
}
