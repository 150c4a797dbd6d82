import BotFoundation
import GatewaySimulator
import LWSTransport
import TestSupport
import Testing

@testable import WeComBot

/// The ways in which a bot gets its messages.
enum BotMode: CaseIterable, Sendable {
    case longConnection, webhook
}

/// What users do and see, whichever mode the bot is in.
protocol FarEnd: Sendable {
    /// Everything it observes.
    var observed: EventRecorder<Observation.Event> { get }
    /// A configuration with which a bot works here.
    var configuration: Configuration { get }
    func push(_ text: String, from user: String, in group: String?) async -> PushedMessage
    /// The platform delivers a message a second time.
    func redeliver(_ message: PushedMessage) async
    func end() async
}

/// The simulated gateway.
struct GatewayEnd: FarEnd {
    let observed = EventRecorder<Observation.Event>()
    private let bench: BotBench
    private let watching: Task<Void, Never>

    init() async throws {
        bench = try await BotBench()
        let (observations, observed) = (await bench.gateway.observations(limit: 100_000), observed)
        watching = Task { for await observation in observations { observed.record(observation.event) } }
    }

    var configuration: Configuration { bench.configuration }

    func push(_ text: String, from user: String, in group: String?) async -> PushedMessage {
        await bench.gateway.pushText(from: user, in: group, text)
    }

    func redeliver(_ message: PushedMessage) async {
        await bench.gateway.inject(.now(.repeatCallback(messageID: message.messageID)))
    }

    func end() async {
        do { try await bench.end() } catch { Issue.record(error) }
        await watching.value
    }
}

/// The simulated platform, over HTTP on this machine: a client that is not ours, and a `response_url`.
struct CallbackEnd: FarEnd {
    static let token = "QDG6eK3hTq"
    static let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

    let observed = EventRecorder<Observation.Event>()
    let configuration: Configuration
    let platform: CallbackPlatform
    let caller = HTTPCaller()
    /// Where the callback address is.
    let url: String
    private let home: EventLoop
    private let server: HTTPServer
    private let playing: Task<Void, Never>

    init(
        refreshInterval: Duration = .milliseconds(100),
        answerDeadline: Duration = .seconds(5),
        _ configure: (inout Configuration) -> Void = { _ in }
    ) async throws {
        home = try EventLoop(name: "platform")
        let late = Locked<CallbackPlatform?>(nil)
        server = try await HTTPServer.listen(on: home, .init()) { request in
            guard let platform = late.withLock({ $0 }) else { return HTTPResponse(status: 503) }
            let reply = platform.receive(request.body, at: "\(request.path)?\(request.query)")
            return HTTPResponse(status: reply.status, body: reply.body)
        }
        let port = freePort()
        var configuration = Configuration(token: Secret(Self.token), encodingAESKey: Secret(Self.key))
        configuration.callbackHost = "127.0.0.1"
        configuration.callbackPort = port
        configure(&configuration)
        self.configuration = configuration
        var far = CallbackPlatformConfiguration(token: Secret(Self.token), encodingAESKey: Secret(Self.key))
        far.refreshInterval = refreshInterval
        far.answerDeadline = answerDeadline
        far.responseURL = "http://127.0.0.1:\(await server.port)/cgi-bin/aibot/response?response_code="
        let (observed, caller) = (observed, caller)
        let scheme = configuration.callbackCertificateFile == nil ? "http" : "https"
        let url = "\(scheme)://127.0.0.1:\(port)"
        self.url = url
        let platform = try CallbackPlatform(far, observer: { observed.record($0) }) { delivery in
            let address = "\(url)\(delivery.path)?\(delivery.query)"
            let answer = try await caller.send(delivery.method, address, delivery.body)
            return CallbackReply(status: answer.status, body: answer.body)
        }
        late.withLock { $0 = platform }
        self.platform = platform
        let server = server
        playing = Task {
            await withDiscardingTaskGroup { group in
                group.addTask { await server.run() }
                group.addTask { await platform.run() }
            }
        }
    }

    func push(_ text: String, from user: String, in group: String?) -> PushedMessage {
        platform.pushText(from: user, in: group, text)
    }

    func redeliver(_ message: PushedMessage) { platform.redeliver(message) }

    /// An administrator saves the address, until it answers: handlers that wait for a busy machine are answered 503.
    func verify() async throws -> (status: Int, isProven: Bool) {
        while true {
            let result = try await platform.verify()
            if result.status != 503 || Task.isCancelled { return result }
        }
    }

    func end() async {
        playing.cancel()
        await playing.value
        await server.stop()
        await home.shutdown()
    }
}

extension [Observation.Event] {
    /// Everything that a user sees of an answer, and whether that is its end.
    func seen(_ message: PushedMessage) -> (text: String, isFinished: Bool) {
        var bubbles: [(id: String?, bubble: Bubble)] = []
        var late = ""
        for event in self {
            switch event {
            case .updated(message.messageID, _, let bubble):
                if let index = bubbles.firstIndex(where: { $0.id == bubble.streamID }) {
                    bubbles[index].bubble = bubble
                } else {
                    bubbles.append((bubble.streamID, bubble))
                }
            case .sent(message.chat, _, let text): late += text
            default: break
            }
        }
        let isFinished = !bubbles.isEmpty && bubbles.allSatisfy(\.bubble.isFinished)
        return (bubbles.map(\.bubble.text).joined() + late, isFinished)
    }

    /// The images that a user sees of an answer, in order, by their MD5: those of its bubble, and those that came as messages.
    func images(of message: PushedMessage) -> [String] {
        var (inBubble, behind): ([String], [String]) = ([], [])
        for case .updated(message.messageID, _, let bubble) in self {
            if let id = bubble.mediaID {
                for case .uploaded(let media) in self where media.id == id { behind.append(media.md5) }
            } else {
                inBubble = bubble.images.map(\.md5)
            }
        }
        return inBubble + behind
    }
}

extension Bot {
    /// Waits until messages would arrive.
    func isReached() async throws {
        struct Unreachable: Error {}
        for await state in states where state == .ready { return }
        throw Unreachable()
    }
}
