internal import BotCrypto
internal import BotFoundation
package import LWSTransport

/// Where the simulated service keeps what people send: encrypted, each medium under a signed address with a key of its own, for five
/// minutes (official doc 100719).
package final class MediaHost: Sendable {
    /// What is there to be fetched.
    private struct Item {
        let body: [UInt8]
        let signature: String
        let disposition: String?
        let fault: MediaFault?
        let expiresAt: ContinuousClock.Instant
        var redirects: Int
    }

    private struct State {
        var items: [String: Item] = [:]
        var requests: [String] = []
        var nextID = 1
    }

    /// How long an address is valid.
    package static let validity: Duration = .seconds(5 * 60)
    /// How many bytes come of ``MediaFault/endless``: more than anybody should take.
    package static let endlessBytes = 64 << 20

    /// `https://localhost:40123`, for instance.
    package let origin: String
    private let server: HTTPServer
    private let state: Locked<State>
    /// Ends when what is held may go.
    private let hold: AsyncStream<Never>.Continuation
    private let serving: Task<Void, Never>

    private init(origin: String, server: HTTPServer, state: Locked<State>, hold: AsyncStream<Never>.Continuation) {
        self.origin = origin
        self.hold = hold
        self.server = server
        self.state = state
        serving = Task { await server.run() }
    }

    /// Starts to listen.
    ///
    /// - Parameters:
    ///   - loop: where the server lives.
    ///   - listener: where it listens, and with which certificate.
    /// - Throws: ``CryptoError`` when the certificate cannot be made, ``TransportError`` when the port cannot be had.
    package static func start(on loop: EventLoop, listener: GatewayListener) async throws -> MediaHost {
        var configuration = HTTPServerConfiguration()
        configuration.host = listener.host
        configuration.port = listener.port
        configuration.tls = try listener.material().tls
        configuration.writeDeadline = .seconds(120)
        let state = Locked(State())
        let (held, hold) = AsyncStream.makeStream(of: Never.self)
        let server = try await HTTPServer.listen(on: loop, configuration) {
            await respond(to: $0, from: state, held)
        }
        let scheme = configuration.tls == nil ? "http" : "https"
        return MediaHost(
            origin: "\(scheme)://\(listener.name):\(await server.port)",
            server: server,
            state: state,
            hold: hold
        )
    }

    /// Lets what is ``MediaFault/held`` go.
    package func release() { hold.finish() }

    /// Stops listening and drops what is under way.
    package func stop() async {
        release()
        await server.stop()
        await serving.value
    }

    /// The targets that were asked for so far, without their queries.
    package var requests: [String] { state.withLock { $0.requests } }

    /// Puts something there.
    ///
    /// - Parameters:
    ///   - bytes: what is in it.
    ///   - disposition: the `Content-Disposition` of the download.
    ///   - commonKey: the callback's `EncodingAESKey`, when the medium is for a message that comes without a key; else it has its own.
    ///   - fault: what is wrong with it.
    package func publish(
        _ bytes: [UInt8],
        disposition: String? = nil,
        commonKey: String? = nil,
        fault: MediaFault? = nil
    ) throws -> SimulatedMedia {
        let common = commonKey.flatMap { SimulatedCipher(key: $0) }
        let cipher = common ?? SimulatedCipher()
        var body = try cipher.encrypt(bytes)
        switch fault {
        case .truncated: body.removeLast(min(16, body.count))
        case .ragged: body.removeLast()
        case .plaintext: body = bytes
        case .endless: body = []
        case .status, .redirect, .wrongKey, .slow, .held, nil: break
        }
        let signature = String(UInt64.random(in: .min ... .max), radix: 16)
        let redirects = if case .redirect(_, let times)? = fault { times } else { 0 }
        let item = Item(
            body: body,
            signature: signature,
            disposition: disposition,
            fault: fault,
            expiresAt: .now + Self.validity,
            redirects: redirects
        )
        let path = state.withLock { state in
            let path = "/obj/\(state.nextID)"
            state.nextID += 1
            state.items[path] = item
            return path
        }
        let key = fault == .wrongKey ? try SimulatedCipher.wrong(for: body) : cipher
        return SimulatedMedia(
            url: "\(origin)\(path)?q-sign-algorithm=sha1&sign=\(signature)",
            aesKey: common == nil ? key.key : nil
        )
    }

    private static func respond(to request: HTTPRequest, from state: Locked<State>, _ held: AsyncStream<Never>) async
        -> HTTPResponse
    {
        let (item, leads) = state.withLock { state -> (Item?, Bool) in
            state.requests.append(request.path)
            guard let item = state.items[request.path] else { return (nil, false) }
            if item.redirects > 0 { state.items[request.path]?.redirects -= 1 }
            return (item, item.redirects > 0)
        }
        guard let item else { return HTTPResponse(status: 404, text: "NoSuchKey") }
        guard request.query.split(separator: "&").contains("sign=\(item.signature)"), .now < item.expiresAt else {
            return HTTPResponse(status: 403, text: "AccessDenied")
        }
        var headers = ["content-type": "application/octet-stream"]
        headers["content-disposition"] = item.disposition
        var body = item.body
        switch item.fault {
        case .status(let status): return HTTPResponse(status: status, text: "the simulator was told to")
        case .redirect(let location, _) where leads:
            headers["location"] = location ?? "\(request.path)?\(request.query)"
            return HTTPResponse(status: 302, headers: headers)
        case .endless: body = [UInt8](repeating: 0, count: endlessBytes)
        case .slow(let duration):
            do { try await Task.sleep(for: duration) } catch { return HTTPResponse(status: 503, text: "given up") }
        case .held: for await _ in held {}
        case .redirect, .truncated, .ragged, .wrongKey, .plaintext, nil: break
        }
        return HTTPResponse(status: 200, headers: headers, body: body)
    }
}

/// What can be wrong with a medium.
package enum MediaFault: Sendable, Hashable {
    /// The server answers with this status.
    case status(Int)
    /// The first so many requests are answered with a redirect; without a location, to the same address.
    case redirect(to: String? = nil, times: Int = 1)
    /// The message has another medium's key.
    case wrongKey
    /// The last 16 bytes are missing.
    case truncated
    /// The last byte is missing.
    case ragged
    /// It is not encrypted.
    case plaintext
    /// It has 64 MiB.
    case endless
    /// The answer begins so much later.
    case slow(Duration)
    /// The answer begins with ``MediaHost/release()``.
    case held
}
