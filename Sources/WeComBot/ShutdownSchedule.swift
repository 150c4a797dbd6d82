/// How the time that a bot has to end is shared among what has to be done in it.
struct ShutdownSchedule: Sendable, Hashable {
    /// How long handlers go on. Then they are cancelled, and their answers end with the text they have.
    var handlers: Duration
    /// How long the verdicts on the last updates are waited for after that.
    var verdicts: Duration
    /// How long the close handshake may take after that.
    var closing: Duration
    /// What is left after that, for turns to end and to write down what is owed.
    var rest: Duration

    /// All of it.
    var total: Duration { handlers + verdicts + closing + rest }

    /// Shares `total`. The last 3 seconds of it, or 30 % if that is less, are for what comes after the handlers: a verdict usually
    /// takes half a second.
    init(_ total: Duration) {
        let reserve = min(.seconds(3), total * 3 / 10)
        handlers = total - reserve
        verdicts = reserve / 2
        closing = reserve / 4
        rest = reserve - verdicts - closing
    }
}
