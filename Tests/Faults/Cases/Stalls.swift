import BotCore
import BotCrypto
import BotFoundation
import FoundationEssentials
import GatewaySimulator
import Glibc
import LWSTransport
import TestSupport
import WeComAIBot

extension FaultCase {
    /// Each stage of connecting that hangs ends with an error of its own, and when it no longer hangs the bot is back.
    static let stalls = FaultCase("stalls", .waits) { context in
        let isStuck = Locked(true)
        let bench = try await Bench(
            context,
            lookUp: { _ in
                while isStuck.withLock({ $0 }) { usleep(20_000) }
                return .success(["127.0.0.1"])
            }
        )
        return try await bench.run {
            let silent = try await SilentTLSServer(context)
            let stages:
                [(name: String, host: String, words: String, begin: () throws -> Void, end: () throws -> Void)] = [
                    ("DNS", "localhost", "resolving localhost timed out", {}, { isStuck.withLock { $0 = false } }),
                    (
                        "TCP", "127.0.0.1", "timed out: check the address and the firewall",
                        { try bench.proxy.accept(.stall) },
                        { try bench.proxy.accept(.relay) }
                    ),
                    (
                        "TLS", "127.0.0.1", "timed out: is it a TLS port?", { try bench.proxy.accept(.mute) },
                        { try bench.proxy.accept(.relay) }
                    ),
                    (
                        "upgrade", "127.0.0.1", "upgrade at", { bench.proxy.redirect(to: silent.port) },
                        { bench.proxy.redirect(to: bench.gatewayPort) }
                    ),
                ]
            var figures: [String] = []
            for stage in stages {
                try stage.begin()
                var configuration = try bench.configuration(host: stage.host)
                configuration.limits.resolveDeadline = .milliseconds(300)
                configuration.limits.connectDeadline = .milliseconds(300)
                configuration.limits.tlsDeadline = .milliseconds(300)
                configuration.limits.upgradeDeadline = .milliseconds(300)
                if stage.name == "upgrade" { configuration.trust = .pem(silent.authorityPEM) }
                figures.append(
                    try await stall(bench, configuration, stage.name, stage.words) {
                        try stage.end()
                    }
                )
            }
            silent.stop()

            var configuration = try bench.configuration()
            configuration.machine.subscribeDeadline = .milliseconds(300)
            await bench.gateway.inject(.ignoreSubscribe(times: 1))
            figures.append(try await stall(bench, configuration, "subscribe", "the subscribe was not answered") {})
            return "its own error for each, then back: \(figures.joined(separator: ", ")) (deadlines 300 ms)"
        }
    }

    private static func stall(
        _ bench: Bench,
        _ configuration: LongConnectionConfiguration,
        _ name: String,
        _ words: String,
        end: () throws -> Void
    ) async throws -> String {
        let began = ContinuousClock.now
        let client = try await bench.client(configuration)
        let lost = try await client.waiting(within: .seconds(8))
        let reason = lost.change.state.reason ?? ""
        try expect(reason.contains(words), "at \(name) an error with \"\(words)\"", seen: reason)
        try end()
        // The certificate of the server that stalls the upgrade is another one: that bot does not come back to the gateway.
        if name != "upgrade" { try await client.ready(after: lost.count) }
        await client.stop()
        return "\(name) \((lost.change.at - began).figure)"
    }
}

/// A server that speaks TLS and then says nothing: `openssl s_server`.
final class SilentTLSServer: Sendable {
    let port: UInt16
    let authorityPEM: [UInt8]
    private let process: ChildProcess
    private let path: String

    init(_ context: Context, options: [String] = []) async throws {
        let authority = try CertificateAuthority()
        let (certificate, key) = try authority.issue(names: ["localhost", "127.0.0.1"])
        authorityPEM = authority.certificatePEM
        path = FileManager.default.temporaryDirectory.appending(path: "faults-\(UUID().uuidString).pem").path()
        try Data(certificate + key).write(to: URL(filePath: path))
        // A port that was free a moment ago.
        let free = try Socket.listen()
        close(free.descriptor)
        port = free.port
        process = try ChildProcess(
            ["openssl", "s_server", "-accept", "127.0.0.1:\(port)", "-cert", path, "-key", path, "-quiet"] + options,
            environment: ["PATH": "/usr/local/bin:/usr/bin:/bin"]
        )
        try await reachable()
    }

    private func reachable() async throws {
        for _ in 0..<200 {
            let descriptor = try Socket.connect(to: port)
            defer { close(descriptor) }
            var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            if poll(&poller, 1, 100) == 1, poller.revents & Int16(POLLERR | POLLHUP) == 0 { return }
            try await ContinuousClock().sleep(for: .milliseconds(20))
        }
        throw Failure(expected: "openssl s_server to listen", seen: process.output)
    }

    func stop() {
        process.signal(SIGKILL)
        unlink(path)
    }
}
