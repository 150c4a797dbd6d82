import BotFoundation
import Foundation
import GatewaySimulator
import Glibc
import LWSTransport
import TestSupport
import Testing

@testable import WeComBot

/// What `echo-bot` promises, in the other mode: the program itself, asked by the platform.
@Suite(.timeLimit(.minutes(5)))
struct EchoBotWebhookTests {
    @Test func theProgramKeepsItsPromisesInWebhookMode() async throws {
        let loop = try EventLoop(name: "media")
        let host = try await MediaHost.start(on: loop, listener: GatewayListener(security: .plaintext))
        let far = try await CallbackEnd()
        var environment = [
            "WECOM_CONNECTION_MODE": "webhook", "WECOM_TOKEN": CallbackEnd.token,
            "WECOM_ENCODING_AES_KEY": CallbackEnd.key, "WECOM_CALLBACK_HOST": "127.0.0.1",
            "WECOM_CALLBACK_PORT": "\(far.configuration.callbackPort ?? 0)",
            "WECOM_MEDIA_ALLOWED_ORIGINS": "\(host.origin)", "PATH": "/usr/bin:/bin",
        ]
        for name in ["LD_LIBRARY_PATH", "TSAN_OPTIONS", "ASAN_OPTIONS", "LSAN_OPTIONS"] {
            if let value = ProcessInfo.processInfo.environment[name] { environment[name] = value }
        }
        let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let path = URL(filePath: program).deletingLastPathComponent().appending(path: "echo-bot").path()
        let bot = try ChildProcess([path], environment: environment)
        await bot.hasWritten("the callback address is")

        func answer(_ message: PushedMessage) async -> String {
            await far.observed.wait { $0.seen(message).isFinished }.seen(message).text
        }
        let text = "你好 👋🏽 e\u{301}"
        #expect(await answer(far.push(text, from: "a", in: nil)) == "echo: \(text)")
        #expect(await answer(far.push("!once \(text)", from: "b", in: "wrGROUP")) == text)
        #expect(await answer(far.push("!stream 3 20 字", from: "c", in: nil)) == "字:00000;字:00001;字:00002;")
        let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]  // of a PNG
        let picture = try host.publish(signature, commonKey: CallbackEnd.key)
        let sent = far.platform.push(.image(picture), from: "d")
        #expect(await answer(sent) == "md5:e9dd2797018cad79186e03e8c5aec8dc")
        // No file can be uploaded in this mode, and that is said.
        #expect(await answer(far.push("!file 100", from: "e", in: nil)).hasPrefix("the file was not uploaded: "))
        let entered = far.platform.push(.enterChat, from: "f")
        let pressed = SimulatedEvent.templateCard(cardType: "button_interaction", eventKey: "k", taskID: "t_1")
        let press = far.platform.push(pressed, from: "g")
        for message in [entered, press] {
            while far.platform.answer(toEvent: message) == nil { await Task.yield() }
        }
        #expect(far.platform.answer(toEvent: entered)?["text"]?["content"] == "echo: enter_chat")
        #expect(far.platform.answer(toEvent: press)?["template_card"]?["task_id"] == "t_1")

        bot.signal(SIGTERM)
        let (status, output) = await bot.end()
        #expect(status == 0 && !output.contains(CallbackEnd.token) && !output.contains(CallbackEnd.key))
        await far.end()
        await host.stop()
        await loop.shutdown()
        for case .violation(_, let text) in far.observed.events { Issue.record("a rule was broken: \(text)") }
    }
}
