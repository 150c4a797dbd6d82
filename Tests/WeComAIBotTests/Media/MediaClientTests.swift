import BotCore
import BotCrypto
import BotFoundation
import Glibc
import TestSupport
import Testing

@testable import WeComAIBot

@Suite(.timeLimit(.minutes(2)))
struct MediaClientTests {
    // The testing library has a type of that name.
    private typealias Attachment = BotCore.Attachment

    private static let url = "https://ww.example/obj/1?sign=s3cr3t"
    private static let plain = Array("你好，这是一个文件。\n".utf8) + (0..<100).map { UInt8($0) }

    private func configuration(_ origins: String...) throws -> MediaConfiguration {
        var configuration = MediaConfiguration()
        configuration.allowedOrigins = try origins.map { try MediaOrigin($0) }
        return configuration
    }

    /// An attachment at an address, fetched through `transport`.
    private func attachment(
        _ client: MediaClient,
        url: String? = url,
        key: Secret? = EncryptedMedia.key,
        common: Secret? = nil,
        name: String? = nil,
        at time: ContinuousClock.Instant? = nil
    ) -> Attachment {
        let reference = MediaReference(url: url.map { Secret($0) }, aesKey: key, fileName: name)
        let media = RemoteMedia(reference: reference, commonKey: common, receivedAt: time, client: client)
        return Attachment(kind: .file, fileName: name, source: media)
    }

    private func failure(
        of attachment: Attachment,
        maximumBytes: Int = 1 << 20,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async -> MediaError? {
        let error = await #expect(throws: MediaError.self, sourceLocation: sourceLocation) {
            try await attachment.download(maximumBytes: maximumBytes)
        }
        #expect(error?.message.contains("s3cr3t") == false && error?.message.isEmpty == false)
        return error
    }

    private func serving(_ answer: FakeTransport.Answer) -> FakeTransport { FakeTransport { _ in answer } }

    // MARK: What arrives

