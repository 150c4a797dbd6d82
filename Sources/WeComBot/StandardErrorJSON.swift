import BotFoundation
import FoundationEssentials

/// How a record becomes a line of JSON.
enum StandardErrorJSON {
    /// The line, with its line feed, of at most `maximumBytes` bytes: what is too long is cut and marked with `…`.
    static func line(
        _ level: Log.Level,
        _ message: String,
        _ metadata: [(key: LogKey, value: String)],
        time: String,
        maximumBytes: Int
    ) -> [UInt8] {
        var members = Dictionary(metadata.map { ($0.key.description, $0.value) }) { $1 }
        // After the metadata: what every line has cannot be taken over by a key.
        members["time"] = time
        members["level"] = "\(level)"
        members["message"] = message
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        while true {
            let line = encoded(members, encoder)
            guard line.count > maximumBytes else { return line }
            guard let longest = members.max(by: { $0.value.utf8.count < $1.value.utf8.count })?.key,
                let text = members[longest], text.utf8.count > 8
            else { return [UInt8(ascii: "\n")] }
            // Escapes are longer than what they stand for, so that it may take more than one cut.
            let excess = line.count - maximumBytes
            let room = max(text.utf8.count / 2, text.utf8.count - excess) - "…".utf8.count - 1
            members[longest] = text.prefix(utf8: room) + "…"
        }
    }

    private static func encoded(_ members: [String: String], _ encoder: JSONEncoder) -> [UInt8] {
        do {
            let text = String(decoding: try encoder.encode(members), as: UTF8.self)
            return Array((text.escapedInJSON + "\n").utf8)
        } catch {
            return [UInt8(ascii: "\n")]  // strings can always be encoded
        }
    }
}

extension String {
    /// As many of its scalars as fit into that many UTF-8 bytes.
    fileprivate func prefix(utf8 maximum: Int) -> String {
        var end = utf8.index(startIndex, offsetBy: max(0, maximum), limitedBy: endIndex) ?? endIndex
        while end > startIndex, end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
        return String(self[..<end])
    }

    /// JSON leaves characters alone that could drive a terminal or reorder what is shown: they are escaped as JSON allows it.
    fileprivate var escapedInJSON: String {
        guard !isFreeOfControls else { return self }
        return unicodeScalars.reduce(into: "") { text, scalar in
            if String(scalar).isFreeOfControls {
                text.unicodeScalars.append(scalar)
            } else {
                for unit in scalar.utf16 {
                    let digits = String(unit, radix: 16)
                    text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            }
        }
    }
}
