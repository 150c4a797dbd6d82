package import BotFoundation

/// Keeps the lines of a log for a test to look at.
package final class LogCapture: Sendable {
    private let lines = Locked<[Log.Record]>([])
    private let level: Log.Level

    package init(level: Log.Level = .trace) {
        self.level = level
    }

    /// A log whose lines, from the level on, end up here.
    package var log: Log {
        Log(level: level) { [lines] record in lines.withLock { $0.append(record) } }
    }

    /// The lines so far.
    package var records: [Log.Record] { lines.withLock { $0 } }

    /// The messages of the lines at `level` or above.
    package func messages(from level: Log.Level = .trace) -> [String] {
        records.filter { $0.level >= level }.map(\.message)
    }
}
