extension Inbound {
    /// A part of a message or of a quote.
    public enum Part: Sendable {
        /// Text, or what was said.
        case text(String)
        /// A picture, file or video.
        case attachment(Attachment)
        /// Something that this version does not know, by the platform's name; it is in ``Inbound/raw``.
        case other(Kind)
    }
}

extension [Inbound.Part] {
    /// The texts, a line for each.
    package var text: String {
        compactMap { if case .text(let text) = $0 { text } else { nil } }.joined(separator: "\n")
    }

    /// What can be fetched, in order.
    var attachments: [Attachment] {
        compactMap { if case .attachment(let attachment) = $0 { attachment } else { nil } }
    }
}
