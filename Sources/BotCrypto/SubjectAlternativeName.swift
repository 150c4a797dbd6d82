/// The names of a server certificate, in the form that OpenSSL's extension parser reads.
enum SubjectAlternativeName {
    /// The longest DNS name (RFC 1035, in text form).
    static let maximumNameBytes = 253

    /// `["localhost", "127.0.0.1"]` → `DNS:localhost,IP:127.0.0.1`.
    ///
    /// Only letters, digits, `-`, `_`, `.` and a leading `*.` get through, so that a name cannot smuggle in another entry.
    static func list(_ names: [String]) throws(CryptoError) -> String {
        guard !names.isEmpty else { throw CryptoError(.invalidName, "a server certificate needs at least one name") }
        var entries: [String] = []
        for name in names {
            if IPLiteral.isValid(name) {
                entries.append("IP:\(name)")
            } else if isDNSName(name) {
                entries.append("DNS:\(name)")
            } else {
                throw CryptoError(.invalidName, "\"\(name)\" is neither a DNS name nor an IP address")
            }
        }
        return entries.joined(separator: ",")
    }

    private static func isDNSName(_ name: String) -> Bool {
        guard !name.isEmpty, name.utf8.count <= maximumNameBytes else { return false }
        var labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        if labels.count > 1, labels[0].elementsEqual("*".utf8) { labels.removeFirst() }
        return labels.allSatisfy { label in
            (1...63).contains(label.count) && label.allSatisfy(isLabelByte)
        }
    }

    private static func isLabelByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"): true
        default: false
        }
    }
}
