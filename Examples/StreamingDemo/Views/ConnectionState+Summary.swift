import WeComBot

extension ConnectionState {
    /// For people, in a few words.
    func summary(now: ContinuousClock.Instant) -> String {
        switch self {
        case .idle: "idle"
        case .connecting: "connecting"
        case .subscribing: "subscribing"
        case .ready: "ready"
        case .waiting(let retryAt, let reason): "trying again in \(max(.zero, retryAt - now).short): \(reason)"
        case .displaced(_, let retryAt?):
            "another connection of this bot took its place; trying again in \(max(.zero, retryAt - now).short)"
        case .displaced(_, nil): "another connection of this bot took its place; ending"
        case .credentialsRejected(_, let retryAt, let code):
            "bot id or secret rejected (errcode \(code.rawValue)); trying again in \(max(.zero, retryAt - now).short)"
        case .closing: "closing"
        case .stopped: "stopped"
        }
    }
}
