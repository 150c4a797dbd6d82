/// Why a Redis server did not do what it was asked to.
struct RedisError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure. Open.
    struct Code: RawRepresentable, Sendable, Hashable {
        let rawValue: String

        /// It cannot be reached.
        static let unreachable = Code(rawValue: "unreachable")
        /// It does not answer in time.
        static let timeout = Code(rawValue: "timeout")
        /// It has closed the connection.
        static let closed = Code(rawValue: "closed")
        /// It answers with an error.
        static let refused = Code(rawValue: "refused")
        /// It answers with something else than Redis does.
        static let malformed = Code(rawValue: "malformed")
    }

    let code: Code
    let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    var description: String { message }
}
