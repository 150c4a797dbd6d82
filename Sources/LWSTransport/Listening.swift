internal import CLibwebsockets

/// Where a server of either kind listens.
struct Listening {
    let host: String
    let port: UInt16
    let tls: (certificatePEM: [UInt8], privateKeyPEM: [UInt8])?

    /// Listens; `complete` says who gets the connections. Only on the loop.
    func listen(
        in context: LibraryPointer,
        _ complete: (inout clws_listen_options) -> Void
    ) -> Result<LibraryPointer, TransportError> {
        var reason = [CChar](repeating: 0, count: 256)
        let certificate = tls?.certificatePEM ?? []
        let key = tls?.privateKeyPEM ?? []
        let made = host.withCString { host in
            certificate.withUnsafeBytes { certificate in
                key.withUnsafeBytes { key in
                    var options = clws_listen_options()
                    options.interface = host
                    options.port = Int32(port)
                    if tls != nil {
                        options.certificate_pem = certificate.bindMemory(to: CChar.self).baseAddress
                        options.certificate_pem_length = certificate.count
                        options.key_pem = key.bindMemory(to: CChar.self).baseAddress
                        options.key_pem_length = key.count
                    }
                    complete(&options)
                    return clws_listen(context.pointer, &options, &reason, reason.count)
                }
            }
        }
        guard let made else {
            let message = "cannot listen on \(host):\(port): \(String(cBuffer: reason))"
            return .failure(TransportError(.listenFailed, message))
        }
        return .success(LibraryPointer(made))
    }
}
