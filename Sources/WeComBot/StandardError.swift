public import BotFoundation
import Glibc

extension Log {
    /// A log on standard error, one line per record.
    ///
    /// On a terminal a line is made for reading, `02:16:41 INFO  connected epoch=1`, with the level in colour unless
    /// `NO_COLOR` is set. Anywhere else it is made for tools, `2026-11-21T02:16:41.123Z info connected epoch=1`, in UTC.
    ///
    /// What peers wrote cannot forge a line or reach the terminal: control characters are escaped. A line has at most 4,096
    /// bytes and is written at once, so that lines never mix. Whoever logs is never held up: while nobody reads what was
    /// written, lines are left out, and the next one that gets through says how many.
    public static func standardError(level: Level = .info) -> Log {
        let format = StandardErrorFormat(style: .suitable(for: STDERR_FILENO))
        let writer = StandardErrorWriter(output: .descriptor(STDERR_FILENO), format: format)
        return Log(level: level) { writer.write($0) }
    }
}
