internal import BotFoundation

/// A frame's `headers.req_id`: the only thing that ties an acknowledgement to what it answers.
///
/// Compared whole, never by its beginning: what a prefix means is a private matter of whoever made the id.
struct RequestID: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    let rawValue: String

    init(rawValue: String) {
        self.rawValue = rawValue
    }

    /// What this package's own ids start with, so that none is ever equal to the server's id of a callback.
    static let ownPrefix = "swb-"

    /// A new id: the prefix, the command, a stamp and 16 random hexadecimal digits, so that two are never equal.
    ///
    /// - Parameter stamp: any number that grows, such as Unix milliseconds. It is there for people who read traces.
    static func fresh(
        for command: Command,
        stamp: UInt64,
        using generator: inout some RandomNumberGenerator
    ) -> RequestID {
        let digits = String(UInt64.random(in: .min ... .max, using: &generator), radix: 16)
        let padding = String(repeating: "0", count: 16 - digits.count)
        return RequestID(rawValue: "\(ownPrefix)\(command.rawValue)_\(stamp)_\(padding)\(digits)")
    }

    /// The same, from the system's random numbers.
    static func fresh(for command: Command, stamp: UInt64) -> RequestID {
        // Not with the system's generator itself: it has no size, and the thread sanitizer takes two of them for one.
        var generator = SplitMix64(seed: .random(in: .min ... .max))
        return fresh(for: command, stamp: stamp, using: &generator)
    }

    var description: String { rawValue }
}
