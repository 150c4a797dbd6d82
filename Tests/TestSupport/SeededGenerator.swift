package import BotFoundation
import Glibc

/// Random numbers that a test can repeat.
package typealias SeededGenerator = SplitMix64

extension SeededGenerator {
    /// `TEST_SEED` if it is set, else a new seed. Printed, so that a failure can be repeated.
    package static func seed(for test: String) -> UInt64 {
        let given = getenv("TEST_SEED").flatMap { UInt64(String(cString: $0)) }
        let seed = given ?? UInt64.random(in: 0...UInt64(UInt32.max))
        print("\(test): TEST_SEED=\(seed)")
        return seed
    }
}
