internal import CLibwebsockets
internal import FoundationEssentials

/// Which certificate authorities a client trusts. There is no value that trusts everybody.
package enum TrustRoots: Sendable, Hashable {
    /// The system's.
    case system
    /// Those in a PEM text, and no others.
    case pem([UInt8])

    /// The largest file of certificates that is read, in bytes: about 30 times the size of Debian's whole bundle.
    package static let maximumFileBytes = 8 * 1_024 * 1_024

    /// Those in a PEM file, and no others.
    ///
    /// - Throws: ``TransportError`` with code `trustUnusable`, naming the path, if it cannot be read or is empty.
    package static func file(_ path: String) throws(TransportError) -> TrustRoots {
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: path))
        } catch {
            throw TransportError(
                .trustUnusable,
                "cannot read the certificate file \(path): check the path and permissions"
            )
        }
        guard data.count <= maximumFileBytes else {
            throw TransportError(
                .trustUnusable,
                "the certificate file \(path) is larger than \(maximumFileBytes) bytes"
            )
        }
        guard String(decoding: data, as: UTF8.self).contains("-----BEGIN CERTIFICATE-----") else {
            throw TransportError(
                .trustUnusable,
                "\(path) holds no PEM certificate: it must have a BEGIN CERTIFICATE line"
            )
        }
        return .pem([UInt8](data))
    }

    /// Checks that there are certificates and that each can be read, as a connection would.
    ///
    /// - Throws: ``TransportError`` with code `trustUnusable`.
    package func check() throws(TransportError) {
        guard case .pem(let bytes) = self else { return }
        let count = bytes.withUnsafeBytes { bytes in
            bytes.bindMemory(to: CChar.self).baseAddress.map { clws_count_certificates($0, bytes.count) } ?? 0
        }
        guard count != 0 else { throw TransportError(.trustUnusable, "holds no PEM certificate") }
        guard count > 0 else {
            throw TransportError(.trustUnusable, "holds a PEM certificate that is damaged or cut off")
        }
    }
}
