/// What a connection does when another one of the same bot takes its place: the platform keeps only the one that subscribed last
/// (official doc 101463), so that two processes with the same bot id would take it from each other for ever.
public enum DisplacementPolicy: String, Sendable, Hashable, CaseIterable {
    /// Gives way: waits half a minute at least, each time four times as long, up to ten minutes, and takes the place back then.
    case yield
    /// Takes the place back within seconds. When it was displaced three times without having held the place for twenty minutes in
    /// between, two processes are fighting: it gives way like ``yield`` then, until it has held the place for so long.
    case takeOver = "take_over"
    /// Ends for good.
    case stop
}
