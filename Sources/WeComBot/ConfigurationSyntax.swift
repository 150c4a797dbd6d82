/// Finds the line of a JSON text's first syntax error, which Foundation's decoder does not tell on Linux.
///
/// It only serves the message; what is valid is decided by the decoder.
struct ConfigurationSyntax {
    private struct Fault: Error {}

    /// As deep as the decoder goes.
    private static let maximumDepth = 512

    private let bytes: [UInt8]
    private var position = 0

    /// The number of the line, counted from 1; `nil` if this finds nothing wrong.
    static func firstErrorLine(in bytes: [UInt8]) -> Int? {
        var syntax = ConfigurationSyntax(bytes: bytes)
        do {
            try syntax.value(depth: 0)
            syntax.skipSpace()
            guard syntax.position < bytes.count else { return nil }
        } catch {
            // `position` is where it went wrong.
        }
        return 1 + bytes[..<syntax.position].count { $0 == UInt8(ascii: "\n") }
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || (0x09...0x0D).contains(byte) { position += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        position += 1
        return true
    }

    private mutating func value(depth: Int) throws(Fault) {
        guard depth < ConfigurationSyntax.maximumDepth else { throw Fault() }
        skipSpace()
        switch next {
        case UInt8(ascii: "{"):
            try list(end: UInt8(ascii: "}")) { syntax throws(Fault) in
                try syntax.string()
                syntax.skipSpace()
                guard syntax.take(UInt8(ascii: ":")) else { throw Fault() }
                try syntax.value(depth: depth + 1)
            }
        case UInt8(ascii: "["):
            try list(end: UInt8(ascii: "]")) { syntax throws(Fault) in try syntax.value(depth: depth + 1) }
        case UInt8(ascii: "\""): try string()
        default: try word()
        }
    }

    private mutating func list(
        end: UInt8,
        element: (inout ConfigurationSyntax) throws(Fault) -> Void
    ) throws(Fault) {
        position += 1
        skipSpace()
        if take(end) { return }
        while true {
            skipSpace()
            try element(&self)
            skipSpace()
            if take(end) { return }
            guard take(UInt8(ascii: ",")) else { throw Fault() }
        }
    }

    private mutating func string() throws(Fault) {
        guard take(UInt8(ascii: "\"")) else { throw Fault() }
        while let byte = next, byte >= 0x20 {
            position += 1
            if byte == UInt8(ascii: "\"") { return }
            if byte == UInt8(ascii: "\\") { position = min(position + 1, bytes.count) }
        }
        throw Fault()
    }

    /// A number, `true`, `false` or `null`.
    private mutating func word() throws(Fault) {
        let start = position
        while let byte = next, !Array(",:]}[{\"\n\r\t ".utf8).contains(byte) { position += 1 }
        let word = String(decoding: bytes[start..<position], as: UTF8.self)
        guard ["true", "false", "null"].contains(word) || Double(word) != nil else { throw Fault() }
    }
}
