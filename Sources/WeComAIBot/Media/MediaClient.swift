internal import BotCore
internal import BotCrypto
internal import BotFoundation

/// Fetches and decrypts what people send, by rules that hold whatever a message or a server says: from public addresses by https only,
/// unless the operator has allowed an origin; not too much, not too long, not too many at once.
package final class MediaClient: Sendable {
    private let configuration: MediaConfiguration
    private let transport: any MediaTransport
    private let slots: DownloadSlots
    private let now: @Sendable () -> ContinuousClock.Instant

    init(
        _ configuration: MediaConfiguration,
        transport: any MediaTransport,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.configuration = configuration
        self.transport = transport
        self.now = now
        slots = DownloadSlots(configuration.maximumParallel)
    }

    /// Fetches one medium. See ``AttachmentSource/fetch(maximumBytes:_:)``.
    func fetch(
        _ media: RemoteMedia,
        maximumBytes: Int,
        _ take: ([UInt8]) throws(MediaError) -> Void
    ) async throws(MediaError) -> String? {
        guard let url = media.reference.url, !url.isEmpty else {
            throw MediaError(.invalidAddress, "the message does not say where it is")
        }
        let key = try Self.key(media.key)
        let address = try MediaAddress(url.value)
        try await slots.acquire()
        defer { slots.release() }
        // Waiting for a slot may have taken long.
        try checkAge(of: media)
        let (response, last) = try await follow(address, media)
        try await decrypt(response, key, maximumBytes, take)
        return response.header("content-disposition").flatMap(ContentDisposition.fileName) ?? media.reference.fileName
            .flatMap(FileName.safe) ?? last.fileName
    }

    private static func key(_ text: Secret?) throws(MediaError) -> AESKey {
        guard let text, !text.isEmpty else {
            throw MediaError(.invalidKey, "the message has no key to decrypt it with")
        }
        do {
            return try AESKey(text)
        } catch {
            throw MediaError(.invalidKey, "the message has \(error.message)")
        }
    }

    private func checkAge(of media: RemoteMedia) throws(MediaError) {
        guard let age = media.receivedAt.map({ now() - $0 }), age >= configuration.validity else { return }
        throw MediaError(
            .expired,
            "the message is \(age.components.seconds) seconds old, and media can be fetched for "
                + "\(configuration.validity.components.seconds): fetch them first, or ask for it again"
        )
    }

    // MARK: - The request

    /// The answer that is not a redirect, and where it came from.
    private func follow(
        _ first: MediaAddress,
        _ media: RemoteMedia
    ) async throws(MediaError) -> (MediaResponse, MediaAddress) {
        var address = first
        for _ in 0...configuration.maximumRedirects {
            let response = try await transport.get(address, reach: try reach(of: address))
            switch response.status {
            case 200: return (response, address)
            case 301, 302, 303, 307, 308:
                guard let location = response.header("location") else {
                    throw MediaError(.invalidAddress, "the server sent a redirect that leads nowhere")
                }
                address = try address.redirected(to: location)
            default: throw refusal(response.status, media)
            }
        }
        throw MediaError(.tooManyRedirects, "more than \(configuration.maximumRedirects) redirects, one after another")
    }

    /// Which addresses may be connected to for this one; asked anew for each redirect.
    private func reach(of address: MediaAddress) throws(MediaError) -> MediaReach {
        if configuration.allowedOrigins.contains(where: { $0.contains(address) }) { return .everywhere }
        guard address.scheme == "https" else {
            throw MediaError(
                .schemeRefused,
                "the address is not https: the operator can allow the origin (WECOM_MEDIA_ALLOWED_ORIGINS)"
            )
        }
        if let bytes = PublicAddress.bytes(of: address.host), !PublicAddress.contains(bytes) { throw .addressRefused }
        return .publicOnly
    }

    private func refusal(_ status: Int, _ media: RemoteMedia) -> MediaError {
        let age = media.receivedAt.map { "; the message is \((now() - $0).components.seconds) seconds old" } ?? ""
        return MediaError(
            .refused,
            "the server answered with status \(status)\(age), and media can be fetched for "
                + "\(configuration.validity.components.seconds)"
        )
    }

    // MARK: - The content

    private func decrypt(
        _ response: MediaResponse,
        _ key: AESKey,
        _ maximumBytes: Int,
        _ take: ([UInt8]) throws(MediaError) -> Void
    ) async throws(MediaError) {
        // Padding adds 1 to 32 bytes (official doc 101463).
        let limit = max(0, min(maximumBytes, .max - 32)) + 32
        if let length = response.header("content-length").flatMap(Int.init), length > limit {
            throw .tooLarge(maximumBytes)
        }
        let decryptor = try Self.decrypting { () throws(CryptoError) in try MediaDecryptor(key: key) }
        var (received, given) = (0, 0)
        func give(_ plain: [UInt8]) throws(MediaError) {
            given += plain.count
            guard given <= maximumBytes else { throw .tooLarge(maximumBytes) }
            if !plain.isEmpty { try take(plain) }
        }
        while let piece = try await response.body.next() {
            received += piece.count
            guard received <= limit else { throw .tooLarge(maximumBytes) }
            try give(try Self.decrypting { () throws(CryptoError) in try decryptor.update(piece) })
            if Task.isCancelled { throw .cancelled }
        }
        try give(try Self.decrypting { () throws(CryptoError) in try decryptor.finish() })
    }

    private static func decrypting<Value>(
        _ body: () throws(CryptoError) -> Value
    ) throws(MediaError) -> Value {
        do {
            return try body()
        } catch {
            switch error.code {
            case .invalidLength: throw MediaError(.truncated, error.message)
            default: throw MediaError(.decryptionFailed, error.message)
            }
        }
    }
}

extension MediaError {
    /// What was about to be connected to is not public.
    static let addressRefused = MediaError(
        .addressRefused,
        "the address leads to a machine that is not on the public internet: "
            + "if that is where media are kept, the operator can allow the origin (WECOM_MEDIA_ALLOWED_ORIGINS)"
    )
}
