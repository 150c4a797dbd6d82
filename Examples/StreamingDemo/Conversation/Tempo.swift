/// How fast the conversation is played.
enum Tempo: Sendable, Hashable {
    case normal
    /// For machines that watch: the same conversation in a few seconds.
    case fast

    /// How long something takes that takes this long at the normal speed.
    func time(_ duration: Duration) -> Duration {
        switch self {
        case .normal: duration
        case .fast: duration / 6
        }
    }
}
