import BotCrypto
import BotFoundation
import Foundation
import GatewaySimulator
import Glibc
import LWSTransport
import TestSupport
import Testing

@testable import WeComBot

/// A bot in webhook mode: how it begins, how it is seen, how it ends.
@Suite(.timeLimit(.minutes(5)))
struct BotWebhookTests {
    private static let echo: @Sendable (Inbound, Reply) async throws -> Void = { message, reply in
        await reply.write("echo: \(message.text)")
    }

    /// Runs `body` while a bot runs, asks it to end, and waits until it has.
    private func run(
        _ far: CallbackEnd,
        drainDeadline: Duration = .seconds(10),
        _ handler: @escaping @Sendable (Inbound, Reply) async throws -> Void = echo,
        _ body: (Bot) async throws -> Void
    ) async throws {
        let bot = try Bot(
            configuration: far.configuration,
            log: .disabled,
            schedule: .patient(handlers: drainDeadline)
        )
        let running = Task { try await bot.run(handlesSignals: false, handler) }
        do {
            try await bot.isReached()
            try await body(bot)
        } catch {
            Issue.record(error)
        }
        bot.stop()
        try await running.value
        await far.end()
    }

    @Test func statesSnapshotHealthAndMetricsTellOfTheCallbackAddress() async throws {
        let status = freePort()
        let far = try await CallbackEnd { $0.statusPort = status }
        try await run(far) { bot in
            let message = far.push("hi", from: "u", in: nil)
            await far.observed.wait { $0.seen(message).isFinished }
            _ = try await far.caller.send("GET", far.url + "/webhook/wecom-ai-bot")
            let snapshot = await bot.snapshot()
            #expect(snapshot.state == .ready && snapshot.connectedAge != nil && snapshot.lastFrameAge != nil)
            #expect(snapshot.messages == 1 && snapshot.refusedCallbacks == [400: 1])
            let health = try await far.caller.send("GET", "http://127.0.0.1:\(status)/healthz")
            #expect(health.status == 200 && health.text.contains(#""state":"ready""#))
            let metrics = try await far.caller.send("GET", "http://127.0.0.1:\(status)/metrics").text
            let samples = try PrometheusSamples(metrics)
            #expect(samples.values["wecom_bot_callbacks_refused_total{status=\"400\"}"] == 1)
            #expect(samples.values["wecom_bot_state{state=\"ready\"}"] == 1)
            #expect(samples.values["wecom_bot_answers_total{outcome=\"delivered\"}"] == 1)
        }
    }

