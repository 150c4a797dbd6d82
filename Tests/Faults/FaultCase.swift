/// One thing that goes wrong, and what has to hold all the same.
struct FaultCase: Sendable {
    /// How it disturbs others.
    enum Load: Sendable {
        /// It mostly waits: such cases run at the same time.
        case waits
        /// It keeps the processors busy: it runs alone.
        case works
    }

    /// What `--only` calls it.
    let name: String
    let load: Load
    /// Runs it: the figure it measured. Throws a ``Failure`` if something did not hold.
    let run: @Sendable (Context) async throws -> String

    init(_ name: String, _ load: Load, _ run: @escaping @Sendable (Context) async throws -> String) {
        self.name = name
        self.load = load
        self.run = run
    }
}
