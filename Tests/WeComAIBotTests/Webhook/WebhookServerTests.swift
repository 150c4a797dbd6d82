import BotCore
import BotCrypto
import BotFoundation
import Foundation
import Glibc
import LWSTransport
import TestSupport
import Testing

@testable import WeComAIBot

/// The callback address on a socket, asked by an HTTP client that is not ours.
@Suite("WebhookServer", .timeLimit(.minutes(10)))
struct WebhookServerTests {
    /// A server on a free port, with a dispatcher behind it.
    private struct Served {
        let platform: Platform
        let caller = HTTPCaller()
        let capture = LogCapture()
        let server: WebhookServer
        let dispatcher: Dispatcher
        let loop: EventLoop
        let url: String

        init(_ handler: @escaping @Sendable (Inbound, Reply) async throws -> Void) async throws {
            platform = try Platform()
            loop = try EventLoop(name: "webhook")
            let dispatcher = Dispatcher(handler: ClosureHandler(handler), log: capture.log)
            var endpoint = try Platform.configuration
            endpoint.path = WebhookConfiguration.defaultPath
            var limits = WebhookServerConfiguration.limits
            limits.handlerDeadline = .seconds(60)  // other tests may keep every thread busy for a while
            let configuration = WebhookServerConfiguration(
                endpoint: endpoint,
                server: limits
            )
            server = WebhookServer(configuration, on: loop, log: capture.log) {
                dispatcher.receive($0, through: $1)
            }
            self.dispatcher = dispatcher
            try await server.listen()
            url = "http://127.0.0.1:\(try #require(await server.port))"
        }

