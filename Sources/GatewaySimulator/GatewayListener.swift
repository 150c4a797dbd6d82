package import BotCrypto

/// Where a gateway listens, and how.
package struct GatewayListener: Sendable {
    /// What a client meets before the first frame.
    package enum Security: Sendable {
        /// `ws://`.
        case plaintext
        /// `wss://`, with a certificate for these names from this authority.
        case authority(CertificateAuthority, names: [String], validity: CertificateValidity = .current)
        /// `wss://`, with a certificate from elsewhere, for clients that must refuse it.
        case certificate(certificatePEM: [UInt8], privateKeyPEM: [UInt8])
    }

    /// The address to listen on.
    package var host = "127.0.0.1"
    /// The port; 0 for any that is free.
    package var port: UInt16 = 0
    /// The name a client is told to connect to.
    package var name = "localhost"
    /// The security; `nil`: TLS for `localhost` and `127.0.0.1`, from an authority that is made for this gateway.
    package var security: Security?

    /// Listens on any free port of the loopback interface.
    package init(port: UInt16 = 0, security: Security? = nil) {
        self.port = port
        self.security = security
    }

    /// What the server needs for TLS, and what a client has to trust then; neither without TLS.
    func material() throws -> (tls: (certificatePEM: [UInt8], privateKeyPEM: [UInt8])?, authorityPEM: [UInt8]?) {
        switch try security ?? .authority(CertificateAuthority(), names: ["localhost", "127.0.0.1"]) {
        case .plaintext: (nil, nil)
        case .authority(let authority, let names, let validity):
            (try authority.issue(names: names, validity: validity), authority.certificatePEM)
        case .certificate(let certificatePEM, let privateKeyPEM):
            ((certificatePEM: certificatePEM, privateKeyPEM: privateKeyPEM), nil)
        }
    }
}
