import BotFoundation
import GatewaySimulator
import LWSTransport
import TestSupport
import Testing

@testable import WeComBot

/// Bots with a group webhook, over real sockets.
@Suite(.timeLimit(.minutes(5)))
struct BotGroupWebhookTests {
    private static let key = "hunter2"
    private static let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    /// A bot in a mode, beside a group webhook that its configuration names.
    private struct Stage {
        let host: GroupWebhookHost
        let far: any FarEnd
        let lines = EventRecorder<Log.Record>()
        let bot: Bot

        var shown: [GroupMessage] { host.messages(of: key) }

        /// Runs `body` while the bot runs.
        static func run(
            _ mode: BotMode,
            _ configure: (inout Configuration) -> Void = { _ in },
            _ handler: @escaping BotBench.Handler,
            _ body: (Stage) async throws -> Void
        ) async throws {
            let loop = try EventLoop(name: "group")
            let listener = GatewayListener(security: .plaintext)
            let host = try await GroupWebhookHost.start(on: loop, listener: listener, keys: [key])
            let far: any FarEnd = mode == .webhook ? try await CallbackEnd() : try await GatewayEnd()
            var configuration = far.configuration
            configuration.mediaAllowedOrigins = [host.origin]
            configuration.groupWebhookURL = Secret(host.url(key: key))
            configure(&configuration)
            let stage = try Stage(host, far, configuration)
            let running = Task { try await stage.bot.run(handlesSignals: false, handler) }
            do {
                try await stage.bot.isReached()
                try await body(stage)
            } catch {
                Issue.record(error)
            }
            stage.bot.stop()
            try await running.value
            await far.end()
            await host.stop()
            await loop.shutdown()
            for record in stage.lines.events { #expect(!BotBench.text(record).contains(key)) }
        }

        private init(_ host: GroupWebhookHost, _ far: any FarEnd, _ configuration: Configuration) throws {
            self.host = host
            self.far = far
            let lines = lines
            let log = Log(level: .debug) { lines.record($0) }
            bot = try Bot(configuration: configuration, log: log, schedule: .patient(handlers: .seconds(10)))
        }
    }

    private func isRedirectedToTheGroup(_ delivery: Delivery?) -> Bool {
        guard case .redirected(let reason) = delivery else { return false }
        return reason.message.contains("sent to the group webhook")
    }

    private func refusal(_ verdicts: Mailbox<Delivery>) async -> Delivery.Reason? {
        if case .refused(let reason)? = await verdicts.next() { reason } else { nil }
    }

    @Test(arguments: BotMode.allCases) func aBotPushesTextsPicturesAndFiles(mode: BotMode) async throws {
        try await Stage.run(mode, { _ in }, { _, _ in }) { stage in
            #expect(await stage.bot.pushToGroupWebhook(.markdown("**构建** 👩‍👩‍👧‍👦")) == .delivered)
            let picture = try await stage.bot.uploadToGroupWebhook(bytes: Self.png, as: .image, name: "a.png")
            #expect(await stage.bot.pushToGroupWebhook(.media(picture)) == .delivered)
            let path = try BotBench.file(Array("报告，第一页".utf8))
            let file = try await stage.bot.uploadToGroupWebhook(file: path, as: .file, name: "报告.txt")
            #expect(await stage.bot.pushToGroupWebhook(.media(file)) == .delivered)
            let shown = GroupFile(type: "file", name: "报告.txt", bytes: Array("报告，第一页".utf8))
            #expect(stage.shown == [.text("**构建** 👩‍👩‍👧‍👦"), .image(Self.png), .file(shown)])
            #expect(stage.host.complaints == [])
        }
    }

    @Test func aBotThatDoesNotRunPushesNothing() async throws {
        let bot = try Bot(configuration: Configuration(botID: "b", secret: Secret("s")), log: .disabled)
        #expect(await bot.pushToGroupWebhook(.markdown("好")).reason?.message.contains("does not run") == true)
        let error = await #expect(throws: UploadError.self) {
            try await bot.uploadToGroupWebhook(bytes: Self.png, as: .file, name: "a.png")
        }
        #expect(error?.code == .notRunning)
    }

    @Test(arguments: BotMode.allCases) func aReloadBringsOneAndTakesItAway(mode: BotMode) async throws {
        try await Stage.run(mode, { $0.groupWebhookURL = Secret("") }, { _, _ in }) { stage in
            func push() async -> Delivery { await stage.bot.pushToGroupWebhook(.markdown("好")) }
            #expect(await push().reason?.message.contains("WECOM_PUSH_WEBHOOK_URL") == true)
            var configuration = stage.far.configuration
            configuration.mediaAllowedOrigins = [stage.host.origin]
            configuration.groupWebhookURL = Secret(stage.host.url(key: Self.key))
            try await stage.bot.reload(configuration)
            #expect(await push() == .delivered)
            try await stage.bot.reload(stage.far.configuration)
            #expect(await push().reason?.message.contains("there is no group webhook") == true)
            #expect(stage.shown == [.text("好")])
        }
    }

