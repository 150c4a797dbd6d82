/// A message that is not a stream: complete when it is sent, and shown on its own.
///
/// What there is to send depends on the channel, whose module adds ways to make one.
public struct OutboundMessage: Sendable, Hashable {
    /// What a message is made of. Open: the platform's name of the kind.
    public struct Kind: RawRepresentable, Sendable, Hashable {
        /// The platform's name of the kind.
        public let rawValue: String

        /// A kind by the platform's name.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }
    }

    /// What the message is made of.
    public let kind: Kind
    /// What the platform expects under the kind's name: a JSON object.
    public let body: [UInt8]
    /// Why the platform would not take it, such as a text that is too long; `nil` if nothing speaks against it. A message with a
    /// problem is refused with it wherever it is sent, and nothing leaves.
    public let problem: String?

    /// A message the way the platform expects it, for what this package does not model. Nothing is checked.
    ///
    /// - Parameter body: a JSON object.
    public init(kind: Kind, body: [UInt8]) {
        self.init(kind: kind, body: body, problem: nil)
    }

    /// A message that was checked, for the factories of a channel's module.
    package init(kind: Kind, body: [UInt8], problem: String?) {
        self.kind = kind
        self.body = body
        self.problem = problem
    }
}
