import FoundationEssentials
import Glibc

/// What this process uses.
struct ProcessUsage: Sendable {
    /// Memory in use. What the allocator holds back of what was freed, which rises and falls with the load of the moment, was given
    /// back just before.
    let residentKiB: Int
    let descriptors: Int
    let threads: Int

    /// Now.
    static var now: ProcessUsage {
        _ = trim?(0)
        func file(_ path: String) -> String {
            FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
        }
        let pages = file("/proc/self/statm").split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        let threads = file("/proc/self/status").split(separator: "\n").first { $0.hasPrefix("Threads:") }
        return ProcessUsage(
            residentKiB: pages * sysconf(Int32(_SC_PAGESIZE)) / 1_024,
            descriptors: ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 1) - 1,
            threads: threads.flatMap { Int($0.split(whereSeparator: \.isWhitespace).last ?? "") } ?? 0
        )
    }
}

/// `malloc_trim`, which Swift's module of the C library leaves out.
private let trim: (@convention(c) (Int) -> Int32)? = dlsym(nil, "malloc_trim")
    .map { unsafeBitCast($0, to: (@convention(c) (Int) -> Int32).self) }

/// A line through points, by least squares.
struct Trend {
    /// Per unit of time.
    let slope: Double
    /// The slope's standard error.
    let noise: Double

    /// At least three points.
    init?(_ points: [(x: Double, y: Double)]) {
        let count = Double(points.count)
        guard points.count >= 3 else { return nil }
        let (meanX, meanY) = (points.map(\.x).reduce(0, +) / count, points.map(\.y).reduce(0, +) / count)
        let spread = points.reduce(0) { $0 + ($1.x - meanX) * ($1.x - meanX) }
        guard spread > 0 else { return nil }
        let slope = points.reduce(0) { $0 + ($1.x - meanX) * ($1.y - meanY) } / spread
        let squares = points.reduce(0) { sum, point in
            let rest = point.y - meanY - slope * (point.x - meanX)
            return sum + rest * rest
        }
        self.slope = slope
        noise = (squares / (count - 2) / spread).squareRoot()
    }
}

/// What a soak used is no more at its end than when it had become steady.
struct Floor {
    /// How many more are an accident of the moment.
    static let allowance = 4

    /// The least of the first and of the last fifth: what comes and goes with connections that break is not in it.
    let first: Int
    let last: Int

    /// At least five values, in the order of time.
    init?(_ values: [Int]) {
        let count = values.count / 5
        guard let first = values.prefix(count).min(), let last = values.suffix(count).min() else { return nil }
        (self.first, self.last) = (first, last)
    }

    /// Whether it has not risen.
    var holds: Bool { last <= first + Self.allowance }
}
