/// How answers are sent.
package struct StreamConfiguration: Sendable, Hashable {
    /// The shortest time between two intermediate updates of an answer. More often, a person does not read faster.
    package static let minimumInterval = Duration.milliseconds(300)

    /// What each KiB of text adds to the demand for time. An update carries the whole text, so updates at a fixed rate would
    /// cost time and traffic that grow with the square of the length; this way the bytes per second stay flat, at about
    /// 13 KiB/s.
    package static let intervalPerKiB = Duration.milliseconds(75)

    /// The longest time between two intermediate updates that are refused: each refusal doubles the interval, up to this.
    package static let maximumInterval = Duration.seconds(30)

    /// An answer without new text for so long has paused: what it has is complete for now.
    package static let pause = Duration.seconds(2)

    /// What a bubble ends with when it has shown text and the final text is blank: a blank final update would clear it.
    package var closingText: String

    /// The defaults.
    package init(closingText: String = "✅") {
        self.closingText = closingText
    }

    /// The time from one intermediate update to the next, if the next carries this many bytes and so many before it were refused.
    static func interval(bytes: Int, refusals: Int) -> Duration {
        let interval = max(minimumInterval, intervalPerKiB * bytes / 1_024)
        return refusals == 0 ? interval : min(interval * (1 << min(refusals, 10)), maximumInterval)
    }
}
