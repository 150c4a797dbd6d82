import BotCrypto
import Testing

@Suite("CertificateAuthority")
struct CertificateAuthorityTests {
    @Test("PEM comes out as PEM, and the key is its own")
    func pem() throws {
        let authority = try CertificateAuthority()
        let issued = try authority.issue(names: ["localhost"])
        let ca = String(decoding: authority.certificatePEM, as: UTF8.self)
        let leaf = String(decoding: issued.certificatePEM, as: UTF8.self)
        let key = String(decoding: issued.privateKeyPEM, as: UTF8.self)
        #expect(ca.hasPrefix("-----BEGIN CERTIFICATE-----\n"))
        #expect(leaf.hasPrefix("-----BEGIN CERTIFICATE-----\n"))
        #expect(key.hasPrefix("-----BEGIN PRIVATE KEY-----\n"))
        #expect(ca != leaf)
    }

    @Test("two certificates differ: random keys and serials")
    func unique() throws {
        let authority = try CertificateAuthority()
        let first = try authority.issue(names: ["localhost"])
        let second = try authority.issue(names: ["localhost"])
        #expect(first.certificatePEM != second.certificatePEM)
        #expect(first.privateKeyPEM != second.privateKeyPEM)
    }

    @Test(
        "a name that is no DNS name and no address is refused",
        arguments: [
            "", "a..b", "with space", "a,DNS:evil.example", "名字", "*", "a.*.b", "http://host", "host:443",
            String(repeating: "a", count: 64), Array(repeating: "abc", count: 64).joined(separator: "."),
        ]
    )
    func invalidName(name: String) throws {
        let authority = try CertificateAuthority()
        let error = #expect(throws: CryptoError.self) { try authority.issue(names: ["localhost", name]) }
        #expect(error?.code == .invalidName)
    }

    @Test(
        "names at the limits are accepted",
        arguments: [
            String(repeating: "a", count: 63), "*.example.com", "127.0.0.1", "::1", "a_b-c.example",
            Array(repeating: "abc", count: 63).joined(separator: ".") + ".x",
        ]
    )
    func validName(name: String) throws {
        #expect(throws: Never.self) { try CertificateAuthority().issue(names: [name]) }
    }

    @Test("no names at all is refused")
    func noNames() throws {
        let error = #expect(throws: CryptoError.self) { try CertificateAuthority().issue(names: []) }
        #expect(error?.code == .invalidName)
    }

    @Test("a certificate that ends as it begins is refused; one second later is not")
    func validityOrder() throws {
        let authority = try CertificateAuthority()
        let instant = CertificateValidity(notBefore: .seconds(5), notAfter: .seconds(5))
        let error = #expect(throws: CryptoError.self) { try authority.issue(names: ["a"], validity: instant) }
        #expect(error?.code == .invalidValidity)
        let second = CertificateValidity(notBefore: .seconds(5), notAfter: .seconds(6))
        #expect(throws: Never.self) { try authority.issue(names: ["a"], validity: second) }
    }

    @Test("a subject over 64 characters is refused with OpenSSL's reason")
    func longSubject() {
        #expect(throws: Never.self) { try CertificateAuthority(commonName: String(repeating: "c", count: 64)) }
        let error = #expect(throws: CryptoError.self) {
            try CertificateAuthority(commonName: String(repeating: "c", count: 65))
        }
        #expect(error?.code == .openSSL)
        #expect(error?.message.contains("string too long") == true)
    }
}

@Suite("CertificateAuthority, judged by the openssl program", .enabled(if: OpenSSLCommand.isPresent))
struct CertificateVerificationTests {
    private func verify(
        _ leaf: [UInt8],
        with authority: [UInt8],
        _ options: [String]
    ) async throws -> (status: Int32?, output: String) {
        try await OpenSSLCommand.run(
            ["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", "ca.pem"] + options + ["leaf.pem"],
            files: ["ca.pem": authority, "leaf.pem": leaf]
        )
    }

    @Test("the chain verifies, for each name and for no other")
    func chain() async throws {
        let authority = try CertificateAuthority()
        let leaf = try authority.issue(names: ["localhost", "*.bot.example", "127.0.0.1", "::1"]).certificatePEM
        let ca = authority.certificatePEM
        for host in ["localhost", "a.bot.example"] {
            let result = try await verify(leaf, with: ca, ["-verify_hostname", host])
            #expect(result.status == 0, "\(host): \(result.output)")
        }
        for address in ["127.0.0.1", "::1"] {
            let result = try await verify(leaf, with: ca, ["-verify_ip", address])
            #expect(result.status == 0, "\(address): \(result.output)")
        }
        #expect(
            try await verify(leaf, with: ca, ["-verify_hostname", "other.example"]).output.contains("hostname mismatch")
        )
        #expect(try await verify(leaf, with: ca, ["-verify_ip", "127.0.0.2"]).output.contains("IP address mismatch"))
    }

    @Test("another authority of the same name does not vouch for it")
    func otherAuthority() async throws {
        let leaf = try CertificateAuthority().issue(names: ["localhost"]).certificatePEM
        #expect(try await verify(leaf, with: CertificateAuthority().certificatePEM, []).status != 0)
    }

    @Test("expired and not yet valid certificates are what they say")
    func validity() async throws {
        let authority = try CertificateAuthority()
        let ca = authority.certificatePEM
        let expired = try authority.issue(names: ["localhost"], validity: .expired).certificatePEM
        #expect(try await verify(expired, with: ca, []).output.contains("certificate has expired"))
        let early = try authority.issue(names: ["localhost"], validity: .notYetValid).certificatePEM
        #expect(try await verify(early, with: ca, []).output.contains("certificate is not yet valid"))
    }

    @Test("a self-signed leaf is refused by an authority")
    func selfSigned() async throws {
        let leaf = try CertificateAuthority.selfSigned(names: ["localhost"]).certificatePEM
        let result = try await verify(leaf, with: CertificateAuthority().certificatePEM, [])
        #expect(result.status != 0)
        #expect(result.output.contains("self-signed certificate"))
    }

    @Test("the extensions are those of an authority and of a server")
    func extensions() async throws {
        let authority = try CertificateAuthority(commonName: "A Test CA")
        let leaf = try authority.issue(names: ["localhost", "127.0.0.1"])
        let files = [
            "ca.pem": authority.certificatePEM, "leaf.pem": leaf.certificatePEM, "key.pem": leaf.privateKeyPEM,
        ]
        let ca = try await OpenSSLCommand.run(["x509", "-in", "ca.pem", "-noout", "-text"], files: files).output
        #expect(ca.contains("CA:TRUE"))
        #expect(ca.contains("Certificate Sign, CRL Sign"))
        #expect(ca.contains("Subject: CN = A Test CA"))
        let text = try await OpenSSLCommand.run(["x509", "-in", "leaf.pem", "-noout", "-text"], files: files).output
        #expect(text.contains("CA:FALSE"))
        #expect(text.contains("TLS Web Server Authentication"))
        #expect(text.contains("DNS:localhost, IP Address:127.0.0.1"))
        #expect(text.contains("Issuer: CN = A Test CA"))
        #expect(text.contains("prime256v1"))
        #expect(text.contains("Version: 3"))
        let certificateKey = try await OpenSSLCommand.run(
            ["x509", "-in", "leaf.pem", "-noout", "-pubkey"],
            files: files
        )
        .output
        let ownKey = try await OpenSSLCommand.run(["pkey", "-in", "key.pem", "-pubout"], files: files).output
        #expect(certificateKey == ownKey)
    }
}
