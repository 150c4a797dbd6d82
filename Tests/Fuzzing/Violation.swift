/// Something that must hold for every input and did not.
struct Violation: Error, CustomStringConvertible {
    let description: String
}

/// Throws a ``Violation`` that says which claim does not hold.
func claim(_ holds: @autoclosure () -> Bool, _ claim: @autoclosure () -> String) throws(Violation) {
    if !holds() { throw Violation(description: "not so: \(claim())") }
}

/// A word that inputs hold where a secret, or what a user wrote, stands. No error may repeat it.
let planted = "hunter2"

extension String {
    /// Whether it cannot start a line, drive a terminal or reorder what is shown.
    var isOneLine: Bool {
        unicodeScalars.allSatisfy { scalar in
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: false
            case .format: scalar == "\u{200C}" || scalar == "\u{200D}"
            default: true
            }
        }
    }

    /// Whether it can stand in the head of an HTTP request.
    var isVisibleASCII: Bool { utf8.allSatisfy { (0x21...0x7E).contains($0) } }
}
