import BotCrypto
import BotFoundation
import LWSTransport
import TestSupport

/// An HTTP server for a test: it answers with what it was asked, and does what the path says.
struct HTTPServerBench {
    let loop: EventLoop
    let server: HTTPServer
    let port: UInt16
    let authority: CertificateAuthority?
    /// What reached the handler.
    let requests = EventRecorder<HTTPRequest>()
    /// Paths whose handler was cancelled.
    let cancelled = EventRecorder<String>()
    /// Opens for those who ask for `/wait`.
    let gate = EventRecorder<Void>()

    /// Runs `body` with a server, which has stopped when this returns.
    static func run(
        _ configuration: HTTPServerConfiguration = .init(),
        tls: Bool = false,
        _ body: (HTTPServerBench) async throws -> Void
    ) async throws {
        let bench = try await HTTPServerBench(configuration, tls: tls)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await bench.server.run() }
            try await body(bench)
            await bench.server.stop()
            try await group.waitForAll()
        }
        await bench.loop.shutdown()
    }

    private init(_ configuration: HTTPServerConfiguration, tls: Bool) async throws {
        var configuration = configuration
        authority = tls ? try CertificateAuthority() : nil
        if let leaf = try authority?.issue(names: ["localhost", "127.0.0.1"]) {
            configuration.tls = (leaf.certificatePEM, leaf.privateKeyPEM)
        }
        let loop = try EventLoop()
        let (requests, cancelled, gate) = (requests, cancelled, gate)
        server = try await HTTPServer.listen(on: loop, configuration) { request in
            if request.path != "/forgotten" { requests.record(request) }
            switch request.path {
            case "/wait":
                await gate.wait { !$0.isEmpty }
                if gate.events.isEmpty { cancelled.record(request.path) }
            case "/large": return HTTPResponse(status: 200, body: [UInt8](repeating: 65, count: 16 << 20))
            case "/split": return HTTPResponse(status: 200, headers: ["x-bad": "a\r\nset-cookie: b"])
            case "/empty": return HTTPResponse(status: 204)
            case "/status": return HTTPResponse(status: 99)
            case "/header": return HTTPResponse(status: 200, headers: [request.query: "1"], body: [65])
            default: break
            }
            let query = request.query.isEmpty ? "" : "?\(request.query)"
            return HTTPResponse(status: 200, text: "\(request.method) \(request.path)\(query) \(request.body.count)\n")
        }
        self.loop = loop
        port = await server.port
    }

    func client() -> RawHTTPClient { RawHTTPClient(port: port) }

    /// Sends `text` on a connection of its own and returns all that comes until the server closes.
    func exchange(_ text: String) async -> String {
        let client = client()
        client.send(text)
        return await client.receiveAll()
    }

    /// Waits until a handler that waits may go on, and every later one too.
    func open() { gate.record(()) }
}

func get(_ path: String, _ headers: String = "") -> String { "GET \(path) HTTP/1.1\r\nHost: x\r\n\(headers)\r\n" }

func post(_ path: String, _ body: String, length: Int? = nil) -> String {
    "POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: \(length ?? body.utf8.count)\r\n\r\n\(body)"
}
