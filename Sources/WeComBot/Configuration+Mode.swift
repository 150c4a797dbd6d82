extension Configuration {
    /// How messages arrive. Later versions may know more ways.
    public struct Mode: Sendable, Hashable, CustomStringConvertible {
        private enum Choice: String, CaseIterable {
            case longConnection = "long_connection"
            case webhook
        }

        private let choice: Choice

        /// The bot keeps a WebSocket open to the gateway.
        public static let longConnection = Mode(choice: .longConnection)
        /// The platform calls the bot's callback address: an HTTP server.
        public static let webhook = Mode(choice: .webhook)

        static let names = Choice.allCases.map(\.rawValue)

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
