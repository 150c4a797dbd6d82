import BotCore
import BotFoundation
import GatewaySimulator
import Glibc
import TestSupport
import WeComBot

extension FaultCase {
    /// Two hundred messages at once reach a callback address that others abuse: each is answered before the platform gives up.
    static let callbacks = FaultCase("callbacks", .works) { context in
        let free = try Socket.listen()
        close(free.descriptor)
        let address = "http://127.0.0.1:\(free.port)"
        let (token, key) = (Secret(Audit.mark), Secret(String(repeating: "k", count: 42) + "A"))
        var configuration = Configuration(token: token, encodingAESKey: key)
        configuration.callbackHost = "127.0.0.1"
        configuration.callbackPort = free.port
        let bot = try Bot(configuration: configuration, log: context.audit.log())
        let times = Locked<[Duration]>([])
        let (caller, observed) = (HTTPCaller(), EventRecorder<Observation.Event>())
        let platform = try CallbackPlatform(
            CallbackPlatformConfiguration(token: token, encodingAESKey: key),
            observer: { observed.record($0) }
        ) { delivery in
            let began = ContinuousClock.now
            let url = "\(address)\(delivery.path)?\(delivery.query)"
            let answer = try await caller.send(delivery.method, url, delivery.body)
            times.withLock { $0.append(.now - began) }
            return CallbackReply(status: answer.status, body: answer.body)
        }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await bot.run(handlesSignals: false) { message, reply in
                    try await ContinuousClock().sleep(for: .seconds(1))
                    await reply.write("echo: \(message.text)")
                }
            }
            group.addTask { await platform.run() }
            defer { group.cancelAll() }
            for await state in bot.states where state == .ready { break }
            let began = ContinuousClock.now
            let abuse = try Abuse(of: address, port: free.port)
            try await abuse.hasBegun()
            let messages = (0..<200).map { platform.pushText(from: "user-\($0)", "\($0)") }
            try await within(.seconds(60), "200 answers", seen: { "\(observed.events.count) events" }) {
                _ = await observed.wait { events in
                    events.count { if case .updated(_, _, let bubble) = $0 { bubble.isFinished } else { false } } == 200
                }
            }
            let sorted = times.withLock { $0.sorted() }
            let figure = sorted.last ?? .zero
            let took = ContinuousClock.now - began
            let abused = await abuse.end()
            for (number, message) in messages.enumerated() {
                try expect(platform.answer(to: message), is: ["echo: \(number)"], "the answer")
            }
            for event in observed.events {
                switch event {
                case .lost, .violation: throw Failure(expected: "every callback to be answered", seen: "\(event)")
                default: break
                }
            }
            try expect(figure < .seconds(5), "every callback answered within 5 s", seen: figure.figure)
            try expect(abused.refused == abused.count, "403 for wrong signatures", seen: "\(abused)")
            try expect(abused.hugeBody, is: "HTTP/1.1 413", "the answer to 100 MB")
            bot.stop()
            try await group.next()
            return
                "200 messages with handlers of 1 s, \(sorted.count) callbacks answered in \(sorted[sorted.count / 2].figure) "
                + "(median) to \(figure.figure), beside \(abused.count) wrong signatures in \(took.figure), 50 clients that do "
                + "not go on and a body of 100 MB"
        }
    }
}

/// What the address of a callback has to bear from the rest of the world.
private struct Abuse {
    private let forgers: [ChildProcess]
    private let slow: [Int32]
    private let huge: Int32

    init(of address: String, port: UInt16) throws {
        // Each up to 1,000 a second, one after another.
        forgers = try (0..<4).map { _ in
            try ChildProcess([
                "stdbuf", "-oL", "curl", "-s", "--noproxy", "*", "--rate", "1000/s", "-o", "/dev/null",
                "-w", "%{http_code}\n", "-d", #"{"encrypt":"QUJD"}"#,
                "\(address)/webhook/wecom-ai-bot?msg_signature=[1-1000000]&timestamp=1&nonce=2",
            ])
        }
        slow = try (0..<50).map { number in
            let head = "POST /webhook/wecom-ai-bot HTTP/1.1\r\nhost: x\r\n"
            return try Self.send(number % 2 == 0 ? head + "x-slow: " : head + "content-length: 100\r\n\r\n{", to: port)
        }
        huge = try Self.send(
            "POST /webhook/wecom-ai-bot HTTP/1.1\r\nhost: x\r\ncontent-length: 104857600\r\n\r\n",
            to: port
        )
    }

    func hasBegun() async throws {
        try await within(.seconds(10), "a first answer to a forged request of each") { [forgers] in
            for forger in forgers { await forger.hasWritten("\n") }
        }
    }

    /// How many forged requests were sent, how many of them refused, and what was said to a body that is too long.
    func end() async -> (count: Int, refused: Int, hugeBody: String) {
        for forger in forgers { forger.signal(SIGTERM) }
        var answers: [Substring] = []
        for forger in forgers { answers += await forger.end().output.split(separator: "\n") }
        var buffer = [UInt8](repeating: 0, count: 12)
        let count = recv(huge, &buffer, buffer.count, 0)
        for descriptor in slow + [huge] { close(descriptor) }
        return (
            answers.count, answers.count { $0 == "403" }, String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        )
    }

    private static func send(_ text: String, to port: UInt16) throws -> Int32 {
        let descriptor = try Socket.connect(to: port)
        var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&poller, 1, 1_000)
        let bytes = Array(text.utf8)
        guard Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            throw Socket.Failure(call: "send")
        }
        return descriptor
    }
}
