import BotFoundation

/// What every case is given.
struct Context: Sendable {
    /// Where its random numbers come from.
    let seed: UInt64
    /// Whether sweeps leave nothing out.
    let isExhaustive: Bool
    /// How large the file is that goes over a slow line.
    let uploadBytes: Int
    /// Reads every line that is logged.
    let audit: Audit
    /// The real program.
    let echoBot: String

    /// Numbers that depend on the seed and on who asks.
    func generator(_ salt: UInt64 = 0) -> SplitMix64 { SplitMix64(seed: seed &+ salt &* 0x9E37_79B9) }
}
