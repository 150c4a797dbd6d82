internal import CLibwebsockets

/// What client connections must have in common to share a libwebsockets vhost: whom they trust and what they go through.
struct ClientHome: Sendable, Hashable {
    let trust: TrustRoots
    /// `http://user:password@1.2.3.4:3128`, or nil for a direct connection.
    let proxy: String?

    func makeVhost(in context: LibraryPointer) -> Result<LibraryPointer, TransportError> {
        // No bytes may have no address either, and for the library that would mean the system's trust.
        if trust == .pem([]) { return .failure(TransportError(.trustUnusable, "there are no trusted certificates")) }
        var reason = [CChar](repeating: 0, count: 256)
        let vhost: OpaquePointer? = withOptionalCString(proxy) { proxy in
            switch trust {
            case .system:
                var options = clws_client_options(trusted_pem: nil, trusted_pem_length: 0, proxy: proxy)
                return clws_client_vhost(context.pointer, &options, &reason, reason.count)
            case .pem(let pem):
                return pem.withUnsafeBytes { bytes in
                    var options = clws_client_options(
                        trusted_pem: bytes.bindMemory(to: CChar.self).baseAddress,
                        trusted_pem_length: bytes.count,
                        proxy: proxy
                    )
                    return clws_client_vhost(context.pointer, &options, &reason, reason.count)
                }
            }
        }
        guard let vhost else { return .failure(TransportError(.trustUnusable, String(cBuffer: reason))) }
        return .success(LibraryPointer(vhost))
    }
}

func withOptionalCString<Result>(_ string: String?, _ body: (UnsafePointer<CChar>?) -> Result) -> Result {
    guard let string else { return body(nil) }
    return string.withCString { body($0) }
}

extension String {
    /// The text before the first NUL; invalid UTF-8 is replaced.
    init(cBuffer buffer: [CChar]) {
        self.init(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
