import BotCrypto
import BotFoundation
import Foundation
import GatewaySimulator
import Glibc
import LWSTransport
import TestSupport
import Testing

/// Two processes of one bot behind one address that share a Redis server, and the platform.
@Suite(.timeLimit(.minutes(5)))
struct SharedProcessesTests {
    /// `echo-bot`, and where it is.
    private final class Instance: Sendable {
        let port = freePort()
        let statusPort = freePort()
        private let environment: [String: String]
        private let process: Locked<ChildProcess>

        init(_ server: RedisServer, _ more: [String: String]) throws {
            var environment = [
                "WECOM_CONNECTION_MODE": "webhook", "WECOM_TOKEN": CallbackEnd.token,
                "WECOM_ENCODING_AES_KEY": CallbackEnd.key, "WECOM_CALLBACK_HOST": "127.0.0.1",
                "WECOM_CALLBACK_PORT": "\(port)", "WECOM_STATUS_PORT": "\(statusPort)",
                "WECOM_SHARED_STATE_URL": "unix://\(server.path)", "PATH": "/usr/bin:/bin",
            ]
            for name in ["LD_LIBRARY_PATH", "TSAN_OPTIONS", "ASAN_OPTIONS", "LSAN_OPTIONS"] {
                if let value = ProcessInfo.processInfo.environment[name] { environment[name] = value }
            }
            environment.merge(more) { $1 }
            self.environment = environment
            process = Locked(try Self.start(environment))
        }

        private static func start(_ environment: [String: String]) throws -> ChildProcess {
            let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
            let path = URL(filePath: program).deletingLastPathComponent().appending(path: "echo-bot").path()
            return try ChildProcess([path], environment: environment)
        }

        private var current: ChildProcess { process.withLock { $0 } }

        func isReached() async { await current.hasWritten("the callback address is") }

        func kill() async {
            current.signal(SIGKILL)
            _ = await current.end()
        }

        func restart() async throws {
            let next = try Self.start(environment)
            process.withLock { $0 = next }
            await isReached()
        }

        /// Ends it, and gives what it wrote.
        func end() async -> (status: Int32?, output: String) {
            current.signal(SIGTERM)
            return await current.end()
        }

        /// One of its metrics.
        func metric(_ name: String, _ caller: HTTPCaller) async throws -> Int {
            let answer = try await caller.send("GET", "http://127.0.0.1:\(statusPort)/metrics")
            return Int(try PrometheusSamples(answer.text).values[name] ?? 0)
        }
    }

    /// Which of the two a request goes to: by the number of the message that it is about, whether it is a question, and how many
    /// there were.
    private typealias Balancer = @Sendable (_ message: Int, _ isQuestion: Bool, _ request: Int) -> Int

    private struct World {
        let instances: [Instance]
        let platform: CallbackPlatform
        let observed = EventRecorder<Observation.Event>()
        /// The number of a message for each time that it was delivered.
        let taken = EventRecorder<Int>()
        let caller = HTTPCaller()

        init(_ server: RedisServer, _ more: [[String: String]] = [[:], [:]], _ balancer: @escaping Balancer) throws {
            instances = try more.map { try Instance(server, $0) }
            var far = CallbackPlatformConfiguration(
                token: Secret(CallbackEnd.token),
                encodingAESKey: Secret(CallbackEnd.key)
            )
            far.refreshInterval = .milliseconds(50)
            far.responseURL = "http://127.0.0.1:1/cgi-bin/aibot/response?response_code="  // nobody is there
            let cipher = CallbackCipher(
                token: Secret(CallbackEnd.token),
                key: try AESKey(Secret(CallbackEnd.key))
            )
            let requests = Locked(0)
            let (observed, taken, caller, ports) = (observed, taken, caller, instances.map(\.port))
            platform = try CallbackPlatform(far, observer: { observed.record($0) }) { delivery in
                let count = requests.withLock { count in
                    count += 1
                    return count
                }
                let (number, isQuestion) = try Self.about(delivery, cipher)
                let port = ports[balancer(number, isQuestion, count) % 2]
                let url = "http://127.0.0.1:\(port)\(delivery.path)?\(delivery.query)"
                let answer = try await caller.send(delivery.method, url, delivery.body)
                if !isQuestion, answer.status == 200 { taken.record(number) }
                return CallbackReply(status: answer.status, body: answer.body)
            }
        }

