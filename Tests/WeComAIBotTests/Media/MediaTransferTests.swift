import BotCore
import BotCrypto
import BotFoundation
import FoundationEssentials
import GatewaySimulator
import Glibc
import LWSTransport
import TestSupport
import Testing

@testable import WeComAIBot

/// Media over TLS, from the simulator's server.
@Suite(.timeLimit(.minutes(5)))
struct MediaTransferTests {
    // The testing library has a type of that name.
    private typealias Attachment = BotCore.Attachment

    /// A server, a client's configuration that allows it, and the loop of both.
    private struct Bench {
        let loop: EventLoop
        let host: MediaHost
        var configuration = MediaConfiguration()

        func attachment(_ media: SimulatedMedia, _ configuration: MediaConfiguration? = nil) -> Attachment {
            let reference = MediaReference(
                url: Secret(media.url),
                aesKey: media.aesKey.map { Secret($0) },
                fileName: nil
            )
            let client = MediaClient(configuration ?? self.configuration, on: loop)
            let source = RemoteMedia(
                reference: reference,
                commonKey: nil,
                receivedAt: .now,
                client: client
            )
            return Attachment(kind: .image, fileName: nil, source: source)
        }

        func failure(_ media: SimulatedMedia, _ configuration: MediaConfiguration? = nil) async -> MediaError.Code? {
            let attachment = attachment(media, configuration)
            let error = await #expect(throws: MediaError.self) { try await attachment.download(maximumBytes: 1 << 20) }
            #expect(error?.message.contains("sign=") == false)
            return error?.code
        }
    }

    private func run(
        lookUp: @escaping Resolver.LookUp = Resolver.system,
        _ body: (Bench) async throws -> Void
    ) async throws {
        let loop = try EventLoop(name: "media", lookUp: lookUp)
        let authority = try CertificateAuthority()
        let security = GatewayListener.Security.authority(authority, names: ["localhost", "127.0.0.1"])
        let host = try await MediaHost.start(on: loop, listener: GatewayListener(security: security))
        var bench = Bench(loop: loop, host: host)
        bench.configuration.trust = .pem(authority.certificatePEM)
        bench.configuration.allowedOrigins = [try MediaOrigin(host.origin)]
        do { try await body(bench) } catch { Issue.record(error) }
        await host.stop()
        await loop.shutdown()
    }

