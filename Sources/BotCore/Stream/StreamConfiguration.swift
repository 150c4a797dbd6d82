/// How answers are sent.
package struct StreamConfiguration: Sendable, Hashable {
    /// The shortest time between two intermediate updates of an answer. More often, a person does not read faster.
    package static let minimumInterval = Duration.milliseconds(300)

    /// What each KiB of text adds to the demand for time. An update carries the whole text, so updates at a fixed rate would
    /// cost time and traffic that grow with the square of the length; this way the bytes per second stay flat, at about
    /// 13 KiB/s.
    package static let intervalPerKiB = Duration.milliseconds(75)

    /// What a bubble ends with when it has shown text and the final text is blank: a blank final update would clear it.
    package var closingText: String

    /// The defaults.
    package init(closingText: String = "✅") {
        self.closingText = closingText
    }

    /// The time from one intermediate update to the next, if the next carries this many bytes.
    static func interval(bytes: Int) -> Duration {
        max(minimumInterval, intervalPerKiB * bytes / 1_024)
    }
}
