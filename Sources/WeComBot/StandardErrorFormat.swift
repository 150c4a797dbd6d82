import BotFoundation
import Glibc

/// How a record becomes a line.
struct StandardErrorFormat: Sendable {
    /// For whom a line is made.
    enum Style: Sendable, Hashable {
        /// For tools: whole UTC time, no colour.
        case plain
        /// For tools: a JSON object.
        case json
        /// For a person: local time of day.
        case terminal(isColoured: Bool)

        /// What suits the file behind `descriptor`, by <https://no-color.org> and `TERM`.
        static func suitable(for descriptor: Int32) -> Style {
            guard isatty(descriptor) == 1 else { return .plain }
            return terminal(noColor: variable("NO_COLOR"), kind: variable("TERM"))
        }

        static func terminal(noColor: String?, kind: String?) -> Style {
            .terminal(isColoured: (noColor ?? "").isEmpty && kind != "dumb")
        }

        private static func variable(_ name: String) -> String? {
            getenv(name).map { String(cString: $0) }
        }
    }

    let style: Style

    /// `PIPE_BUF`: what Linux writes to a pipe in one piece, whoever else writes to it.
    static let maximumBytes = 4_096

    /// The line, with its line feed; at most ``maximumBytes`` bytes, cut at a character and marked with `…` if need be.
    func line(
        _ level: Log.Level,
        _ message: String,
        _ metadata: [(key: LogKey, value: String)],
        at time: timespec
    ) -> [UInt8] {
        if style == .json {
            return StandardErrorJSON.line(
                level,
                message,
                metadata,
                time: Self.timestamp(time),
                maximumBytes: Self.maximumBytes
            )
        }
        var line = prefix(level, at: time) + message.escapedForOneLine
        for (key, value) in metadata {
            line += " \(key.description)=\(StandardErrorFormat.quoted(value))"
        }
        return StandardErrorFormat.cut(line)
    }

    private func prefix(_ level: Log.Level, at time: timespec) -> String {
        switch style {
        case .plain, .json:
            return "\(Self.timestamp(time)) \(level) "
        case .terminal(let isColoured):
            var seconds = time.tv_sec
            var parts = tm()
            localtime_r(&seconds, &parts)
            let name = "\(level)".uppercased()
            let padding = String(repeating: " ", count: max(0, 7 - name.count))
            let shown = isColoured ? "\u{1B}[\(colour(level))m\(name)\u{1B}[0m" : name
            return "\(Self.clock(parts)) \(shown)\(padding) "
        }
    }

    /// RFC 3339, in UTC, with milliseconds.
    private static func timestamp(_ time: timespec) -> String {
        var seconds = time.tv_sec
        var parts = tm()
        gmtime_r(&seconds, &parts)
        let date = "\(pad(Int(parts.tm_year) + 1900, 4))-\(pad(Int(parts.tm_mon) + 1, 2))-\(pad(Int(parts.tm_mday), 2))"
        return "\(date)T\(clock(parts)).\(pad(time.tv_nsec / 1_000_000, 3))Z"
    }

    private static func clock(_ parts: tm) -> String {
        "\(pad(Int(parts.tm_hour), 2)):\(pad(Int(parts.tm_min), 2)):\(pad(Int(parts.tm_sec), 2))"
    }

    private static func pad(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    private func colour(_ level: Log.Level) -> Int {
        switch level {
        case .trace, .debug: 2
        case .info: 32
        case .notice: 36
        case .warning: 33
        case .error: 31
        }
    }

    /// The value as it is, or in quotes if it would not be read back as one value.
    static func quoted(_ value: String) -> String {
        let isBare =
            !value.isEmpty
            && value.unicodeScalars.allSatisfy { scalar in
                scalar != "\"" && scalar != "\\" && scalar != "=" && !scalar.properties.isWhitespace
            }
        guard !isBare || value.escapedForOneLine != value else { return value }
        // By scalars: a quote is one also with a combining mark after it. Backslashes that escape control characters must differ
        // from those that were in the value.
        let text = value.unicodeScalars.reduce(into: "") { text, scalar in
            if scalar == "\"" || scalar == "\\" { text += "\\" }
            text += String(scalar).escapedForOneLine
        }
        return "\"\(text)\""
    }

    private static func cut(_ line: String) -> [UInt8] {
        var bytes = Array(line.utf8)
        if bytes.count >= maximumBytes {
            let mark = Array("…".utf8)
            var end = maximumBytes - 1 - mark.count
            while end > 0, bytes[end] & 0xC0 == 0x80 { end -= 1 }
            bytes = bytes[..<end] + mark
        }
        return bytes + [UInt8(ascii: "\n")]
    }
}
