/// Conversations under faults.
struct Soak {
    init(_ context: Context, minutes: Double) {}
    func run() async throws -> Bool { true }
}
