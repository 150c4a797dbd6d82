internal import BotCore

/// The header that names a download (RFC 6266).
enum ContentDisposition {
    /// The name in it, safe to be used as a file's; `nil` if it has none.
    ///
    /// `filename*` (RFC 8187, UTF-8 or ISO-8859-1) counts before `filename`, whose value servers write percent-encoded, or as UTF-8.
    static func fileName(in header: String) -> String? {
        let parameters = parameters(of: header)
        func first(_ name: String) -> String? { parameters.first { $0.name == name }?.value }
        if let name = first("filename*").flatMap(extended).flatMap(FileName.safe) { return name }
        guard let name = first("filename") else { return nil }
        return FileName.safe(PercentEncoding.decode(name) ?? name)
    }

    /// `charset'language'percent-encoded`.
    private static func extended(_ value: String) -> String? {
        let parts = value.split(separator: "'", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let bytes = PercentEncoding.bytes(String(parts[2])) else { return nil }
        switch parts[0].lowercased() {
        case "utf-8": return String(validating: bytes, as: UTF8.self)
        case "iso-8859-1":
            var scalars = String.UnicodeScalarView()
            scalars.append(contentsOf: bytes.map { Unicode.Scalar($0) })
            return String(scalars)
        default: return nil
        }
    }

    /// Names in lower case and values, in order. What is not well-formed is read as far as it makes sense.
    private static func parameters(of header: String) -> [(name: String, value: String)] {
        var rest = header.utf8[...]
        var parameters: [(name: String, value: String)] = []
        // The type of disposition does not matter; some servers leave it out.
        if let type = rest.firstIndex(where: { $0 == semicolon || $0 == equals }), rest[type] == semicolon {
            rest = rest[type...].dropFirst()
        } else if !rest.contains(equals) {
            return []
        }
        while !rest.isEmpty {
            let name = rest.prefix { $0 != equals && $0 != semicolon }
            rest = rest[name.endIndex...]
            guard rest.popFirst() == equals else { continue }
            rest = rest.drop(while: isBlank)
            let value = rest.first == quote ? quoted(&rest) : trimmed(rest.prefix { $0 != semicolon })
            rest = rest.drop { $0 != semicolon }.dropFirst()
            parameters.append((text(trimmed(name)).lowercased(), text(value)))
        }
        return parameters
    }

    /// A quoted string, which may be cut off. A backslash counts only before a quote and another backslash: some servers write Windows
    /// paths.
    private static func quoted(_ rest: inout Substring.UTF8View) -> [UInt8] {
        rest = rest.dropFirst()
        var bytes: [UInt8] = []
        while let byte = rest.popFirst(), byte != quote {
            if byte == backslash, let next = rest.first, next == quote || next == backslash {
                rest = rest.dropFirst()
                bytes.append(next)
            } else {
                bytes.append(byte)
            }
        }
        return bytes
    }

    private static func trimmed(_ bytes: Substring.UTF8View) -> [UInt8] {
        var bytes = Array(bytes.drop(while: isBlank))
        while let last = bytes.last, isBlank(last) { bytes.removeLast() }
        return bytes
    }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    private static let semicolon = UInt8(ascii: ";")
    private static let equals = UInt8(ascii: "=")
    private static let quote = UInt8(ascii: "\"")
    private static let backslash = UInt8(ascii: "\\")
}
