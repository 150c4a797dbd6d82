public import BotFoundation

extension Log {
    /// How lines on standard error look.
    public enum Format: String, Sendable, CaseIterable {
        /// For people: one line of text per record.
        case text
        /// For tools: one JSON object per line, with the keys of ``LogKey``.
        case json
    }
}