    @Test(arguments: [1, 15, 16, 17, 1_000])
    func contentIsDecryptedWhateverPiecesItComesIn(size: Int) async throws {
        let encrypted = try EncryptedMedia.encrypt(Self.plain)
        let pieces = stride(from: 0, to: encrypted.count, by: size).map {
            Array(encrypted[$0..<min($0 + size, encrypted.count)])
        }
        let headers = [
            (name: "Content-Type", value: "image/png"),
            (name: "Content-Disposition", value: "attachment; filename*=UTF-8''%E6%8A%A5.txt"),
        ]
        let transport = serving(.init(headers: headers, pieces: pieces))
        let media = try await attachment(MediaClient(configuration(), transport: transport), name: "b.txt").download()
        #expect(media.bytes == Self.plain)
        #expect(media.fileName == "报.txt")
        #expect(media.type == .binary, "what the server says of it is not believed")
        #expect(
            transport.requests.events == [.init(url: "https://ww.example:443/obj/1?sign=s3cr3t", reach: .publicOnly)]
        )
        #expect(transport.running.withLock { $0.now } == 0)
    }

    @Test(arguments: [
        ("attachment", "said.pdf", "said.pdf"), (nil, nil, "path.pdf"),
        ("attachment; filename=\"..\"", nil, "path.pdf"),
    ])
    func aNameIsFoundElsewhereIfTheServerSendsNone(disposition: String?, said: String?, expected: String) async throws {
        let headers = disposition.map { [(name: "content-disposition", value: $0)] } ?? []
        let transport = serving(.init(headers: headers, pieces: [try EncryptedMedia.encrypt([1])]))
        let client = MediaClient(try configuration(), transport: transport)
        let media = try await attachment(client, url: "https://ww.example/a/path.pdf?sign=1", name: said).download()
        #expect(media.fileName == expected)
    }

    /// What a wrong key, a lost end or a broken byte leave behind looks like a picture to nobody: it must not be given out.
    @Test func ciphertextIsNeverGivenOut() async throws {
        let encrypted = try EncryptedMedia.encrypt(Self.plain)
        let other = Secret(String(repeating: "b2", count: 32))
        func code(_ pieces: [[UInt8]], key: Secret? = EncryptedMedia.key) async throws -> MediaError.Code? {
            let client = MediaClient(try configuration(), transport: serving(.init(pieces: pieces)))
            return await failure(of: attachment(client, key: key))?.code
        }
        #expect(try await code([encrypted], key: other) == .decryptionFailed)
        #expect(try await code([Self.plain]) == .truncated, "sent without encryption")
        #expect(try await code([Array(encrypted.dropLast(16))]) == .decryptionFailed)
        #expect(try await code([Array(encrypted.dropLast())]) == .truncated)
        #expect(try await code([encrypted, [0]]) == .truncated)
        #expect(try await code([]) == .truncated)
        #expect(try await code([encrypted], key: nil) == .invalidKey)
        #expect(try await code([encrypted], key: Secret("BASE64KEY=")) == .invalidKey)
    }

    @Test func aMessageWithoutAKeyUsesTheCallbacksOwn() async throws {
        let client = MediaClient(
            try configuration(),
            transport: serving(.init(pieces: [try EncryptedMedia.encrypt(Self.plain)]))
        )
        #expect(try await attachment(client, key: nil, common: EncryptedMedia.key).download().bytes == Self.plain)
        // Its own key counts if it has one.
        let other = Secret(String(repeating: "b2", count: 32))
        #expect(try await attachment(client, common: other).download().bytes == Self.plain)
        #expect(
            await failure(of: attachment(client, key: other, common: EncryptedMedia.key))?.code == .decryptionFailed
        )
    }

    @Test func theLimitCountsWhatIsDecrypted() async throws {
        for count in [0, 1, 31, 32, 33, 100] {
            let plain = [UInt8](repeating: 7, count: count)
            let encrypted = try EncryptedMedia.encrypt(plain)
            for headers in [[], [(name: "Content-Length", value: "\(encrypted.count)")]] {
                let transport = serving(.init(headers: headers, pieces: encrypted.map { [$0] }))
                let client = MediaClient(try configuration(), transport: transport)
                #expect(try await attachment(client).download(maximumBytes: count).bytes == plain)
                guard count > 0 else { continue }
                #expect(await failure(of: attachment(client), maximumBytes: count - 1)?.code == .tooLarge)
            }
        }
    }

    @Test func aBodyWithoutEndIsGivenUpAtTheLimit() async throws {
        let pieces = [[UInt8]](repeating: [UInt8](repeating: 0, count: 1_024), count: 100)
        let body = FakeTransport.Answer(pieces: pieces, failure: MediaError(.unreachable, "read too far"))
        let client = MediaClient(try configuration(), transport: serving(body))
        #expect(await failure(of: attachment(client), maximumBytes: 10_000)?.code == .tooLarge)
        var announced = body
        announced.headers = [(name: "content-length", value: "\(10_000 + 33)")]
        announced.pieces = []
        let early = MediaClient(try configuration(), transport: serving(announced))
        #expect(await failure(of: attachment(early), maximumBytes: 10_000)?.code == .tooLarge)
    }

    @Test func whatTheTransportMeetsIsPassedOn() async throws {
        let client = MediaClient(
            try configuration(),
            transport: serving(.init(pieces: [[1]], failure: MediaError(.timedOut, "slow")))
        )
        #expect(await failure(of: attachment(client))?.code == .timedOut)
    }

    // MARK: Where it comes from

    @Test(arguments: [
        ("http://ww.example/x", MediaError.Code.schemeRefused), ("file:///etc/passwd", .schemeRefused),
        ("https://u:p@ww.example/x", .userInfoRefused), ("https://127.0.0.1/x", .addressRefused),
        ("https://10.0.0.1/x", .addressRefused),
        ("https://[::1]/x", .addressRefused), ("https://169.254.169.254/latest/meta-data", .addressRefused),
        ("https://[::ffff:169.254.169.254]/", .addressRefused), ("https://[fd00:ec2::254]/", .addressRefused),
        ("nonsense", .invalidAddress),
    ])
    func whatMustNotBeAskedForIsNot(url: String, code: MediaError.Code) async throws {
        let transport = serving(.init(pieces: [try EncryptedMedia.encrypt([1])]))
        let client = MediaClient(try configuration(), transport: transport)
        #expect(await failure(of: attachment(client, url: url))?.code == code)
        // The same behind a redirect.
        let redirecting = FakeTransport { address throws(MediaError) in
            .init(status: 302, headers: [(name: "Location", value: url)])
        }
        let second = MediaClient(try configuration(), transport: redirecting)
        let expected = url == "nonsense" ? .tooManyRedirects : code
        #expect(await failure(of: attachment(second))?.code == expected)
        #expect(transport.requests.events.isEmpty)
        #expect(redirecting.requests.events.count == (url == "nonsense" ? 6 : 1))
    }

    @Test func aMessageWithoutAnAddressSaysSo() async throws {
        let client = MediaClient(try configuration(), transport: serving(.init()))
        for url in [nil, ""] { #expect(await failure(of: attachment(client, url: url))?.code == .invalidAddress) }
    }

    @Test func anAllowedOriginIsExemptAndNothingElseIs() async throws {
        let body = [try EncryptedMedia.encrypt(Self.plain)]
        let transport = FakeTransport { address throws(MediaError) in
            address.target == "/away"
                ? .init(status: 307, headers: [(name: "location", value: "http://127.0.0.1:9001/x")])
                : .init(pieces: body)
        }
        let client = MediaClient(try configuration("http://127.0.0.1:9000"), transport: transport)
        #expect(try await attachment(client, url: "http://127.0.0.1:9000/x").download().bytes == Self.plain)
        #expect(transport.requests.events.map(\.reach) == [.everywhere])
        #expect(await failure(of: attachment(client, url: "https://127.0.0.1:9000/x"))?.code == .addressRefused)
        #expect(await failure(of: attachment(client, url: "http://127.0.0.1:9001/x"))?.code == .schemeRefused)
        #expect(await failure(of: attachment(client, url: "http://127.0.0.1:9000/away"))?.code == .schemeRefused)
        #expect(transport.requests.events.count == 2)
    }

    @Test(arguments: [301, 302, 303, 307, 308])
    func fiveRedirectsAreFollowedAndTheNextPlaceIsJudgedAnew(status: Int) async throws {
        let body = [try EncryptedMedia.encrypt(Self.plain)]
        func transport(_ redirects: Int) -> FakeTransport {
            FakeTransport { address throws(MediaError) in
                let number = Int(address.target.dropFirst()) ?? 0
                if number == redirects { return .init(pieces: body) }
                return .init(status: status, headers: [(name: "LOCATION", value: "/\(number + 1)")])
            }
        }
        let five = transport(5)
        let media = try await attachment(MediaClient(configuration(), transport: five), url: "https://h/0").download()
        #expect(media.bytes == Self.plain)
        #expect(five.requests.events.count == 6)
        let six = MediaClient(try configuration(), transport: transport(6))
        #expect(await failure(of: attachment(six, url: "https://h/0"))?.code == .tooManyRedirects)
    }

    @Test(arguments: [
        (403, MediaError.Code.refused), (404, .refused), (500, .refused), (206, .refused), (304, .refused),
        (204, .refused),
        (302, .invalidAddress),
    ])
    func anythingButTheContentIsAnErrorThatSaysWhatTheServerSaid(status: Int, code: MediaError.Code) async throws {
        let transport = serving(.init(status: status, pieces: [try EncryptedMedia.encrypt([1])]))
        let error = await failure(of: attachment(MediaClient(try configuration(), transport: transport), at: .now))
        #expect(error?.code == code)
        if code == .refused { #expect(error?.message.contains("\(status)") == true) }
    }

    // MARK: Time

    @Test func afterFiveMinutesNobodyIsAsked() async throws {
        let clock = Locked(ContinuousClock.now)
        let start = clock.withLock(\.self)
        let transport = serving(.init(pieces: [try EncryptedMedia.encrypt(Self.plain)]))
        let client = MediaClient(try configuration(), transport: transport, now: { clock.withLock(\.self) })
        clock.withLock { $0 = start + .seconds(300) - .nanoseconds(1) }
        #expect(try await attachment(client, at: start).download().bytes == Self.plain)
        clock.withLock { $0 = start + .seconds(300) }
        let error = await failure(of: attachment(client, at: start))
        #expect(error?.code == .expired)
        #expect(error?.message.contains("300 seconds old") == true)
        #expect(transport.requests.events.count == 1)
        #expect(try await attachment(client).download().bytes == Self.plain, "of an unknown age: the server knows")
    }

    // MARK: Many at once

    @Test func fourAreFetchedAtATimeAndTheOthersWaitForThem() async throws {
        let gate = Promise<Void>()
        let transport = serving(.init(pieces: [try EncryptedMedia.encrypt(Self.plain)], gate: gate))
        let client = MediaClient(try configuration(), transport: transport)
        let attachment = attachment(client)
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<12 { group.addTask { try await attachment.download().bytes.count } }
            await transport.requests.wait { $0.count == 4 }
            #expect(transport.running.withLock { $0.now } == 4)
            gate.fulfill(())
            for try await count in group { #expect(count == Self.plain.count) }
        }
        #expect(transport.running.withLock { $0.most } == 4)
        #expect(transport.requests.events.count == 12)
    }

    @Test func whoIsCancelledWhileFetchingOrWaitingHoldsNobodyUp() async throws {
        let gate = Promise<Void>()
        let transport = serving(.init(pieces: [try EncryptedMedia.encrypt(Self.plain)], gate: gate))
        let client = MediaClient(try configuration(), transport: transport)
        let attachment = attachment(client)
        let tasks = (0..<9).map { _ in Task { try await attachment.download().bytes.count } }
        await transport.requests.wait { $0.count == 4 }
        for task in tasks { task.cancel() }
        for task in tasks {
            let error = await #expect(throws: MediaError.self) { try await task.value }
            #expect(error?.code == .cancelled)
        }
        gate.fulfill(())
        #expect(try await attachment.download().bytes == Self.plain)
        #expect(transport.running.withLock { $0.now } == 0)
    }

    // MARK: Memory

    /// Whenever the next piece is asked for, all before it are in the file, so that none is in memory.
    @Test func aLargeFileIsWrittenAsItComes() async throws {
        let (pieceBytes, count) = (64 << 10, 320)
        // To decrypt it, any bytes are as good as encrypted ones; only the padding at the end must be right.
        let piece = [UInt8](repeating: 0xA5, count: pieceBytes)
        let cipher = try CBCCipher(.encrypt, key: EncryptedMedia.bytes, vector: Array(piece.suffix(16)))
        let padding = try cipher.update([UInt8](repeating: 32, count: 32))
        let directory = "/tmp/media-pieces-\(UInt64.random(in: 0 ... .max))"
        mkdir(directory, 0o700)
        let behind = Locked(0)
        let transport = FakeTransport { _ in
            .init(more: { number in
                behind.withLock { $0 = max($0, min(number, count) * pieceBytes - bytesOfFiles(in: directory)) }
                return number < count ? piece : number == count ? padding : nil
            })
        }
        let attachment = attachment(MediaClient(try configuration(), transport: transport))
        let saved = try await attachment.save(to: directory + "/a")
        #expect(saved.byteCount == pieceBytes * count)
        // What may be padding is held back.
        #expect((0...64).contains(behind.withLock(\.self)))
        unlink(saved.path)
        rmdir(directory)
    }
}

/// How many bytes the files have together that are open in a directory, whether they have a name there or not.
private func bytesOfFiles(in path: String) -> Int {
    guard let descriptors = opendir("/proc/self/fd") else { return 0 }
    defer { closedir(descriptors) }
    var bytes = 0
    while let entry = readdir(descriptors) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { "/proc/self/fd/" + String(cString: $0) }
        }
        let target = [UInt8](unsafeUninitializedCapacity: 4_096) { buffer, count in
            count = buffer.withMemoryRebound(to: CChar.self) {
                max(0, $0.baseAddress.map { readlink(name, $0, 4_096) } ?? 0)
            }
        }
        var status = stat()
        if target.starts(with: "\(path)/".utf8), stat(name, &status) == 0 { bytes += Int(status.st_size) }
    }
    return bytes
}