        /// Runs everything while `body` does.
        func run(_ body: () async throws -> Void) async throws {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await server.run() }
                group.addTask { await dispatcher.run() }
                do { try await body() } catch { Issue.record(error) }
                await server.beginEnding()
                await dispatcher.drain(deadline: .seconds(10))
                await server.stop()
                try await group.waitForAll()
            }
            await loop.shutdown()
        }

        func send(_ request: WebhookRequest) async throws -> Platform.Shown {
            let answer = try await caller.send("POST", "\(url)\(request.path)?\(request.query)", request.body)
            var response = WebhookResponse(status: answer.status, body: answer.body)
            response.headers = answer.headers
            return try platform.shown(response)
        }
    }

    private static let echo: @Sendable (Inbound, Reply) async throws -> Void = { message, reply in
        await reply.finish("echo: \(message.text)")
    }

    @Test("who no longer listens to its states is forgotten")
    func observers() async throws {
        let served = try await Served(Self.echo)
        try await served.run {
            let reader = Task { for await _ in await served.server.states() { break } }
            await reader.value
            while served.server.observerCount > 0 { await Task.yield() }
        }
    }

    @Test("other proxies count for what is posted late, too")
    func otherProxies() async throws {
        let served = try await Served(Self.echo)
        try await served.run {
            var new = WebhookServerConfiguration(endpoint: try Platform.configuration, server: nil)
            new.media.proxies = HTTPProxies(try Proxy("http://127.0.0.1:1"))
            await served.server.reload(new)
            let post = try #require(served.server.endpoint.answers.fallback.post)
            let failure = await #expect(throws: PostFailure.self) {
                _ = try await post(Secret("https://platform.invalid/response"), [])
            }
            #expect(failure?.message.contains("127.0.0.1:1") == true)
        }
    }

    @Test("verification, a message, its refreshes, and what a person is told")
    func conversation() async throws {
        let served = try await Served(Self.echo)
        try await served.run {
            let signed = try served.platform.cipher.seal(Array("1616140317555161061".utf8))
            let signature = try served.platform.cipher.signature(timestamp: "1", nonce: "2", encrypted: signed)
            let path = served.url + "/webhook/wecom-ai-bot"
            let escaped = signed.replacing("+", with: "%2B").replacing("/", with: "%2F").replacing("=", with: "%3D")
            for echo in [escaped, signed] {  // encoded, as it must be, and not
                let query = "msg_signature=\(signature)&timestamp=1&nonce=2&echostr=\(echo)"
                let proof = try await served.caller.send("GET", "\(path)?\(query)")
                #expect(proof.status == 200 && proof.text == "1616140317555161061")
                #expect(proof.headers["content-type"] == "text/plain; charset=utf-8")
            }
            let stream = try await served.send(try served.platform.text("1", "你好 👩‍👩‍👧‍👦"))
            #expect(!stream.isFinal && stream.text == "<think></think>")
            var shown = stream
            while !shown.isFinal { shown = try await served.send(try served.platform.refresh(stream.id)) }
            #expect(shown == Platform.Shown(id: stream.id, text: "echo: 你好 👩‍👩‍👧‍👦", isFinal: true))

            let bare = try await served.caller.send("GET", path)
            #expect(bare.status == 400 && bare.text.contains("callback address of a WeCom AI bot"))
            let elsewhere = try await served.caller.send("GET", served.url + "/")
            #expect(elsewhere.status == 404 && elsewhere.text.contains("/webhook/wecom-ai-bot"))
            let put = try await served.caller.send("PUT", path, [1])
            #expect(put.status == 405 && put.headers["allow"] == "GET, POST")
            let forged = try await served.caller.send(
                "POST",
                path + "?msg_signature=0&timestamp=1&nonce=2",
                Array(#"{"encrypt":"QUJD"}"#.utf8)
            )
            #expect(forged.status == 403)
            let snapshot = await served.server.snapshot()
            #expect(snapshot.state == .ready && snapshot.readySince != nil && snapshot.lastFrame != nil)
            #expect(snapshot.refusedCallbacks == [400: 1, 403: 1, 404: 1])
            #expect(snapshot.statistics.messages == 1 && snapshot.statistics.delivered == 1)
        }
        #expect(await served.server.snapshot().state == .stopped)
    }

    /// `make faults` measures how soon.
    @Test("200 messages at once, whose handlers wait for one another, are all answered")
    func concurrency() async throws {
        let handled = EventRecorder<String>()
        let served = try await Served { message, reply in
            handled.record(message.id)
            await handled.wait { $0.count == 200 }
            await reply.finish("echo: \(message.text)")
        }
        try await served.run {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        let request = try served.platform.text("\(number)", "\(number)", from: "user-\(number)")
                        var shown = try await served.send(request)
                        while !shown.isFinal { shown = try await served.send(try served.platform.refresh(shown.id)) }
                        #expect(shown.text == "echo: \(number)")
                    }
                }
                try await group.waitForAll()
            }
        }
        #expect(served.dispatcher.statistics.delivered == 200)
    }

    @Test("slow clients, garbage, huge bodies and wrong signatures harm nobody else")
    func hostile() async throws {
        let served = try await Served(Self.echo)
        try await served.run {
            let port = try #require(await served.server.port)
            // Clients that begin and do not go on; they hold their connections for as long as the test does.
            let slow = (0..<50).map { _ in RawSocket(port: port) }
            for (number, client) in slow.enumerated() {
                client.send(
                    number % 2 == 0
                        ? "GET /webhook/wecom-ai-bot HTTP/1.1\r\nhost: x\r\nx-slow: "
                        : "POST /webhook/wecom-ai-bot HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"
                )
            }
            let huge = RawSocket(port: port)
            huge.send("POST /webhook/wecom-ai-bot HTTP/1.1\r\nhost: x\r\ncontent-length: 104857600\r\n\r\n")
            #expect(huge.firstLine().contains(" 413 "))
            for garbage in [
                "\u{0}\u{1}\u{2}\r\n\r\n", "GET\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\u{0}", "POST / HTTP/9.9\r\n\r\n",
            ] {
                RawSocket(port: port).send(garbage)
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<500 {
                    group.addTask {
                        let url = "\(served.url)/webhook/wecom-ai-bot?msg_signature=\(number)&timestamp=1&nonce=2"
                        let answer = try await served.caller.send("POST", url, Array(#"{"encrypt":"QUJD"}"#.utf8))
                        #expect(answer.status == 403)
                    }
                }
                for number in 0..<20 {
                    group.addTask {
                        let stream = try await served.send(
                            try served.platform.text("m\(number)", "\(number)", from: "u\(number)")
                        )
                        var shown = stream
                        while !shown.isFinal { shown = try await served.send(try served.platform.refresh(stream.id)) }
                        #expect(shown.text == "echo: \(number)")
                    }
                }
                try await group.waitForAll()
            }
            #expect(slow.count == 50)
        }
        #expect(served.capture.messages(from: .info).count < 40, "an open address does not fill the log")
        #expect(served.dispatcher.statistics.delivered == 20)
    }

    @Test("a body of 4 MiB is read, one byte more is not")
    func bodyLimit() async throws {
        let served = try await Served(Self.echo)
        try await served.run {
            var request = try served.platform.text("1", "hi")
            request.body += [UInt8](repeating: 0x20, count: WebhookEndpoint.maximumBodyBytes - request.body.count)
            #expect(try await served.send(request).text == "<think></think>")
            let port = try #require(await served.server.port)
            let larger = RawSocket(port: port)
            larger.send("POST /webhook/wecom-ai-bot HTTP/1.1\r\nhost: x\r\ncontent-length: 4194305\r\n\r\n")
            #expect(larger.firstLine().contains(" 413 "))
        }
    }

    @Test("stop before and during the first moments ends; so does cancelling")
    func endings() async throws {
        for round in 0..<20 {
            let served = try await Served(Self.echo)
            if round % 2 == 0 { await served.server.stop() }
            let run = Task { await served.server.run() }
            if round % 4 == 1 { run.cancel() } else { await served.server.stop() }
            await run.value
            var states: [ConnectionState] = []
            for await state in await served.server.states() { states.append(state) }
            #expect(states == [.stopped])
            await served.loop.shutdown()
        }
    }

    @Test("a port in use is an error that names it")
    func portInUse() async throws {
        let served = try await Served(Self.echo)
        var endpoint = WebhookServerConfiguration.limits
        endpoint.port = try #require(await served.server.port)
        let configuration = WebhookServerConfiguration(endpoint: try Platform.configuration, server: endpoint)
        let second = WebhookServer(configuration, on: served.loop) { _, _ in }
        let error = await #expect(throws: TransportError.self) { try await second.listen() }
        #expect(error?.message.contains("\(endpoint.port)") == true)
        await served.loop.shutdown()
    }
}

/// A TCP connection that says exactly what a test wants.
private final class RawSocket {
    private let descriptor: Int32

    init(port: UInt16) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = port.bigEndian
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    deinit { close(descriptor) }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }

    /// What the server says first; it says it at once.
    func firstLine() -> String {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return String(decoding: buffer[..<max(0, count)].prefix { $0 != 0x0D }, as: UTF8.self)
    }
}
