/// What a case expected, and what it saw instead.
struct Failure: Error, CustomStringConvertible {
    let expected: String
    let seen: String

    var description: String { "expected \(expected); seen: \(seen)" }
}

/// A case that cannot run here, and why.
struct Skipped: Error {
    let reason: String
}

/// Throws unless it holds.
func expect(_ holds: Bool, _ expected: @autoclosure () -> String, seen: @autoclosure () -> String) throws(Failure) {
    guard holds else { throw Failure(expected: expected(), seen: seen()) }
}

/// Throws unless both are equal.
func expect<Value: Equatable>(_ seen: Value, is expected: Value, _ what: String) throws(Failure) {
    guard seen == expected else { throw Failure(expected: "\(what) \(expected)", seen: "\(seen)") }
}

/// What `work` returns, unless it takes longer than `limit`: then it is cancelled, and a ``Failure`` is thrown.
func within<Value: Sendable>(
    _ limit: Duration,
    _ expected: @autoclosure @escaping @Sendable () -> String,
    seen: @escaping @Sendable () -> String = { "nothing" },
    _ work: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask { try await work() }
        group.addTask {
            do { try await ContinuousClock().sleep(for: limit) } catch { return nil }  // the work came first
            return nil
        }
        defer { group.cancelAll() }
        guard let value = try await group.next() ?? nil else {
            throw Failure(expected: "\(expected()) within \(limit.figure)", seen: seen())
        }
        return value
    }
}

extension Duration {
    /// In seconds or milliseconds, for people: `1.24 s`, `17 ms`.
    var figure: String {
        let seconds = self / .seconds(1)
        return seconds < 1 ? "\(Int((seconds * 1_000).rounded())) ms" : "\((seconds * 100).rounded() / 100) s"
    }
}
