/// Everything that is wrong with a configuration.
///
/// Its description has one line per problem and never contains a secret, or any value that could be one by mistake.
public struct ConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// One thing to correct.
    public struct Problem: Sendable, Hashable, CustomStringConvertible {
        /// The key or variable, as it was written; the name of the property for a configuration made in code.
        public let key: String
        /// Where it was found: the path of the file, `environment`, or `Configuration` for one made in code.
        public let source: String
        /// What is wrong and what to write instead.
        public let message: String

        package init(key: String, source: String, message: String) {
            self.key = key
            self.source = source
            self.message = message
        }

        /// One line: `key (source): message`.
        public var description: String {
            "\(key.escapedForOneLine) (\(source.escapedForOneLine)): \(message.escapedForOneLine)"
        }
    }

    /// The problems: those of the file itself, then the settings in their documented order, then unknown keys.
    public let problems: [Problem]

    package init(problems: [Problem]) {
        self.problems = problems
    }

    /// The status a program should exit with: `EX_CONFIG` of sysexits.h.
    public static let exitStatus: Int32 = 78

    /// One line per problem.
    public var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}
