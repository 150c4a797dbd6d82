/// Why the state file cannot be used.
package struct StoreError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure. Open: later versions may add kinds.
    package struct Code: RawRepresentable, Sendable, Hashable {
        package let rawValue: String
        package init(rawValue: String) { self.rawValue = rawValue }

        /// The file cannot be made or opened.
        package static let cannotOpen = Code(rawValue: "cannot-open")
        /// Another process has it open.
        package static let inUse = Code(rawValue: "in-use")
        /// It is not a database, or a damaged one.
        package static let corrupt = Code(rawValue: "corrupt")
        /// It is a database of another program.
        package static let foreign = Code(rawValue: "foreign")
        /// It was written by a later version of this package.
        package static let newer = Code(rawValue: "newer")
        /// It cannot be written: the disk is full.
        package static let full = Code(rawValue: "full")
        /// Something else went wrong while it was read or written.
        package static let failed = Code(rawValue: "failed")
    }

    /// The kind of failure.
    package let code: Code
    /// What is wrong with which file, and what to do about it.
    package let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
