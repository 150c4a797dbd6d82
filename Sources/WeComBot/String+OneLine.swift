extension String {
    /// The text with everything escaped that could start a new line, drive a terminal or reorder what is shown.
    ///
    /// What peers and files wrote must not be able to forge a line. Joiners inside emoji stay as they are.
    package var escapedForOneLine: String {
        guard !unicodeScalars.allSatisfy(\.isHarmlessInALine) else { return self }
        var escaped = ""
        for scalar in unicodeScalars {
            switch scalar {
            case "\n": escaped += "\\n"
            case "\r": escaped += "\\r"
            case "\t": escaped += "\\t"
            case _ where scalar.isHarmlessInALine: escaped.unicodeScalars.append(scalar)
            default: escaped += "\\u{\(String(scalar.value, radix: 16))}"
            }
        }
        return escaped
    }

    /// Whether nothing in it needs ``escapedForOneLine``.
    var isFreeOfControls: Bool { unicodeScalars.allSatisfy(\.isHarmlessInALine) }

    /// Without white space at either end.
    var trimmed: String {
        let start = unicodeScalars.firstIndex { !$0.properties.isWhitespace } ?? endIndex
        guard let last = unicodeScalars.lastIndex(where: { !$0.properties.isWhitespace }) else { return "" }
        return String(unicodeScalars[start...last])
    }
}

extension Unicode.Scalar {
    /// False for control characters, line and paragraph separators, and bidirectional and other invisible formatting.
    fileprivate var isHarmlessInALine: Bool {
        if (0x20...0x7E).contains(value) { return true }
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: return false
        case .format: return value == 0x200C || value == 0x200D  // joiners: emoji and several scripts need them
        default: return true
        }
    }
}
