extension Configuration {
    /// How messages arrive. Later versions may know more ways.
    public struct Mode: Sendable, Hashable, CustomStringConvertible {
        private enum Choice: String, CaseIterable {
            case longConnection = "long_connection"
            case webhook
        }

        private let choice: Choice

        /// The bot keeps a WebSocket open to the gateway. The only mode that this version can run.
        public static let longConnection = Mode(choice: .longConnection)
        /// The platform calls an HTTP server. Known, but not available in this version.
        public static let webhook = Mode(choice: .webhook)

        /// The mode that a configuration file calls `name`, if there is one.
        public init?(name: String) {
            guard let choice = Choice(rawValue: name) else { return nil }
            self.choice = choice
        }

        private init(choice: Choice) {
            self.choice = choice
        }

        /// The name in configuration files.
        public var description: String { choice.rawValue }
    }
}
