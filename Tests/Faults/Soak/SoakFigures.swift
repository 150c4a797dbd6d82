import FoundationEssentials
import Glibc

/// What this process uses.
struct ProcessUsage: Sendable {
    /// What is allocated; without what the allocator keeps of what was freed, and without the threads' stacks.
    let heapKiB: Int
    let residentKiB: Int
    let descriptors: Int
    let threads: Int

    /// Now.
    static var now: ProcessUsage {
        func file(_ path: String) -> String {
            FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
        }
        let pages = file("/proc/self/statm").split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        let threads = file("/proc/self/status").split(separator: "\n").first { $0.hasPrefix("Threads:") }
        return ProcessUsage(
            heapKiB: allocatedBytes() / 1_024,
            residentKiB: pages * sysconf(Int32(_SC_PAGESIZE)) / 1_024,
            descriptors: ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 1) - 1,
            threads: threads.flatMap { Int($0.split(whereSeparator: \.isWhitespace).last ?? "") } ?? 0
        )
    }
}

/// `malloc_info`, which Swift's module of the C library leaves out.
private let mallocInfo = dlsym(nil, "malloc_info")
    .map { unsafeBitCast($0, to: (@convention(c) (Int32, UnsafeMutablePointer<FILE>) -> Int32).self) }

/// What `malloc` has given out; 0 if the allocator does not tell, as a sanitizer's does not.
private func allocatedBytes() -> Int {
    var text: UnsafeMutablePointer<CChar>?
    var size = 0
    guard let mallocInfo, let file = open_memstream(&text, &size) else { return 0 }
    let status = mallocInfo(0, file)
    fclose(file)
    defer { free(text) }
    guard status == 0, let text else { return 0 }
    var sizes: [Substring: Int] = [:]
    // The sums over all arenas come last.
    for match in String(cString: text).matches(of: #/<(?:system|total) type="(\w+)"(?: count="\d+")? size="(\d+)"/#) {
        sizes[match.1] = Int(match.2)
    }
    return sizes["current", default: 0] + sizes["mmap", default: 0] - sizes["fast", default: 0]
        - sizes["rest", default: 0]
}

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
