/// A throw-away certificate authority for the simulator, the demo and tests.
///
/// Never used to verify anything but them. Keys are EC P-256, signatures ECDSA with SHA-256. Nothing is written to disk.
package struct CertificateAuthority: Sendable {
    /// The authority's own certificate: what a client is given to trust.
    package let certificatePEM: [UInt8]
    private let privateKeyPEM: [UInt8]

    /// Makes a new key and a certificate that is signed by it and may sign others.
    ///
    /// - Parameter commonName: the subject, at most 64 characters (X.520).
    /// - Throws: ``CryptoError`` with ``CryptoError/Code/openSSL`` when OpenSSL refuses.
    package init(
        commonName: String = "swift-wecom-bot throw-away CA",
        validity: CertificateValidity = .current
    ) throws(CryptoError) {
        let key = try SigningKey()
        let certificate = try Certificate(subject: commonName, publicKey: key, validity: validity)
        try certificate.setIssuer(nil)
        try certificate.add(.basicConstraints, "critical,CA:TRUE,pathlen:0")
        try certificate.add(.keyUsage, "critical,keyCertSign,cRLSign")
        try certificate.add(.subjectKeyIdentifier, "hash")
        try certificate.sign(with: key)
        certificatePEM = try certificate.pem()
        privateKeyPEM = try key.pem()
    }

    /// Issues a server certificate for `names`, with a key of its own.
    ///
    /// - Parameters:
    ///   - names: DNS names (a leading `*.` is allowed) and IP literals; at least one.
    ///   - validity: when it is valid, relative to now.
    /// - Returns: the leaf certificate alone (a client that trusts the authority needs nothing else) and its private key.
    /// - Throws: ``CryptoError``.
    package func issue(
        names: [String],
        validity: CertificateValidity = .current
    ) throws(CryptoError) -> (certificatePEM: [UInt8], privateKeyPEM: [UInt8]) {
        let authority = try Certificate(pem: certificatePEM)
        let authorityKey = try SigningKey(pem: privateKeyPEM)
        let key = try SigningKey()
        let certificate = try Self.serverCertificate(for: names, publicKey: key, validity: validity, issuer: authority)
        try certificate.sign(with: authorityKey)
        return (certificatePEM: try certificate.pem(), privateKeyPEM: try key.pem())
    }

    /// Makes a server certificate that no authority has signed, for tests that expect it to be refused.
    ///
    /// - Throws: ``CryptoError``.
    package static func selfSigned(
        names: [String],
        validity: CertificateValidity = .current
    ) throws(CryptoError) -> (certificatePEM: [UInt8], privateKeyPEM: [UInt8]) {
        let key = try SigningKey()
        let certificate = try serverCertificate(for: names, publicKey: key, validity: validity, issuer: nil)
        try certificate.sign(with: key)
        return (certificatePEM: try certificate.pem(), privateKeyPEM: try key.pem())
    }

    /// Everything of a server certificate but the signature.
    private static func serverCertificate(
        for names: [String],
        publicKey: SigningKey,
        validity: CertificateValidity,
        issuer: Certificate?
    ) throws(CryptoError) -> Certificate {
        let alternativeNames = try SubjectAlternativeName.list(names)
        let certificate = try Certificate(subject: "throw-away server", publicKey: publicKey, validity: validity)
        try certificate.setIssuer(issuer)
        try certificate.add(.basicConstraints, "critical,CA:FALSE")
        try certificate.add(.keyUsage, "critical,digitalSignature")
        try certificate.add(.extendedKeyUsage, "serverAuth")
        try certificate.add(.subjectKeyIdentifier, "hash")
        if issuer != nil { try certificate.add(.authorityKeyIdentifier, "keyid:always") }
        try certificate.add(.subjectAlternativeName, alternativeNames)
        return certificate
    }
}