    private static let picture =
        [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + (0..<70_000).map { UInt8(truncatingIfNeeded: $0) }

    @Test func aPictureArrivesAsItWas() async throws {
        try await run { bench in
            let disposition = "attachment; filename=\"x.png\"; filename*=UTF-8''%E5%9B%BE%20%F0%9F%99%82.png"
            let media = try bench.host.publish(Self.picture, disposition: disposition)
            let downloaded = try await bench.attachment(media).download()
            #expect(downloaded.bytes == Self.picture)
            #expect(downloaded.type == .png && downloaded.fileName == "图 🙂.png")
            #expect(downloaded.md5 == (try Digest.md5(Self.picture)).map { hexadecimal($0) }.joined())
        }
    }

    @Test func whatWasSavedHasItsChecksum() async throws {
        try await run { bench in
            let path = FileManager.default.temporaryDirectory.appending(path: "media-\(UInt64.random(in: 0 ... .max))")
                .path()
            let saved = try await bench.attachment(try bench.host.publish(Self.picture)).save(to: path)
            #expect(try saved.md5() == Digest.md5(Self.picture).map { hexadecimal($0) }.joined())
            try FileManager.default.removeItem(atPath: path)
            #expect(throws: MediaError.self) { try saved.md5() }
        }
    }

    @Test func whatIsNotAllowedIsNotConnectedTo() async throws {
        try await run { bench in
            let media = try bench.host.publish(Self.picture)
            var strict = bench.configuration
            strict.allowedOrigins = []
            #expect(await bench.failure(media, strict) == .addressRefused, "a name that resolves to loopback")
            let numeric = SimulatedMedia(url: media.url.replacing("localhost", with: "127.0.0.1"), aesKey: media.aesKey)
            #expect(await bench.failure(numeric, strict) == .addressRefused)
            #expect(bench.host.requests.isEmpty)
            var untrusting = bench.configuration
            untrusting.trust = .system
            #expect(await bench.failure(media, untrusting) == .unreachable)
        }
    }

    @Test(arguments: [
        (MediaFault.wrongKey, MediaError.Code.decryptionFailed), (.truncated, .decryptionFailed), (.ragged, .truncated),
        (.plaintext, .truncated), (.endless, .tooLarge), (.status(403), .refused), (.status(500), .refused),
        (.redirect(times: 6), .tooManyRedirects), (.redirect(to: "https://[::1]:1/x"), .addressRefused),
        (.redirect(to: "http://169.254.169.254/latest"), .schemeRefused),
        (.redirect(to: "file:///etc/passwd"), .schemeRefused),
        (.redirect(to: "https://169.254.169.254/latest"), .addressRefused),
    ])
    func whatIsWrongIsAnErrorAndLeavesNoFile(fault: MediaFault, code: MediaError.Code) async throws {
        try await run { bench in
            let media = try bench.host.publish(Array(Self.picture.dropLast(3)), fault: fault)
            #expect(await bench.failure(media) == code)
            let directory = FileManager.default.temporaryDirectory.appending(
                path: "media-\(UInt64.random(in: 0 ... .max))"
            )
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
            let again = try bench.host.publish(Array(Self.picture.dropLast(3)), fault: fault)
            await #expect(throws: MediaError.self) {
                try await bench.attachment(again).save(in: directory.path(), maximumBytes: 1 << 20)
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path()) == [])
            try FileManager.default.removeItem(at: directory)
        }
    }

    /// A name is judged by every address that it has, a redirect's as the first one's.
    @Test(arguments: [
        "127.0.0.1", "169.254.169.254", "10.0.0.1", "192.168.1.1", "::1", "fd00:ec2::254", "fe80::1",
        "::ffff:169.254.169.254", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1", "64:ff9b:1::808:808",
    ])
    func aNameThatLeadsToNoPublicMachineIsRefused(address: String) async throws {
        let lookUp: Resolver.LookUp = { $0 == "localhost" ? Resolver.system($0) : .success([address]) }
        try await run(lookUp: lookUp) { bench in
            let away = try bench.host.publish(Self.picture, fault: .redirect(to: "https://metadata.test/latest"))
            #expect(await bench.failure(away) == .addressRefused)
            #expect(bench.host.requests.count == 1)
            let direct = SimulatedMedia(url: "https://metadata.test/latest?sign=1", aesKey: away.aesKey)
            #expect(await bench.failure(direct) == .addressRefused)
        }
    }

    // MARK: Bodies that are too long

    private static let tenGigabytes = 10 << 30

    /// Fetches from a server that answers with a head and then with pieces for as long as they are taken, or, without one, with nothing.
    private func code(
        head: String,
        piece: String?,
        deadline: Duration = .seconds(60),
        pause: UInt32 = 0
    ) async throws -> MediaError? {
        let server = ScriptedServer { connection in
            _ = connection.readHead()
            connection.send(head + "\r\n")
            guard let piece else { return connection.waitForEnd() }
            while connection.send(piece) { usleep(pause) }
        }
        let loop = try EventLoop(name: "media")
        var configuration = MediaConfiguration()
        configuration.allowedOrigins = [try MediaOrigin("http://127.0.0.1:\(server.port)")]
        configuration.overallDeadline = deadline
        let reference = MediaReference(
            url: Secret("http://127.0.0.1:\(server.port)/x?sign=1"),
            aesKey: EncryptedMedia.key,
            fileName: nil
        )
        let source = RemoteMedia(
            reference: reference,
            commonKey: nil,
            receivedAt: nil,
            client: MediaClient(configuration, on: loop)
        )
        let attachment = Attachment(kind: .file, fileName: nil, source: source)
        let error = await #expect(throws: MediaError.self) { try await attachment.download(maximumBytes: 1 << 20) }
        // Nothing is left that still takes it.
        await server.ended.wait { !$0.isEmpty }
        await loop.shutdown()
        return error
    }

    private static let piece = String(repeating: "a", count: 65_536)

    @Test(arguments: [
        ("Content-Length: \(tenGigabytes)\r\n", nil), ("", piece),
        ("Transfer-Encoding: chunked\r\n", "10000\r\n\(piece)\r\n"),
    ])
    func tenGigabytesAreRefusedWhetherTheyAreAnnouncedOrNot(header: String, piece: String?) async throws {
        let error = try await code(head: "HTTP/1.1 200 OK\r\n" + header, piece: piece)
        #expect(error?.code == .tooLarge)
    }

    @Test(arguments: [
        ("Content-Length: 1000000\r\n", "a"), ("", "a"), ("Transfer-Encoding: chunked\r\n", "1\r\na\r\n"),
    ])
    func aBodyThatNeverEndsIsGivenUp(header: String, piece: String) async throws {
        let head = "HTTP/1.1 200 OK\r\n" + header
        let error = try await code(head: head, piece: piece, deadline: .milliseconds(500), pause: 10_000)
        #expect(error?.code == .timedOut)
    }

    @Test func theProxyIsTheHostsOwn() async throws {
        try await run { bench in
            var proxied = bench.configuration
            // Nobody listens there.
            proxied.proxies = HTTPProxies(try Proxy("http://127.0.0.1:1"))
            proxied.allowedOrigins.append(try MediaOrigin("https://media.invalid"))
            let media = try bench.host.publish(Self.picture)
            #expect(try await bench.attachment(media, proxied).download().bytes == Self.picture)
            let elsewhere = SimulatedMedia(url: "https://media.invalid/x", aesKey: media.aesKey)
            for proxy in [proxied.proxies.secure, .failure(TransportError(.invalidEndpoint, "the proxy is none"))] {
                proxied.proxies.secure = proxy
                let error = await #expect(throws: MediaError.self) {
                    try await bench.attachment(elsewhere, proxied).download()
                }
                #expect(error?.code == .unreachable && error?.message.contains("proxy") == true)
            }
        }
    }

    @Test func fiveRedirectsLeadToThePicture() async throws {
        try await run { bench in
            let media = try bench.host.publish(Self.picture, fault: .redirect(times: 5))
            #expect(try await bench.attachment(media).download().bytes == Self.picture)
            #expect(bench.host.requests.count == 6)
        }
    }

    @Test func anAddressThatWasSignedOtherwiseIsRefused() async throws {
        try await run { bench in
            var media = try bench.host.publish(Self.picture)
            media.url += "0"
            #expect(await bench.failure(media) == .refused)
        }
    }

    @Test func aServerThatDoesNotAnswerIsGivenUp() async throws {
        try await run { bench in
            let media = try bench.host.publish(Self.picture, fault: .slow(.seconds(20)))
            var hasty = bench.configuration
            hasty.firstByteDeadline = .milliseconds(300)
            #expect(await bench.failure(media, hasty) == .timedOut)
        }
    }

    @Test func cancellingEndsTheWaitAndLeavesNoFile() async throws {
        try await run { bench in
            let media = try bench.host.publish(Self.picture, fault: .slow(.seconds(20)))
            let directory = FileManager.default.temporaryDirectory.appending(
                path: "media-\(UInt64.random(in: 0 ... .max))"
            )
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
            let attachment = bench.attachment(media)
            let saving = Task { try await attachment.save(in: directory.path()) }
            while bench.host.requests.isEmpty { await Task.yield() }
            saving.cancel()
            await #expect(throws: MediaError.cancelled) { try await saving.value }
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path()) == [])
            try FileManager.default.removeItem(at: directory)
        }
    }

    private func hexadecimal(_ byte: UInt8) -> String {
        (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
}
