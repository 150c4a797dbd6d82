/// Why a long connection cannot be made at all.
package struct LongConnectionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure. Open: later versions may add kinds.
    package struct Code: RawRepresentable, Sendable, Hashable {
        package let rawValue: String
        package init(rawValue: String) { self.rawValue = rawValue }

        /// A value of the configuration cannot work.
        package static let invalidConfiguration = Code(rawValue: "invalid-configuration")
    }

    /// The kind of failure.
    package let code: Code
    /// What is wrong.
    package let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