        /// The number of the message that a request is about, and whether it asks what its stream shows.
        private static func about(_ delivery: CallbackDelivery, _ cipher: CallbackCipher) throws -> (Int, Bool) {
            let body = try JSONDecoder().decode([String: String].self, from: Data(delivery.body))
            let query = delivery.query.split(separator: "&").map {
                $0.split(separator: "=", maxSplits: 1).map(String.init)
            }
            let parameters = Dictionary(query.map { ($0[0], $0[1]) }, uniquingKeysWith: { $1 })
            let plain = try cipher.open(
                body["encrypt"] ?? "",
                signature: parameters["msg_signature"] ?? "",
                timestamp: parameters["timestamp"] ?? "",
                nonce: parameters["nonce"] ?? ""
            )
            let document = try JSONDecoder().decode(JSONValue.self, from: Data(plain))
            let id = document["msgid"]?.string ?? ""
            let number = id.split(separator: "-").compactMap { Int($0) }.last ?? 0
            return (number, document["msgtype"]?.string == "stream")
        }

        /// Plays `body` while the platform runs and both processes do; both end well, unless they were killed.
        func run(_ body: () async throws -> Void) async throws {
            for instance in instances { await instance.isReached() }
            let platform = platform
            let playing = Task { await platform.run() }
            do { try await body() } catch { Issue.record(error) }
            playing.cancel()
            await playing.value
            for instance in instances {
                let (status, output) = await instance.end()
                #expect([0, 137].contains(status), "\(output.suffix(2_000))")
                #expect(!output.contains(CallbackEnd.token) && !output.contains(CallbackEnd.key))
            }
            for case .violation(_, let text) in observed.events { Issue.record("a rule was broken: \(text)") }
        }

        /// Waits until the user sees the end of an answer: its text.
        func sees(_ message: PushedMessage) async -> String {
            await observed.wait { $0.seen(message).isFinished }.seen(message).text
        }

        /// The sum over both.
        func metric(_ name: String) async throws -> Int {
            var sum = 0
            for instance in instances { sum += try await instance.metric(name, caller) }
            return sum
        }

        /// Waits until so many answers are known to be delivered.
        func waitForDeliveries(_ count: Int) async throws {
            while try await metric(#"wecom_bot_answers_total{outcome="delivered"}"#) < count, !Task.isCancelled {
                await Task.yield()
            }
        }
    }

    private static let chunks: @Sendable (String, Int) -> String = { tag, count in
        (0..<count).map { "\(tag):\(String(100_000 + $0).dropFirst());" }.joined()
    }

