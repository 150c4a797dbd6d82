import COpenSSL

/// Whether a string is an IPv4 or IPv6 literal.
enum IPLiteral {
    static func isValid(_ text: String) -> Bool {
        guard !text.utf8.contains(0), let address = a2i_IPADDRESS(text) else {
            ERR_clear_error()
            return false
        }
        ASN1_OCTET_STRING_free(address)
        return true
    }
}

/// Bytes in memory that OpenSSL reads from or writes to.
private final class MemoryBuffer {
    let pointer: OpaquePointer

    init() throws(CryptoError) {
        pointer = try make(BIO_new(BIO_s_mem()), "making a buffer")
    }

    convenience init(_ bytes: [UInt8]) throws(CryptoError) {
        try self.init()
        guard let count = Int32(exactly: bytes.count), BIO_write(pointer, bytes, count) == count else {
            throw failure("filling a buffer")
        }
    }

    deinit { BIO_free(pointer) }

    func contents() throws(CryptoError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: BIO_ctrl_pending(pointer))
        guard let count = Int32(exactly: bytes.count), BIO_read(pointer, &bytes, count) == count else {
            throw failure("reading a buffer")
        }
        return bytes
    }
}

/// An EC P-256 key pair.
final class SigningKey {
    fileprivate let pointer: OpaquePointer

    /// Makes a new key.
    init() throws(CryptoError) {
        let context = try make(EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nil), "preparing a key")
        defer { EVP_PKEY_CTX_free(context) }
        try check(EVP_PKEY_keygen_init(context), "preparing a key")
        try check(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1), "choosing the curve")
        var key: OpaquePointer?
        try check(EVP_PKEY_keygen(context, &key), "making a key")
        pointer = try make(key, "making a key")
    }

    /// Reads a PKCS#8 key.
    init(pem: [UInt8]) throws(CryptoError) {
        let buffer = try MemoryBuffer(pem)
        pointer = try make(PEM_read_bio_PrivateKey(buffer.pointer, nil, nil, nil), "reading a private key")
    }

    deinit { EVP_PKEY_free(pointer) }

    /// The key as unencrypted PKCS#8.
    func pem() throws(CryptoError) -> [UInt8] {
        let buffer = try MemoryBuffer()
        try check(
            PEM_write_bio_PKCS8PrivateKey(buffer.pointer, pointer, nil, nil, 0, nil, nil),
            "writing a private key"
        )
        return try buffer.contents()
    }
}

/// An X.509 certificate, from empty to signed.
final class Certificate {
    /// The extensions that are used here.
    enum Extension {
        case basicConstraints, keyUsage, extendedKeyUsage, subjectAlternativeName
        case subjectKeyIdentifier, authorityKeyIdentifier

        fileprivate var number: Int32 {
            switch self {
            case .basicConstraints: NID_basic_constraints
            case .keyUsage: NID_key_usage
            case .extendedKeyUsage: NID_ext_key_usage
            case .subjectAlternativeName: NID_subject_alt_name
            case .subjectKeyIdentifier: NID_subject_key_identifier
            case .authorityKeyIdentifier: NID_authority_key_identifier
            }
        }
    }

    /// The bytes of a serial number: 127 random bits, within the 20 bytes of RFC 5280.
    private static let serialBytes = 16

    private let pointer: OpaquePointer
    private var issuer: Certificate?

    /// Begins a version 3 certificate with a random serial number.
    init(subject: String, publicKey: SigningKey, validity: CertificateValidity) throws(CryptoError) {
        guard
            validity.notBefore < validity.notAfter,
            let notBefore = Int(exactly: validity.notBefore.components.seconds),
            let notAfter = Int(exactly: validity.notAfter.components.seconds)
        else {
            throw CryptoError(.invalidValidity, "a certificate must end after it begins")
        }
        pointer = try make(X509_new(), "making a certificate")
        try check(X509_set_version(pointer, Int(X509_VERSION_3)), "setting the version")

        var serial = [UInt8](repeating: 0, count: Self.serialBytes)
        try check(RAND_bytes(&serial, Int32(serial.count)), "drawing a serial number")
        // Positive, and never shorter than it looks: DER drops leading zeros and reads the top bit as a sign.
        serial[0] = serial[0] & 0x7F | 0x40
        try check(
            ASN1_STRING_set(X509_get_serialNumber(pointer), serial, Int32(serial.count)),
            "setting the serial number"
        )

        guard
            X509_gmtime_adj(X509_getm_notBefore(pointer), notBefore) != nil,
            X509_gmtime_adj(X509_getm_notAfter(pointer), notAfter) != nil
        else {
            throw CryptoError(.invalidValidity, "OpenSSL cannot express these dates")
        }
        let name = X509_get_subject_name(pointer)
        let text = Array(subject.utf8)
        guard let count = Int32(exactly: text.count) else { throw CryptoError(.invalidName, "the subject is too long") }
        try check(
            X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, text, count, -1, 0),
            "setting the subject"
        )
        try check(X509_set_pubkey(pointer, publicKey.pointer), "setting the public key")
    }

    /// Reads a certificate.
    init(pem: [UInt8]) throws(CryptoError) {
        let buffer = try MemoryBuffer(pem)
        pointer = try make(PEM_read_bio_X509(buffer.pointer, nil, nil, nil), "reading a certificate")
    }

    deinit { X509_free(pointer) }

    /// Names the issuer; `nil` means the certificate itself. To be called before extensions are added.
    func setIssuer(_ issuer: Certificate?) throws(CryptoError) {
        self.issuer = issuer
        let name = X509_get_subject_name(issuer?.pointer ?? pointer)
        try check(X509_set_issuer_name(pointer, name), "setting the issuer")
    }

    /// Adds an extension, in OpenSSL's configuration syntax.
    func add(_ kind: Extension, _ value: String) throws(CryptoError) {
        var context = X509V3_CTX()
        X509V3_set_ctx(&context, issuer?.pointer ?? pointer, pointer, nil, nil, 0)
        let made = X509V3_EXT_conf_nid(nil, &context, kind.number, value)
        let addition = try make(made, "making the extension \(kind)")
        defer { X509_EXTENSION_free(addition) }
        try check(X509_add_ext(pointer, addition, -1), "adding the extension \(kind)")
    }

    /// Signs with the issuer's key.
    func sign(with key: SigningKey) throws(CryptoError) {
        try check(X509_sign(pointer, key.pointer, EVP_sha256()), "signing")
    }

    /// The certificate as PEM.
    func pem() throws(CryptoError) -> [UInt8] {
        let buffer = try MemoryBuffer()
        try check(PEM_write_bio_X509(buffer.pointer, pointer), "writing a certificate")
        return try buffer.contents()
    }
}
