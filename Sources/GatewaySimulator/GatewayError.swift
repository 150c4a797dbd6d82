/// Why something that was waited for did not come.
package struct GatewayError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of reason it was. Open: later versions may add codes.
    package struct Code: RawRepresentable, Sendable, Hashable {
        /// The code as it is printed.
        package let rawValue: String
        /// Wraps a code by its printed form.
        package init(rawValue: String) { self.rawValue = rawValue }

        /// It did not come in time.
        package static let deadlineExceeded = Code(rawValue: "deadline-exceeded")
        /// The gateway was stopped.
        package static let stopped = Code(rawValue: "stopped")
    }

    /// What kind of reason it was.
    package let code: Code
    /// What was waited for, and what was there instead.
    package let message: String

    /// Makes an error from its parts.
    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The code and the message.
    package var description: String { "\(code.rawValue): \(message)" }
}
