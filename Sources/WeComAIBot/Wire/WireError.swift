/// A frame that cannot be understood, or one of ours that must not be sent.
///
/// It never contains a piece of the frame: no message text, no secret, no address.
struct WireError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, for counters. Open.
    struct Code: RawRepresentable, Sendable, Hashable {
        let rawValue: String

        init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// The bytes are not UTF-8.
        static let notUTF8 = Code(rawValue: "not-utf8")
        /// The text is not JSON, or is nested deeper than the parser goes.
        static let notJSON = Code(rawValue: "not-json")
        /// The JSON is not an object.
        static let notAnObject = Code(rawValue: "not-an-object")
        /// A field without which the frame means nothing is missing or has the wrong type.
        static let missingField = Code(rawValue: "missing-field")
        /// A field we are about to send is longer than the protocol allows.
        static let tooLong = Code(rawValue: "too-long")
        /// A field we are about to send is empty and must not be.
        static let empty = Code(rawValue: "empty")
        /// A message we are about to send breaks a rule of the protocol.
        static let invalid = Code(rawValue: "invalid")
    }

    let code: Code
    let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    var description: String { message }
}

// What we send is checked before a byte is written.
extension WireError {
    /// Throws if a field is empty that must not be.
    ///
    /// - Parameter name: What the field belongs to, with its article.
    static func require(_ value: String, _ field: String, of name: String) throws(WireError) {
        if value.isEmpty { throw WireError(.empty, "\(field) of \(name) is empty") }
    }

    /// Throws if a field has more UTF-8 bytes than it may.
    static func limit(_ value: String, _ maximum: Int, _ field: String, of name: String) throws(WireError) {
        let count = value.utf8.count
        if count > maximum {
            throw WireError(.tooLong, "\(field) of \(name) has \(count) bytes; \(maximum) are allowed")
        }
    }
}
