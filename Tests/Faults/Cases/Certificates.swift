import BotCore
import BotCrypto
import BotFoundation
import GatewaySimulator
import LWSTransport
import TestSupport
import WeComAIBot

extension FaultCase {
    /// What cannot be trusted is refused, each with words of its own; a private authority is accepted.
    static let certificates = FaultCase("certificates", .waits) { context in
        let authority = try CertificateAuthority()
        let stranger = try CertificateAuthority(commonName: "a stranger")
        let names = ["localhost", "127.0.0.1"]
        let selfSigned = try CertificateAuthority.selfSigned(names: names)
        let wrong: [(name: String, security: GatewayListener.Security, words: String)] = [
            ("expired", .authority(authority, names: names, validity: .expired), "expired"),
            ("not yet valid", .authority(authority, names: names, validity: .notYetValid), "not yet valid"),
            ("wrong host", .authority(authority, names: ["other.example"]), "mismatch"),
            (
                "self-signed",
                .certificate(certificatePEM: selfSigned.certificatePEM, privateKeyPEM: selfSigned.privateKeyPEM),
                "self-signed"
            ),
            ("unknown authority", .authority(stranger, names: names), "issuer"),
        ]
        var messages: Set<String> = []
        for one in wrong {
            let bench = try await Bench(context, listener: GatewayListener(security: one.security))
            let message = try await bench.run {
                var configuration = try bench.configuration()
                configuration.trust = .pem(authority.certificatePEM)
                let error = try await refusal(bench, configuration)
                try expect(error.code, is: .certificateRefused, "\(one.name):")
                try expect(
                    error.message.contains(one.words),
                    "\(one.name) with the word \"\(one.words)\"",
                    seen: error.message
                )
                return error.message.replacing(bench.proxy.port)
            }
            try expect(messages.insert(message).inserted, "\(one.name) with words of its own", seen: message)
        }
        let bench = try await Bench(context, listener: GatewayListener(security: .authority(authority, names: names)))
        try await bench.run {
            var configuration = try bench.configuration()
            configuration.trust = .pem(authority.certificatePEM)
            let client = try await bench.client(configuration)
            try await client.ready()
            await client.stop()
        }
        return
            "\(wrong.map(\.name).joined(separator: ", ")): each refused with words of its own; a private authority: accepted"
    }

    /// A server that speaks nothing newer than TLS 1.1 is refused.
    static let oldTLS = FaultCase("tls-1.1", .waits) { context in
        let server = try await SilentTLSServer(context, options: ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"])
        defer { server.stop() }
        let bench = try await Bench(context)
        return try await bench.run {
            bench.proxy.redirect(to: server.port)
            var configuration = try bench.configuration()
            configuration.trust = .pem(server.authorityPEM)
            let error = try await refusal(bench, configuration)
            try expect(error.code, is: .tlsFailed, "the error")
            return "refused: \(error.message.replacing(bench.proxy.port))"
        }
    }

    /// With what error a connection is refused, which the bot says too.
    private static func refusal(_ bench: Bench, _ configuration: LongConnectionConfiguration) async throws
        -> TransportError
    {
        let client = try await bench.client(configuration)
        let reason = try await client.waiting().change.state.reason ?? ""
        await client.stop()
        let error = try await bench.transportError(of: configuration)
        try expect(reason, is: error.message, "the reason of the state")
        return error
    }
}

extension Bench {
    /// The error with which a connection ends before it is open.
    func transportError(of configuration: LongConnectionConfiguration) async throws -> TransportError {
        let loop = try EventLoop(name: "probe")
        let (events, continuation) = AsyncStream.makeStream(of: WebSocketEvent.self)
        let socket = await loop.connect(configuration) { continuation.yield($0) }
        var error: TransportError?
        for await event in events {
            if case .closed(let closure) = event {
                error = closure.error
                break
            }
            if case .opened = event { await socket.abort() }
        }
        await loop.shutdown()
        guard let error else { throw Failure(expected: "a connection that fails", seen: "it opened") }
        return error
    }
}

extension EventLoop {
    fileprivate func connect(
        _ configuration: LongConnectionConfiguration,
        onEvent: @escaping @Sendable (WebSocketEvent) -> Void
    ) -> WebSocket {
        WebSocket.connect(to: configuration.endpoint, trust: configuration.trust, on: self, onEvent: onEvent)
    }
}

extension String {
    /// Without the port, which differs each time.
    fileprivate func replacing(_ port: UInt16) -> String {
        split(separator: "\(port)", omittingEmptySubsequences: false).joined(separator: "PORT")
    }
}
