public import BotFoundation
import Glibc

extension Log {
    /// A log on standard error, one line per record.
    ///
    /// On a terminal a line is made for reading, `02:16:41 INFO  connected epoch=1`, with the level in colour unless
    /// `NO_COLOR` is set. Anywhere else it is made for tools, `2026-11-21T02:16:41.123Z info connected epoch=1`, in UTC.
    ///
    /// In the format ``Format/json`` each line is one JSON object with the members `time`, `level`, `message` and those of
    /// ``LogKey`` that the record has; all of them are strings.
    ///
    /// What peers wrote cannot forge a line or reach the terminal: control characters are escaped. A line has at most 4,096
    /// bytes and is written at once, so that lines never mix. Whoever logs is never held up: while nobody reads what was
    /// written, lines are left out, and the next one that gets through says how many. If standard error is closed, nothing is
    /// ever written, whatever file takes its number later.
    public static func standardError(level: Level = .info, format: Format = .text) -> Log {
        var status = stat()
        guard fstat(STDERR_FILENO, &status) == 0 else { return Log(level: level) { _ in } }
        let style: StandardErrorFormat.Style = format == .json ? .json : .suitable(for: STDERR_FILENO)
        let writer = StandardErrorWriter(
            output: .descriptor(STDERR_FILENO),
            format: StandardErrorFormat(style: style)
        )
        return Log(level: level) { writer.write($0) }
    }
}
