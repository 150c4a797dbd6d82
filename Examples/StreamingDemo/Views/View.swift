import WeComBot

/// Shows a conversation.
protocol View {
    /// The gateway listens; the play begins.
    mutating func begin(url: String, script: Script)
    /// Something happened.
    mutating func show(_ event: Ledger.Event, _ figures: Figures)
    /// Time goes by: about 30 times a second.
    mutating func tick()
    /// The play is over.
    mutating func end(_ ending: PlayEnding)
}

/// How a play ended.
enum PlayEnding: Sendable {
    /// To the last line, and this is how it went.
    case played(Verdict)
    /// SIGTERM or Ctrl-C.
    case interrupted
    /// It could not go on; the reason is told elsewhere.
    case failed
}
