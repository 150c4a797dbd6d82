internal import LWSTransport

extension Configuration {
    /// An HTTP proxy that is asked to `CONNECT`. It prints without its user and password.
    public struct HTTPProxy: Sendable, Hashable, CustomStringConvertible {
        let proxy: Proxy

        /// The proxy at `url`: `http://[user[:password]@]host[:port]`, where `http://` may be left out. Special characters of user and
        /// password are percent-encoded; decoded and joined by a colon they may have 93 bytes, because libwebsockets 4.1 would
        /// leave longer ones out.
        ///
        /// - Throws: ``ConfigurationError`` with one problem under the key `httpProxy`.
        public init(_ url: String) throws(ConfigurationError) {
            do {
                try self.init(parsing: url)
            } catch {
                throw ConfigurationError(problems: [Configuration.problem("httpProxy", error)])
            }
        }

        init(parsing text: String) throws(ConfigurationFault) {
            do {
                proxy = try Proxy(text)
            } catch {
                throw ConfigurationFault(error)
            }
        }

        /// The URL without its user and password.
        public var description: String { proxy.description }
    }
}
