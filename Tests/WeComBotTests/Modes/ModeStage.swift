import BotFoundation
import GatewaySimulator
import TestSupport
import Testing

@testable import EchoBot
@testable import WeComBot

/// A bot in one of its modes, with a handler that does as the message says, and a user.
///
/// `throw` is half an answer and a failure, `slow` takes a second, `together` waits until twenty have said so, `long N` is a text of N
/// bytes, `images N` N images behind a text and `only images N` without; everything else is echo-bot's.
struct ModeStage: Sendable {
    struct Broken: Error {}

    /// How an answer ended.
    struct Outcome: Sendable {
        let messageID: String
        let delivery: Delivery
    }

    static let apology = "抱歉，出错了。"

    let far: any FarEnd
    let handled = EventRecorder<Inbound>()
    let outcomes = EventRecorder<Outcome>()
    let lines = EventRecorder<Log.Record>()

    /// Plays a scenario with a bot in that mode.
    static func play(_ scenario: ModeScenario, in mode: BotMode) async throws {
        let far: any FarEnd = mode == .webhook ? try await CallbackEnd() : try await GatewayEnd()
        let stage = ModeStage(far: far)
        var configuration = far.configuration
        configuration.apologyText = apology
        let lines = stage.lines
        let bot = try Bot(configuration: configuration, log: Log(level: .debug) { lines.record($0) })
        let running = Task { try await bot.run(handlesSignals: false) { try await stage.answer($0, $1) } }
        do {
            try await bot.isReached()
            try await scenario.play(stage)
        } catch {
            Issue.record(error)
        }
        bot.stop()
        try await running.value
        await far.end()
        let snapshot = await bot.snapshot()
        #expect(snapshot.state == .stopped && snapshot.openTurns == 0 && snapshot.waitingMessages == 0)
        for case .violation(_, let text) in far.observed.events { Issue.record("a rule was broken: \(text)") }
        for record in lines.events {
            let line = BotBench.text(record)
            #expect(!line.contains(CallbackEnd.token) && !line.contains(BotBench.secret) && !line.contains("echo: "))
        }
    }

    private init(far: any FarEnd) {
        self.far = far
    }

    private func answer(_ message: Inbound, _ reply: Reply) async throws {
        handled.record(message)
        if message.text == "throw" {
            await reply.write("一半，")
            throw Broken()
        } else if message.text == "slow" {
            try await ContinuousClock().sleep(for: .seconds(1))
            await reply.write("慢慢来")
        } else if message.text == "together" {
            await handled.wait { $0.count { $0.text == "together" } == 20 }
            await reply.write("一起来")
        } else if let count = Self.number("long ", message.text) {
            await reply.write(Self.text(bytes: count))
        } else if let count = Self.number("images ", message.text) ?? Self.number("only images ", message.text) {
            if message.text.hasPrefix("images") { await reply.write("看图") }
            do throws(UploadError) {
                for number in 0..<count { try await reply.attach(image: Self.image(number)) }
            } catch {
                await reply.write("：" + error.code.rawValue)
            }
        } else {
            await EchoBot.answer(message.text, reply)
        }
        outcomes.record(Outcome(messageID: message.id, delivery: await reply.finish()))
    }

    private static func number(_ command: String, _ text: String) -> Int? {
        text.hasPrefix(command) ? Int(text.dropFirst(command.count)) : nil
    }

    /// One of 256 images.
    static func image(_ number: Int) -> [UInt8] { [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, UInt8(number)] }

    /// A text without a place where a splitter would like to cut it.
    static func text(bytes: Int) -> String {
        String(repeating: "字", count: bytes / 3) + String(repeating: "a", count: bytes % 3)
    }

    // MARK: For scenarios

    /// A user says something.
    func push(_ text: String, from user: String = "张三", in group: String? = nil) async -> PushedMessage {
        await far.push(text, from: user, in: group)
    }

    /// Waits until the user sees the end of an answer that fits.
    @discardableResult
    func sees(_ message: PushedMessage, _ fits: @escaping @Sendable (String) -> Bool = { _ in true }) async -> String {
        await far.observed.wait { events in
            let (text, isFinished) = events.seen(message)
            return isFinished && fits(text)
        }.seen(message).text
    }

    /// Waits until the user sees so many images of an answer: their checksums, in order.
    func seesImages(_ count: Int, of message: PushedMessage) async -> [String] {
        await far.observed.wait { $0.images(of: message).count >= count }.images(of: message)
    }

    /// Waits until the handler knows how an answer ended.
    func outcome(of message: PushedMessage) async -> Delivery {
        await outcomes.first { $0.messageID == message.messageID ? $0.delivery : nil }
    }
}
