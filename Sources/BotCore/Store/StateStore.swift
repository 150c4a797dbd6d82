/// What another process left.
package struct SavedState: Sendable {
    /// An id of a message, and when it was last seen: milliseconds since 1970.
    package struct Sighting: Sendable, Hashable {
        package let id: String
        package let at: Int64

        package init(id: String, at: Int64) {
            self.id = id
            self.at = at
        }
    }

    /// The turns that were not settled.
    package var turns: [SavedTurn]
    /// The ids of messages that were seen lately.
    package var seen: [Sighting]
    /// The messages that have no verdict and are no answers.
    package var pushes: [SavedPush]

    package init(turns: [SavedTurn] = [], seen: [Sighting] = [], pushes: [SavedPush] = []) {
        self.turns = turns
        self.seen = seen
        self.pushes = pushes
    }
}

/// Keeps what must survive the process.
///
/// Its methods are called one at a time, on a thread of their own, and may block it.
package protocol StateStore: Sendable {
    /// Opens the store and gives what is in it. The first call; made again later if it fails.
    ///
    /// - Throws: When the store cannot be used now; the bot goes on without it until it can. The error's description is for the
    ///   operator.
    func recover() throws -> SavedState

    /// Writes all of the changes, or none. When it returns, they survive the end of the process.
    ///
    /// - Throws: When they could not be written, for instance because the disk is full. They are offered again later.
    func record(_ changes: [StateChange]) throws

    /// The last call.
    func close()
}
