internal import Synchronization

/// Where log lines go, and from which level on. A value that is passed in; there is no global one.
///
/// The library logs at `info` or below, and at `warning` or `error` only what an operator should act on. No line carries a
/// secret, a signed URL or, below `trace`, the text of a message.
public struct Log: Sendable {
    /// How important a line is.
    public enum Level: Int, Sendable, Comparable, CaseIterable {
        case trace, debug, info, notice, warning, error

        /// Orders levels from `trace` to `error`.
        public static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
    }

    /// One line.
    public struct Record: Sendable {
        /// How important it is.
        public let level: Level
        /// What happened, for people.
        public let message: String
        /// The facts, in the order given.
        public let metadata: [(key: LogKey, value: String)]
    }

    /// Lines below this level are not made at all.
    public var level: Level { threshold.level }
    private let threshold: Threshold
    private let sink: @Sendable (Record) -> Void

    /// A log that hands every line at `level` or above to `sink`, on whatever thread the line was written.
    public init(level: Level = .info, sink: @escaping @Sendable (Record) -> Void) {
        threshold = Threshold(level)
        self.sink = sink
    }

    /// Changes the level, for every copy of this log.
    package func setLevel(_ level: Level) { threshold.level = level }

    /// A log that keeps nothing.
    public static let disabled = Log(level: .error) { _ in }

    /// Writes one line, if `level` is wanted. The arguments are not evaluated otherwise.
    package func callAsFunction(
        _ level: Level,
        _ message: @autoclosure () -> String,
        _ metadata: @autoclosure () -> KeyValuePairs<LogKey, String> = [:]
    ) {
        guard level >= self.level else { return }
        sink(Record(level: level, message: message(), metadata: metadata().map { (key: $0.key, value: $0.value) }))
    }
}

/// A level that all copies of a log share.
private final class Threshold: Sendable {
    private let rawValue: Atomic<Int>

    init(_ level: Log.Level) { rawValue = Atomic(level.rawValue) }

    var level: Log.Level {
        get { Log.Level(rawValue: rawValue.load(ordering: .relaxed)) ?? .trace }
        set { rawValue.store(newValue.rawValue, ordering: .relaxed) }
    }
}
