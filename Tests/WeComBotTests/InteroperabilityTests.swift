import BotFoundation
import Foundation
import GatewaySimulator
import LWSTransport
import TestSupport
import Testing

/// The official Python SDK against the simulated gateway: what only its author's client can talk to proves nothing.
///
/// `WECOM_SDK_PYTHON` names a Python that has `wecom-aibot-python-sdk`; see `Tests/Interoperability`.
@Suite(.enabled(if: SDKBot.python != nil, "WECOM_SDK_PYTHON is not set"), .timeLimit(.minutes(10)))
struct InteroperabilityTests {
    static let patience = Duration.seconds(30)

    @Test func theOfficialSDKSubscribesAndStreamsItsAnswers() async throws {
        let loop = try EventLoop(name: "gateway")
        let configuration = GatewayConfiguration(botID: "aib-sdk", secret: Secret("s3cr3t-of-the-sdk"))
        let gateway = try await Gateway.start(on: loop, configuration: configuration)
        let observations = await gateway.observations(limit: 100_000)
        let certificates = try BotBench.file(gateway.certificateAuthorityPEM ?? [])
        let bot = try SDKBot(
            python: try #require(SDKBot.python),
            environment: [
                "WECOM_BOT_ID": "aib-sdk", "WECOM_BOT_SECRET": "s3cr3t-of-the-sdk", "WECOM_WS_URL": await gateway.url,
                "WECOM_CA_FILE": certificates, "WECOM_HEARTBEAT_SECONDS": "1",
            ]
        )
        do {
            try await converse(gateway)
        } catch {
            Issue.record(error)
        }
        bot.terminate()
        #expect(await bot.status() == 0)
        await gateway.stop()
        await loop.shutdown()
        try FileManager.default.removeItem(atPath: certificates)

        #expect(await BotBench.violations(observations).isEmpty)
        let events = try bot.events()
        let names = events.compactMap { $0["event"] as? String }
        #expect(names.prefix(2) == ["connected", "authenticated"])
        #expect(names.filter { $0 == "message" }.count == 2)
        #expect(names.filter { $0 == "replied" }.count == 2)
        #expect(!names.contains("failed") && !names.contains("error"))
        #expect(names.last == "stopped")
        #expect(events.contains { $0["text"] as? String == Self.single })
    }

    static let single = "你好，企业微信 👩‍👩‍👧‍👦🇨🇳 e\u{301} \"引号\" \\ /"
    static let group = "@Bot 群里也好 🤖"

    /// A message in a single chat, one in a group, and a heartbeat.
    private func converse(_ gateway: Gateway) async throws {
        try await gateway.waitForSubscription(within: Self.patience)
        for (text, chat) in [(Self.single, nil), (Self.group, "wrGROUP")] {
            let message = await gateway.pushText(from: "张三", in: chat, text)
            #expect(try await gateway.waitForAnswer(to: message, within: Self.patience) == "sdk: \(text)")
            let bubbles = await gateway.answer(to: message)
            #expect(bubbles.count == 1)
            #expect(bubbles.first?.frames == 4, "three intermediate frames and the final one")
            let first = try await gateway.waitForObservation { observation in
                if case .updated(message.messageID, _, _) = observation.event { true } else { false }
            }
            guard case .updated(_, _, let bubble) = first.event else { return }
            #expect(bubble.text == "sdk:" && !bubble.isFinished)
        }
        try await gateway.waitForObservation(within: Self.patience) { observation in
            if case .received(_, "ping", _, _) = observation.event { true } else { false }
        }
    }
}
