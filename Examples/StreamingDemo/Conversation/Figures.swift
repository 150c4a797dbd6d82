/// What was counted and measured.
struct Figures: Sendable {
    /// Frames that the bot sent, of every kind.
    var frames = 0
    /// Their bytes, before TLS.
    var bytes = 0
    /// From each question to the first frame of its answer, shortest first.
    var latencies: [Duration] = []
    /// How often the connection ended without being asked to.
    var resets = 0
    /// How long each time until the bot was subscribed again.
    var healing: [Duration] = []
    /// What happened that should not.
    var mishaps: [String] = []

    var medianLatency: Duration? { latencies.isEmpty ? nil : latencies[latencies.count / 2] }
    var longestLatency: Duration? { latencies.last }
}

extension Duration {
    /// For people: `2.4 ms`, `187 ms`, `0.84 s`, `17.8 s`.
    var short: String {
        let milliseconds = self / .milliseconds(1)
        switch milliseconds {
        case ..<9.95: return "\(milliseconds.rounded(toPlaces: 1)) ms"
        case ..<99.5: return "\(Int(milliseconds.rounded())) ms"
        case ..<9_950: return "\((milliseconds / 1_000).rounded(toPlaces: 2)) s"
        default: return "\((milliseconds / 1_000).rounded(toPlaces: 1)) s"
        }
    }

    /// Seconds with two places, as wide as `width`: ` 3.07`.
    func seconds(width: Int) -> String {
        (self / .seconds(1)).rounded(toPlaces: 2).leftPadded(to: width)
    }
}

extension Double {
    /// With exactly so many decimals.
    func rounded(toPlaces places: Int) -> String {
        let scale = (0..<places).reduce(1) { scale, _ in scale * 10 }
        let value = Int((self * Double(scale)).rounded())
        let fraction = String(value.magnitude % scale.magnitude)
        return (value < 0 ? "-" : "") + "\(value.magnitude / scale.magnitude)."
            + String(repeating: "0", count: places - fraction.count) + fraction
    }
}

extension Int {
    /// As a number of bytes: `812 B`, `4.1 KiB`.
    var asBytes: String {
        switch self {
        case ..<1_024: "\(self) B"
        case ..<1_048_576: "\((Double(self) / 1_024).rounded(toPlaces: 1)) KiB"
        default: "\((Double(self) / 1_048_576).rounded(toPlaces: 1)) MiB"
        }
    }

    /// With a noun: `1 frame`, `2 frames`.
    func of(_ noun: String) -> String { "\(self) \(noun)\(self == 1 ? "" : "s")" }
}

extension String {
    /// With spaces before it.
    func leftPadded(to width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
}
