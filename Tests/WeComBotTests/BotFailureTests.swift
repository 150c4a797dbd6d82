import BotCrypto
import BotFoundation
import GatewaySimulator
import TestSupport
import Testing

@testable import WeComBot

/// What an operator reads when a bot cannot work: one clear line each.
@Suite(.timeLimit(.minutes(10)))
struct BotFailureTests {
    /// Runs a bot until it has said something at `level`, and returns all that it said at that level.
    private func complaint(_ bench: BotBench, _ level: Log.Level, with part: String) async throws -> [String] {
        try await bench.run(BotBench.echo) { _ in
            _ = await bench.line(from: level, with: part)
        }
        return bench.text(from: .warning)
    }

    @Test func aWrongSecretIsOneClearLine() async throws {
        let service = GatewayConfiguration(botID: BotBench.botID, secret: Secret("another"))
        let bench = try await BotBench(service)
        let lines = try await complaint(bench, .error, with: "rejects")
        #expect(lines.count == 1)
        for part in ["853000", "WECOM_BOT_ID", "WECOM_BOT_SECRET", "retry_in="] {
            #expect(lines.first?.contains(part) == true, "\(part)")
        }
    }

    @Test func aCertificateOfAnUnknownAuthorityIsOneClearLine() async throws {
        let stranger = try BotBench.file(CertificateAuthority().certificatePEM)
        let bench = try await BotBench { $0.certificateAuthorityFile = stranger }
        let lines = try await complaint(bench, .warning, with: "certificate")
        #expect(lines.count == 1)
        for part in ["wss://localhost:", "refused", "private authority"] {
            #expect(lines.first?.contains(part) == true, "\(part)")
        }
    }

    @Test func aCertificateForAnotherNameIsOneClearLine() async throws {
        let authority = try CertificateAuthority()
        let listener = GatewayListener(security: .authority(authority, names: ["other.example"]))
        let bench = try await BotBench(listener: listener)
        let lines = try await complaint(bench, .warning, with: "certificate")
        #expect(lines.count == 1)
        #expect(lines.first?.contains("name") == true)
    }

    @Test func anUnreachableHostIsOneClearLine() async throws {
        let bench = try await BotBench()
        await bench.gateway.stop()
        let lines = try await complaint(bench, .warning, with: "cannot be reached")
        #expect(lines.count == 1)
        #expect(lines.first?.contains("not connected: wss://localhost:") == true)
    }

    @Test func aNameWithoutAddressIsOneClearLine() async throws {
        let bench = try await BotBench { $0.webSocketURL = "wss://no-such-host.invalid" }
        let lines = try await complaint(bench, .warning, with: "no-such-host.invalid")
        #expect(lines.count == 1)
        #expect(lines.first?.contains("check the name and the DNS") == true)
    }

    @Test func aBotComesBackWhenTheGatewayDoes() async throws {
        let bench = try await BotBench()
        try await bench.run(BotBench.echo) { _ in
            try await bench.gateway.waitForSubscription()
            await bench.gateway.inject(.now(.reset))
            _ = await bench.line(from: .warning, with: "not connected: the connection was lost")
            let second = try await bench.gateway.waitForObservation {
                if case .subscribed(ConnectionID(rawValue: 2), _) = $0.event { true } else { false }
            }
            #expect(second.event == .subscribed(ConnectionID(rawValue: 2), bot: BotBench.botID))
            let message = await bench.gateway.pushText(from: "u", "还在吗")
            #expect(try await bench.gateway.waitForAnswer(to: message) == "echo: 还在吗")
        }
    }

    @Test func everyWrongKeyIsNamedBeforeAnythingStarts() throws {
        var configuration = Configuration(botID: "", secret: Secret(""))
        configuration.webSocketURL = "https://example.com"
        configuration.heartbeatInterval = .zero
        let error = #expect(throws: ConfigurationError.self) { try Bot(configuration: configuration) }
        #expect(error?.problems.count == 4)
    }

    @Test(arguments: ["/no/such/file.pem", "/dev/null"])
    func anAuthorityFileThatCannotBeUsedIsNamed(path: String) throws {
        var configuration = Configuration(botID: "bot", secret: Secret("secret"))
        configuration.certificateAuthorityFile = path
        let error = #expect(throws: ConfigurationError.self) { try Bot(configuration: configuration) }
        #expect(error?.problems.count == 1)
        #expect(error?.problems.first?.key == "certificateAuthorityFile")
    }
}
