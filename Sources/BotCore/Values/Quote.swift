/// What a message quotes. Platforms do not say who wrote it, nor when.
public struct Quote: Sendable {
    /// What it is made of.
    public let kind: Inbound.Kind
    /// Its parts in their order.
    public let parts: [Inbound.Part]

    /// Makes a quote; a channel does, and so does the test of a handler.
    public init(kind: Inbound.Kind, parts: [Inbound.Part]) {
        self.kind = kind
        self.parts = parts
    }

    /// Its text; empty when it has none. Of several texts each has its line.
    public var text: String { parts.text }

    /// What can be fetched, in order.
    public var attachments: [Attachment] { parts.attachments }
}