    @Test func eventsAreAnsweredInTheResponseAndWhatOnlyTheLongConnectionHasIsRefused() async throws {
        let far = try await CallbackEnd(answerDeadline: .seconds(60))
        let notice = TemplateCard.textNotice(.init(title: "好"), link: .url("https://x.example"))
        let outcomes = Mailbox<Delivery>()
        let bot = try Bot(configuration: far.configuration, log: .disabled)
        let onEvent: ClosureHandler.EventBody = { event, reply in
            outcomes.put(event.kind == .enterChat ? await reply.welcome("欢迎") : await reply.update(notice))
            outcomes.put(await reply.send(.markdown("还有")))
        }
        let running = Task { try await bot.run(handlesSignals: false, onEvent: onEvent, Self.echo) }
        try await bot.isReached()
        // Until it is answered in time: a machine that stands still for 5 s is not what is tested.
        func happens(_ event: SimulatedEvent) async -> (message: PushedMessage, sent: Delivery?) {
            while true {
                let message = far.platform.push(event, from: "u")
                let (answered, sent) = (await outcomes.next(), await outcomes.next())
                guard answered == .delivered || Task.isCancelled else { continue }
                await far.observed.wait {
                    $0.contains { if case .eventAnswered(message.messageID, _) = $0 { true } else { false } }
                }
                return (message, sent)
            }
        }
        let entered = await happens(.enterChat)
        #expect(far.platform.answer(toEvent: entered.message)?["text"]?["content"] == "欢迎")
        #expect(entered.sent?.reason?.message.contains("without a response_url") == true)
        let card = await happens(.templateCard(cardType: "button_interaction", eventKey: "k", taskID: "t_1"))
        #expect(far.platform.answer(toEvent: card.message)?["template_card"]?["task_id"] == "t_1")
        #expect(card.sent == .delivered && far.platform.answer(to: card.message) == ["还有"])
        let conversation = Conversation(kind: .single, id: "u")
        let pushed = await bot.push(.markdown("推"), to: conversation)
        #expect(pushed.reason?.message.contains("pushes need the long connection") == true)
        let error = await #expect(throws: UploadError.self) {
            try await bot.upload(bytes: Array("12345".utf8), as: .file, name: "a.txt")
        }
        #expect(error?.code == .notSupported)
        #expect(await bot.snapshot().events >= 2)
        bot.stop()
        try await running.value
        await far.end()
        for case .violation(_, let text) in far.observed.events { Issue.record("a rule was broken: \(text)") }
    }

    @Test func picturesAreDecryptedWithTheCallbacksKey() async throws {
        let loop = try EventLoop(name: "media")
        let host = try await MediaHost.start(on: loop, listener: GatewayListener(security: .plaintext))
        let far = try await CallbackEnd { $0.mediaAllowedOrigins = [host.origin] }
        try await run(far) { message, reply in
            guard let attachment = message.attachments.first else { return }
            await reply.finish("md5:\(try await attachment.download().md5)")
        } _: { _ in
            let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]  // of a PNG
            let picture = try host.publish(signature, commonKey: CallbackEnd.key)
            let message = far.platform.push(.image(picture), from: "u")
            await far.observed.wait { $0.seen(message).isFinished }
            #expect(far.observed.events.seen(message).text == "md5:e9dd2797018cad79186e03e8c5aec8dc")
        }
        await host.stop()
        await loop.shutdown()
    }

    @Test func aPortInUseIsAnErrorThatNamesTheKey() async throws {
        let far = try await CallbackEnd()
        try await run(far) { _ in
            let second = try Bot(configuration: far.configuration, log: .disabled)
            let error = await #expect(throws: BotError.self) { try await second.run(handlesSignals: true, Self.echo) }
            #expect(error?.code == .callbackPortUnavailable && error?.exitStatus == 78)
            #expect(error?.message.contains("WECOM_CALLBACK_PORT") == true)
        }
        // The port is free again.
        let third = try Bot(configuration: far.configuration, log: .disabled)
        third.stop()
        try await third.run(handlesSignals: false, Self.echo)
    }

    @Test func stopLetsAnOpenStreamBeFetchedToItsEnd() async throws {
        let far = try await CallbackEnd()
        let (begun, gate) = (Mailbox<Void>(), Mailbox<Void>())
        try await run(far) { _, reply in
            await reply.write("开头")
            begun.put(())
            await gate.next()
            await reply.write("，结尾")
        } _: { bot in
            let pushed = far.push("说完再走", from: "u", in: nil)
            await begun.next()
            bot.stop()
            gate.put(())
            await far.observed.wait { $0.seen(pushed).text == "开头，结尾" && $0.seen(pushed).isFinished }
        }
    }

    @Test func whatNobodyAsksForAnyMoreGoesToTheResponseURL() async throws {
        let far = try await CallbackEnd()
        let (outcomes, cancelled) = (Mailbox<Delivery>(), Mailbox<Bool>())
        var messages: [PushedMessage] = []
        try await run(far, drainDeadline: .milliseconds(50)) { message, reply in
            await reply.write("没有下文")
            if message.text == "等到天亮" {
                await Mailbox<Void>().next()
                cancelled.put(Task.isCancelled)
            } else {
                outcomes.put(await reply.finish())
            }
        } _: { bot in
            let waiting = far.push("等到天亮", from: "u", in: nil)
            await far.observed.wait { $0.seen(waiting).text == "没有下文" }
            far.platform.setSilent(true)
            messages.append(waiting)
            bot.stop()
            #expect(await cancelled.next() == true)
        }
        // It had been seen already, so it is not said twice.
        #expect(messages.map { far.platform.answer(to: $0) } == [["没有下文"]])
    }

    @Test func anAnswerThatWasNeverAskedForIsPostedAtTheEnd() async throws {
        let far = try await CallbackEnd(refreshInterval: .seconds(3_600))
        let begun = Mailbox<Void>()
        let pushed = Mailbox<PushedMessage>()
        try await run(far, drainDeadline: .milliseconds(50)) { _, reply in
            begun.put(())
            await reply.write("全文 👋🏽")
        } _: { bot in
            pushed.put(far.push("问", from: "u", in: nil))
            await begun.next()
            bot.stop()
        }
        let message = try #require(await pushed.next())
        #expect(far.platform.answer(to: message) == ["<think></think>", "全文 👋🏽"])
    }

    @Test func sigtermDrainsAndTheRunReturns() async {
        await #expect(processExitsWith: .exitCode(7)) {
            alarm(120)
            let far = try await CallbackEnd()
            let bot = try Bot(configuration: far.configuration, log: .disabled)
            let gate = Mailbox<Void>()
            async let run: Void = bot.run { _, reply in
                await reply.write("开头")
                await gate.next()
                await reply.write("，结尾")
            }
            try await bot.isReached()
            let message = far.push("说完再走", from: "u", in: nil)
            await far.observed.wait { $0.seen(message).text == "开头" }
            kill(getpid(), SIGTERM)
            gate.put(())
            await far.observed.wait { $0.seen(message).text == "开头，结尾" && $0.seen(message).isFinished }
            try await run
            exit(7)
        }
    }

    @Test func anotherTokenIsTakenAtOnceAnotherModeIsNot() async throws {
        let far = try await CallbackEnd()
        try await run(far) { bot in
            var other = far.configuration
            other.mode = .longConnection
            (other.botID, other.secret) = ("b", Secret("s"))
            let error = await #expect(throws: ConfigurationError.self) { try await bot.reload(other) }
            #expect(error?.problems.map(\.key) == ["mode"])
            #expect(try await far.verify().isProven, "nothing has changed")
            other = far.configuration
            other.token = Secret("another")
            try await bot.reload(other)
            #expect(try await far.verify().status == 403)
            try await bot.reload(far.configuration)
            #expect(try await far.verify().isProven)
        }
    }

    @Test func aHostWithAServerOfItsOwnHandsRequestsOver() async throws {
        let loop = try EventLoop()
        var configuration = Configuration(token: Secret(CallbackEnd.token), encodingAESKey: Secret(CallbackEnd.key))
        configuration.callbackPort = 0
        let bot = try Bot(configuration: configuration, log: .disabled)
        let nothing = WebhookRequest(method: "GET", path: "/any", query: "")
        #expect(await bot.respond(to: nothing).status == 503, "it does not run yet")
        let running = Task { try await bot.run(handlesSignals: false, Self.echo) }
        try await bot.isReached()
        let platform = try CallbackPlatform(
            CallbackPlatformConfiguration(token: Secret(CallbackEnd.token), encodingAESKey: Secret(CallbackEnd.key)),
            observer: { _ in }
        ) { delivery in
            let request = WebhookRequest(
                method: delivery.method,
                path: "/api/platform/webhook/0123456789abcdef",
                query: delivery.query,
                body: delivery.body
            )
            let response = await bot.respond(to: request)
            return CallbackReply(status: response.status, body: response.body)
        }
        let (status, isProven) = try await platform.verify()
        #expect(status == 200 && isProven)
        #expect(await bot.respond(to: nothing).status == 400)
        bot.stop()
        try await running.value
        #expect(await bot.respond(to: nothing).status == 503)
        await loop.shutdown()
    }

    @Test func aBotOnTheLongConnectionSaysSo() async throws {
        let port = freePort()
        let bench = try await BotBench {
            $0.callbackHost = "127.0.0.1"
            $0.callbackPort = port
        }
        try await bench.run(BotBench.echo) { bot in
            try await bench.gateway.waitForSubscription()
            let caller = HTTPCaller()
            let url = "http://127.0.0.1:\(port)/webhook/wecom-ai-bot?msg_signature=0&timestamp=1&nonce=2"
            for method in ["GET", "POST"] {
                let answer = try await caller.send(method, url, method == "GET" ? [] : Array("{}".utf8))
                #expect(answer.status == 400 && answer.text.contains("WECOM_CONNECTION_MODE=webhook"))
            }
            #expect(await bot.respond(to: WebhookRequest(method: "GET", path: "/", query: "")).status == 400)
            // Nobody else who wants the port keeps this bot, or another, from running.
            let second = try Bot(configuration: bench.configuration, log: .disabled)
            second.stop()
            try await second.run(handlesSignals: false, BotBench.echo)
        }
    }

    @Test func theCallbackAddressMayBeServedOverTLS() async throws {
        let authority = try CertificateAuthority()
        let issued = try authority.issue(names: ["127.0.0.1"])
        let (certificate, key) = (try BotBench.file(issued.certificatePEM), try BotBench.file(issued.privateKeyPEM))
        let authorityFile = try BotBench.file(authority.certificatePEM)
        let port = freePort()
        var configuration = Configuration(token: Secret(CallbackEnd.token), encodingAESKey: Secret(CallbackEnd.key))
        configuration.callbackHost = "127.0.0.1"
        configuration.callbackPort = port
        configuration.callbackCertificateFile = certificate
        configuration.callbackKeyFile = key
        let bot = try Bot(configuration: configuration, log: .disabled)
        let running = Task { try await bot.run(handlesSignals: false, Self.echo) }
        try await bot.isReached()
        let url = "https://127.0.0.1:\(port)/webhook/wecom-ai-bot"
        let curl = ["curl", "-s", "--max-time", "30", "--noproxy", "*", "--cacert", authorityFile, url]
        let text = try await ChildProcess(curl).end().output
        #expect(text.contains("callback address of a WeCom AI bot"))
        bot.stop()
        try await running.value
        for file in [certificate, key, authorityFile] { try FileManager.default.removeItem(atPath: file) }
    }
}