    @Test(arguments: BotMode.allCases)
    func asTheOnlyWayItGetsWholeAnswersAndNothingElseHappens(mode: BotMode) async throws {
        let verdicts = Mailbox<Delivery>()
        try await Stage.run(mode, { $0.onlyUsesGroupWebhook = true }) { message, reply in
            await reply.think("想想")
            await reply.write("一，")
            let picture = try await reply.upload(bytes: Self.png, as: .image, name: "a.png")
            verdicts.put(await reply.send(.media(picture)))
            let file = try await reply.upload(bytes: Self.png, as: .file, name: "图.png")
            verdicts.put(await reply.send(.media(file)))
            await reply.write(message.text)
            verdicts.put(await reply.finish())
        } _: { stage in
            let long = "二" + String(repeating: "字", count: 1_365)
            for text in [long, "你好"] {
                _ = await stage.far.push(text, from: "张三", in: nil)
                #expect(await verdicts.next(3) == [.delivered, .delivered, .delivered])
            }
            let file = GroupMessage.file(GroupFile(type: "file", name: "图.png", bytes: Self.png))
            #expect(stage.shown.count == 7 && stage.host.complaints == [])
            #expect(Array(stage.shown.prefix(2)) == [.image(Self.png), file])
            #expect(stage.shown[2...3].compactMap(\.text).joined() == "一，" + long)
            #expect(Array(stage.shown.suffix(3)) == [.image(Self.png), file, .text("一，你好")])
            for event in stage.far.observed.events {
                switch event {
                case .updated, .sent, .violation, .lost: Issue.record("\(event)")
                default: break
                }
            }
        }
    }

    @Test func whatDoesNotFitInWebhookModeGoesToTheGroupItWasAskedIn() async throws {
        let verdicts = Mailbox<Delivery>()
        try await Stage.run(.webhook, { _ in }) { message, reply in
            await reply.write(ModeStage.text(bytes: 48_000))
            verdicts.put(await reply.finish())
        } _: { stage in
            let group = await stage.far.push("长", from: "张三", in: "wrGROUP")
            // The first part that went another way names it.
            guard case .redirected(let reason)? = await verdicts.next() else {
                Issue.record("it was not redirected")
                return
            }
            #expect(reason.message.contains("sent to response_url"))
            let seen = stage.far.observed.events.seen(group).text
            #expect(seen + stage.shown.compactMap(\.text).joined() == ModeStage.text(bytes: 48_000))
            #expect(stage.shown.count == 2 && stage.host.complaints == [])
            _ = await stage.far.push("长", from: "张三", in: nil)
            #expect(await refusal(verdicts)?.message.contains("response_url was used") == true)
            #expect(stage.host.requests == 2, "what was said in private must not be seen in the group")
        }
    }

    @Test func whatTheGatewayRefusesGoesToTheGroupItWasAskedIn() async throws {
        let verdicts = Mailbox<Delivery>()
        let far = try await BotBench()
        let loop = try EventLoop(name: "group")
        let listener = GatewayListener(security: .plaintext)
        let host = try await GroupWebhookHost.start(on: loop, listener: listener, keys: [Self.key])
        var configuration = far.configuration
        configuration.mediaAllowedOrigins = [host.origin]
        configuration.groupWebhookURL = Secret(host.url(key: Self.key))
        let bot = try Bot(configuration: configuration, log: .disabled, schedule: .patient(handlers: .seconds(10)))
        let running = Task {
            try await bot.run(handlesSignals: false) { message, reply in
                await reply.write("echo: \(message.text)")
                verdicts.put(await reply.finish())
            }
        }
        try await far.gateway.waitForSubscription()
        func refuse(_ code: ServerCode) async {
            let last = FrameFilter(commands: [.respond], isFinal: true)
            await far.gateway.inject(.onFrame(last, .answer(.unknownRequest)))
            await far.gateway.inject(.onFrame(FrameFilter(commands: [.send]), .answer(code)))
        }
        await refuse(.invalidChat)
        _ = await far.gateway.pushText(from: "张三", in: "wrGROUP", "你好")
        #expect(isRedirectedToTheGroup(await verdicts.next()))
        #expect(host.messages(of: Self.key) == [.text("echo: 你好")])
        await refuse(.invalidChat)
        _ = await far.gateway.pushText(from: "张三", in: nil, "私下")
        #expect(await refusal(verdicts)?.code == 93_006)
        #expect(host.requests == 1)
        await refuse(ServerCode(rawValue: 40_201))
        _ = await far.gateway.pushText(from: "张三", in: "wrGROUP", "不该说的")
        #expect(await refusal(verdicts)?.code == 40_201)
        #expect(host.requests == 1)
        bot.stop()
        try await running.value
        try await far.end()
        await host.stop()
        await loop.shutdown()
    }
}