    @Test("messages go to one and every question to the other: complete, once, delivered")
    func crossed() async throws {
        let server = try await RedisServer()
        let world = try World(server) { message, isQuestion, _ in message + (isQuestion ? 1 : 0) }
        try await world.run {
            var expected: [(message: PushedMessage, text: String)] = []
            for number in 0..<8 {
                let message = world.platform.pushText(from: "user-\(number)", "!stream 30 30 标签\(number)")
                expected.append((message, Self.chunks("标签\(number)", 30)))
                let long = String(repeating: "字👩‍👩‍👧‍👦e\u{301}", count: 640)
                expected.append((world.platform.pushText(from: "long-\(number)", "!once \(long)"), long))
            }
            for (message, text) in expected { #expect(await world.sees(message) == text) }
            try await world.waitForDeliveries(expected.count)
            #expect(try await world.metric("wecom_bot_messages_total") == expected.count)
            #expect(try await world.metric(#"wecom_bot_answers_total{outcome="delivered"}"#) == expected.count)
            // A busy machine may have taken too long once.
            while try await world.metric("wecom_bot_shared_state_up") != 2 { await Task.yield() }
            for instance in world.instances {
                #expect(try await instance.metric("wecom_bot_messages_total", world.caller) == expected.count / 2)
            }
        }
    }

    @Test("requests go round; messages come twice, and the server is started again in the middle")
    func roundRobin() async throws {
        let server = try await RedisServer()
        let world = try World(server) { _, _, request in request }
        try await world.run {
            var messages: [PushedMessage] = []
            for number in 0..<10 {
                let message = world.platform.pushText(from: "user-\(number)", "!stream 40 50 S\(number)")
                messages.append(message)
            }
            for message in messages {
                await world.observed.wait { $0.seen(message).text.count > 40 }
                world.platform.redeliver(message)
            }
            // What comes again in the moment in which the server has forgotten everything may be handled twice.
            await world.taken.wait { [count = messages.count] in $0.count == 2 * count }
            try await server.restart()
            for (number, message) in messages.enumerated() {
                #expect(await world.sees(message) == Self.chunks("S\(number)", 40))
            }
            try await world.waitForDeliveries(messages.count)
            #expect(try await world.metric("wecom_bot_messages_total") == messages.count)
        }
    }

    @Test("a server that stands still, and one that ends, cost nobody its own answers")
    func withoutTheServer() async throws {
        let server = try await RedisServer()
        let world = try World(server) { message, _, _ in message }
        try await world.run {
            var count = 0
            for isFrozen in [true, false] {
                if isFrozen { server.freeze() } else { await server.kill() }
                for number in 0..<4 {
                    let message = world.platform.pushText(from: "u\(number)", "!stream 10 30 S")
                    #expect(await world.sees(message) == Self.chunks("S", 10))
                    count += 1
                }
                try await world.waitForDeliveries(count)
                while try await world.metric("wecom_bot_shared_state_up") != 0 { await Task.yield() }
                server.thaw()
            }
            try await server.restart()
            while try await world.metric("wecom_bot_shared_state_up") != 2 { await Task.yield() }
            #expect(try await world.metric("wecom_bot_messages_total") == count)
        }
    }

    @Test("one is killed: the other shows what is known and ends it in time, and goes on with its own")
    func killed() async throws {
        let server = try await RedisServer()
        let window = ["WECOM_STREAM_WINDOW_SECONDS": "10"]
        let world = try World(server, [window, window]) { message, isQuestion, _ in message + (isQuestion ? 1 : 0) }
        try await world.run {
            // The second's, because the first message has the number 1.
            let lost = world.platform.pushText(from: "a", "!stream 1000 50 L")
            await world.observed.wait { $0.seen(lost).text.count > 40 }
            await world.instances[1].kill()
            let seen = world.observed.events.seen(lost).text
            let text = await world.sees(lost)
            #expect(text.hasPrefix(seen) && text.contains("回答还没有完成"))
            #expect(!world.observed.events.contains { if case .sent = $0 { true } else { false } })
            try await world.instances[1].restart()
            let next = world.platform.pushText(from: "b", "!stream 10 50 N")
            #expect(await world.sees(next) == Self.chunks("N", 10))
        }
    }

    @Test("one is killed and started again with its state: it goes on in the same bubble, through the other")
    func restarted() async throws {
        let server = try await RedisServer()
        let directory = try TemporaryDirectory()
        let state = ["WECOM_STATE_FILE": "\(directory.path)/state"]
        let world = try World(server, [[:], state]) { message, isQuestion, _ in message + (isQuestion ? 1 : 0) }
        try await world.run {
            let message = world.platform.pushText(from: "a", "!stream 1000 50 L")
            await world.observed.wait { $0.seen(message).text.count > 40 }
            await world.instances[1].kill()
            let seen = world.observed.events.seen(message).text
            try await world.instances[1].restart()
            let text = await world.sees(message)
            #expect(text.hasPrefix(seen.prefix(40)) && text.contains("中断"))
            let bubbles = world.observed.events.compactMap {
                if case .updated(message.messageID, _, let bubble) = $0 { bubble.streamID } else { nil }
            }
            #expect(Set(bubbles).count == 1)
            try await world.waitForDeliveries(1)
        }
    }
}
